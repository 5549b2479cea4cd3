/** Where the store is and that nobody else may write there. */
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { SkyliftError } from '../core/errors.ts';
import { errnoOf } from './file-failure.ts';
import type { FilePort } from './file-port.ts';

const OWNER_ONLY = 0o700;
const WRITABLE_BY_OTHERS = 0o022;
const ROOT = 0;
const NO_PLACE: Readonly<Record<string, string>> = {
  EEXIST: 'that is a file',
  ENOTDIR: 'a part of that path is a file',
  EACCES: 'this user may not create it',
  EPERM: 'this user may not create it',
  EROFS: 'that file system is read-only',
};

/** Paths of the parts of a store. */
export interface StoreLayout {
  /** Packages: `<digest>/` with files 0444; the digest is the sha256 of its skylift.json. */
  readonly trees: string;
  /** `<sha256 of imported bytes>`: digest of the package made of them. */
  readonly imports: string;
  /** `<name>`: digest of a package. */
  readonly refs: string;
  /** What is being written. */
  readonly tmp: string;
  /** Lock of the one writer. */
  readonly lock: string;
}

/**
 * The store of this user: `$SKYLIFT_STORE`, else `$XDG_DATA_HOME/skylift/store`, else `~/.local/share/skylift/store`.
 * Source: XDG Base Directory Specification (relative values are ignored).
 */
export function defaultStoreDir(
  env: Readonly<Record<string, string | undefined>> = process.env,
  home: string = homedir(),
): string {
  const own = env['SKYLIFT_STORE'];
  if (own) return resolve(own);
  const data = env['XDG_DATA_HOME'];
  const base = data && isAbsolute(data) ? data : join(home, '.local', 'share');
  return join(base, 'skylift', 'store');
}

/** Creates what is missing of the store in `dir`. Throws SKY_STORE_UNSAFE, SKY_STORE_IO where no store can be. */
export async function prepareStoreDir(files: FilePort, dir: string): Promise<StoreLayout> {
  const layout = {
    trees: join(dir, 'trees'),
    imports: join(dir, 'imports'),
    refs: join(dir, 'refs'),
    tmp: join(dir, 'tmp'),
    lock: join(dir, 'lock'),
  };
  for (const folder of [dir, layout.trees, layout.imports, layout.refs, layout.tmp])
    await files.makeFolder(folder, OWNER_ONLY).catch((error: unknown) => {
      throw folderFailure(folder, error) ?? error;
    });
  await requirePrivate(files, dir);
  await files.syncFolder(dir);
  return layout;
}

/** Undefined for failures that say nothing about the choice of the folder. */
function folderFailure(folder: string, cause: unknown): SkyliftError | undefined {
  const reason = NO_PLACE[errnoOf(cause) ?? ''];
  if (reason === undefined) return undefined;
  return new SkyliftError('SKY_STORE_IO', `the store needs the folder ${folder}, but ${reason}`, {
    hint: 'Choose a folder that this user may write to: SKYLIFT_STORE=DIR.',
    cause,
  });
}

/** Whoever may write to the folder may swap models. Windows has no such bits and is not checked. */
async function requirePrivate(files: FilePort, dir: string): Promise<void> {
  const user = process.getuid?.();
  if (user === undefined) return;
  const { owner, mode } = await files.facts(dir);
  const hint = `Use a folder of your own that nobody else may write to: SKYLIFT_STORE=${join(dir, 'store')}`;
  if (owner !== user && owner !== ROOT)
    throw new SkyliftError('SKY_STORE_UNSAFE', `${dir} belongs to user ${owner}, this is user ${user}`, {
      hint,
    });
  if ((mode & WRITABLE_BY_OTHERS) !== 0)
    throw new SkyliftError('SKY_STORE_UNSAFE', `others may write to ${dir} (mode ${mode.toString(8)})`, {
      hint,
    });
}
