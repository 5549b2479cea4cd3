/** Runs `skylift keys`. A key itself is shown once, on stdout, by the command that makes it. */
import { systemClock } from '../../core/clock.ts';
import { SkyliftError } from '../../core/errors.ts';
import { resolveLimits } from '../../core/limits.ts';
import type { Limits } from '../../core/limits.ts';
import type { GrantedPermission } from '../../serve/protocols/http-call.ts';
import { createKey, revokeKey, revokeOldSecret, rotateKey } from '../../serve/server/auth/key-edits.ts';
import type { KeyGrant, NewKeyEdit } from '../../serve/server/auth/key-edits.ts';
import type { KeyPaths } from '../../serve/server/auth/key-files.ts';
import { validityAt } from '../../serve/server/auth/key-record.ts';
import type { KeyRecord } from '../../serve/server/auth/key-record.ts';
import { editKeys, listKeys } from '../../serve/server/auth/key-store.ts';
import type { CliContext } from '../define-command.ts';
import { limitsIn } from '../flag-values.ts';
import { renderTable } from '../render/table.ts';
import type { Terminal } from '../terminal.ts';
import { KEY_ACTION_FLAGS } from './key-actions.ts';
import type { KeyAction } from './key-actions.ts';

export interface KeysFlags {
  readonly description?: string;
  readonly permissions?: readonly GrantedPermission[];
  readonly models?: readonly string[];
  readonly not_before?: string;
  readonly expires?: string;
  readonly old: boolean;
  readonly auth_pepper?: string;
  readonly max_auth_keys?: number;
  readonly max_auth_file_bytes?: number;
}

/** What an action works with. */
interface KeyTask {
  readonly terminal: Terminal;
  readonly flags: KeysFlags;
  readonly paths: KeyPaths;
  readonly limits: Limits;
  /** Empty for the actions that take none. */
  readonly id: string;
  /** Now, ISO 8601 in UTC. */
  readonly at: string;
}

const ACTIONS: Readonly<Record<KeyAction, (task: KeyTask) => Promise<void>>> = {
  create,
  list,
  rotate,
  revoke,
};

/** Throws SKY_USAGE, and what the key file is refused with. */
export async function runKeys(
  { terminal }: CliContext,
  flags: KeysFlags,
  ...[action, keysFile, id]: [KeyAction, string, string?]
): Promise<void> {
  requireFitting(action, flags, id);
  await ACTIONS[action]({
    terminal,
    flags,
    paths: { keysFile, pepperFile: flags.auth_pepper },
    limits: resolveLimits(limitsIn(flags)),
    id: id ?? '',
    at: new Date(systemClock.wallMs()).toISOString(),
  });
}

async function create({ terminal, flags, paths, limits, at }: KeyTask): Promise<void> {
  const grant = grantIn(flags, at);
  const edit = await editKeys(paths, ({ file, pepper }) => createKey(file, pepper, grant, at), {
    limits,
    make: true,
  });
  showNewKey(terminal, edit, at);
  terminal.say(
    `${terminal.paint('green', '✔')} ${edit.record.id}: ${describeGrant(edit.record)}; this is the only time that the key is shown`,
  );
}

async function list({ terminal, paths, limits, at }: KeyTask): Promise<void> {
  const { keys } = await listKeys(paths, limits);
  terminal.result(renderKeys(keys, at), { keys: keys.map((record) => publicKey(record, at)) });
}

async function rotate({ terminal, paths, limits, id, at }: KeyTask): Promise<void> {
  const edit = await editKeys(paths, ({ file, pepper }) => rotateKey(file, pepper, id, at), {
    limits,
    make: false,
  });
  showNewKey(terminal, edit, at);
  terminal.say(
    `${terminal.paint('green', '✔')} ${id}: both keys are good until: skylift keys revoke ${paths.keysFile} ${id} --old`,
  );
}

async function revoke({ terminal, flags, paths, limits, id, at }: KeyTask): Promise<void> {
  const change = flags.old ? revokeOldSecret : revokeKey;
  const { record } = await editKeys(paths, ({ file }) => change(file, id), { limits, make: false });
  const what = flags.old ? 'the older secret is revoked' : 'revoked';
  terminal.result(`${id}: ${what}`, { revoked: flags.old ? 'old' : 'key', ...publicKey(record, at) });
  terminal.say('Servers notice within a second.');
}

function showNewKey(terminal: Terminal, { key, record }: NewKeyEdit, at: string): void {
  terminal.result(key, { key, ...publicKey(record, at) });
}

/** Throws SKY_USAGE for times that leave no time. */
function grantIn(flags: KeysFlags, at: string): KeyGrant {
  const { not_before: notBefore, expires: expiresAt } = flags;
  if (expiresAt !== undefined && Date.parse(expiresAt) <= Date.parse(notBefore ?? at))
    throw new SkyliftError('SKY_USAGE', `a key that expires at ${expiresAt} would never be valid`, {
      hint: 'Choose a later --expires.',
    });
  return {
    description: flags.description ?? '',
    permissions: flags.permissions ?? ['predict', 'read'],
    models: flags.models ?? ['*'],
    ...(notBefore !== undefined && { notBefore }),
    ...(expiresAt !== undefined && { expiresAt }),
  };
}

/** Throws SKY_USAGE when something was given that the action does not look at, or the ID is missing. */
function requireFitting(action: KeyAction, flags: KeysFlags, id: string | undefined): void {
  const takesId = action === 'rotate' || action === 'revoke';
  if (takesId && id === undefined) throw usage(`ID is missing: which key is it to ${action}?`);
  if (!takesId && id !== undefined) throw usage(`${action} takes no ID`);
  const fitting: readonly string[] = KEY_ACTION_FLAGS[action];
  const strange = Object.entries(flags).find(
    ([name, value]) => value !== undefined && value !== false && !fitting.includes(name),
  );
  if (strange) throw usage(`--${strange[0]} is not for ${action}`);
}

function usage(message: string): SkyliftError {
  return new SkyliftError('SKY_USAGE', message, { hint: 'skylift keys --help' });
}

function describeGrant({ permissions, models, expiresAt }: KeyRecord): string {
  const until = expiresAt === undefined ? 'without end' : `until ${expiresAt}`;
  return `${permissions.join(', ')} on ${models.join(', ')}, ${until}`;
}

/** What may be shown of a key: no hashes. */
function publicKey({ secrets, ...shown }: KeyRecord, at: string): object {
  return {
    ...shown,
    state: validityAt(shown, Date.parse(at)),
    secrets: secrets.map(({ createdAt }) => ({ createdAt })),
  };
}

function renderKeys(keys: readonly KeyRecord[], at: string): string {
  const columns = ['id', 'state', 'permissions', 'models', 'expires', 'secrets', 'description'];
  return renderTable(
    columns.map((title) => ({ title })),
    keys.map((record) => [
      record.id,
      validityAt(record, Date.parse(at)),
      record.permissions.join(','),
      record.models.join(','),
      record.expiresAt ?? 'never',
      String(record.secrets.length),
      record.description,
    ]),
  );
}
