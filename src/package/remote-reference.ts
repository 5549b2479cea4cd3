/** References to models on other machines: registries, object stores, hubs. Grammar only, nothing is fetched here. */
import { SkyliftError } from '../core/errors.ts';

export type RemoteReference =
  | {
      readonly kind: 'oci';
      /** Host with an optional port. */
      readonly registry: string;
      readonly repository: string;
      readonly tag?: string;
      /** `sha256:` and 64 hex digits. */
      readonly digest?: string;
    }
  | { readonly kind: 's3' | 'gs' | 'azblob'; readonly bucket: string; readonly key: string }
  | {
      readonly kind: 'hf';
      readonly organization: string;
      readonly repository: string;
      readonly revision?: string;
    }
  | { readonly kind: 'npm'; readonly package: string; readonly file: string };

const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(.*)$/;
const NPM = /^npm:((?:@[a-z0-9][a-z0-9._-]{0,127}\/)?[a-z0-9][a-z0-9._-]{0,127})\/(.+)$/;
const HUB = /^([A-Za-z0-9][\w.-]{0,95})\/([A-Za-z0-9][\w.-]{0,95})(?:@([A-Za-z0-9][\w./-]{0,254}))?$/;
const BUCKET = /^([a-z0-9][a-z0-9._-]{1,62})\/(.+)$/;

// Names, tags and digests of the OCI distribution specification; a host as Docker's reference grammar has it.
const REGISTRY = String.raw`((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?::[0-9]{1,5})?)`;
const COMPONENT = String.raw`[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*`;
const OCI = new RegExp(
  String.raw`^${REGISTRY}/(${COMPONENT}(?:/${COMPONENT})*)(?::(\w[\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);
const MAX_REPOSITORY_CHARS = 255;

/** The remote reference in `text`; undefined when it has no scheme. Throws SKY_REF_INVALID for unknown or broken ones. */
export function parseRemote(text: string): RemoteReference | undefined {
  if (text.startsWith('npm:')) return parseNpm(text);
  const match = SCHEME.exec(text);
  if (!match) return undefined;
  const [, scheme = '', rest = ''] = match;
  switch (scheme) {
    case 'oci':
      return parseOci(text, rest);
    case 's3':
    case 'gs':
    case 'azblob':
      return parseObject(text, scheme, rest);
    case 'hf':
      return parseHub(text, rest);
    default:
      throw invalid(text, `"${scheme}" is not one of oci, s3, gs, azblob, hf`);
  }
}

function parseNpm(text: string): RemoteReference {
  const [, name, file] = NPM.exec(text) ?? [];
  if (name === undefined || file === undefined || !isPlainPath(file))
    throw invalid(text, 'expected npm:PACKAGE/FILE');
  return { kind: 'npm', package: name, file };
}

function parseOci(text: string, rest: string): RemoteReference {
  const [, registry, repository = '', tag, digest] = OCI.exec(rest) ?? [];
  if (registry === undefined || repository.length > MAX_REPOSITORY_CHARS)
    throw invalid(text, 'expected oci://HOST[:PORT]/REPOSITORY[:TAG][@sha256:HEX]');
  return {
    kind: 'oci',
    registry,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

function parseObject(text: string, kind: 's3' | 'gs' | 'azblob', rest: string): RemoteReference {
  const [, bucket, key] = BUCKET.exec(rest) ?? [];
  if (bucket === undefined || key === undefined || !isPlainPath(key.replace(/\/$/, '')))
    throw invalid(text, `expected ${kind}://BUCKET/KEY`);
  return { kind, bucket, key };
}

function parseHub(text: string, rest: string): RemoteReference {
  const [, organization, repository, revision] = HUB.exec(rest) ?? [];
  if (
    organization === undefined ||
    repository === undefined ||
    (revision !== undefined && !isPlainPath(revision))
  )
    throw invalid(text, 'expected hf://ORGANIZATION/REPOSITORY[@REVISION]');
  return { kind: 'hf', organization, repository, ...(revision === undefined ? {} : { revision }) };
}

/** No empty, `.` or `..` part: such a path means the same to every service. */
function isPlainPath(path: string): boolean {
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

function invalid(text: string, reason: string): SkyliftError {
  return new SkyliftError('SKY_REF_INVALID', `${JSON.stringify(text.slice(0, 200))}: ${reason}`);
}
