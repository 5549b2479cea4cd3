/**
 * Model references, one grammar for every command:
 * `PATH | NAME[:VERSION|:LABEL] | oci://REF | s3://… | gs://… | azblob://… | hf://ORG/REPO[@REV] | npm:PKG/FILE`.
 */
import { SkyliftError, unreachable } from '../core/errors.ts';
import { isModelFileName } from './model-files.ts';
import { parseRemote } from './remote-reference.ts';
import type { RemoteReference } from './remote-reference.ts';
import { parseVersion } from './version-name.ts';

/** Which version of a named model is meant. */
export type ReferenceVersion =
  | { readonly kind: 'latest' }
  | { readonly kind: 'version'; readonly version: bigint }
  | { readonly kind: 'label'; readonly label: string };

/** What this machine can resolve by itself: a path as it was written, or a name in the store. */
export type LocalReference =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'name'; readonly name: string; readonly version: ReferenceVersion };

export type Reference = LocalReference | RemoteReference;

const MAX_REFERENCE_CHARS = 4096; // PATH_MAX of Linux
const STORE_NAME = /^[a-z0-9][a-z0-9._-]{0,127}$/;
const LABEL = /^[A-Za-z_][A-Za-z0-9._-]{0,127}$/;
const RESERVED_NAME = 'npm'; // `npm:1` would be a name with a version and a package at once
const PATH_START = /^[.~]/;
const SEPARATOR = /[/\\]/;

/** Reads one reference. Throws SKY_REF_INVALID. */
export function parseReference(text: string): Reference {
  if (text === '' || text.length > MAX_REFERENCE_CHARS || /\p{Cc}/u.test(text))
    throw invalid(text, `a reference has 1 to ${MAX_REFERENCE_CHARS} characters without control characters`);
  const remote = parseRemote(text);
  if (remote) return remote;
  if (PATH_START.test(text) || SEPARATOR.test(text) || isModelFileName(text))
    return { kind: 'path', path: text };
  return parseName(text);
}

/** The text that parses to `reference`. */
export function formatReference(reference: Reference): string {
  switch (reference.kind) {
    case 'path':
      return reference.path;
    case 'name':
      return reference.name + formatVersion(reference.version);
    case 'oci': {
      const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
      const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
      return `oci://${reference.registry}/${reference.repository}${tag}${digest}`;
    }
    case 's3':
    case 'gs':
    case 'azblob':
      return `${reference.kind}://${reference.bucket}/${reference.key}`;
    case 'hf': {
      const revision = reference.revision === undefined ? '' : `@${reference.revision}`;
      return `hf://${reference.organization}/${reference.repository}${revision}`;
    }
    case 'npm':
      return `npm:${reference.package}/${reference.file}`;
    default:
      return unreachable(reference);
  }
}

/** Narrows to what this machine resolves by itself. Throws SKY_NOT_SUPPORTED_YET for the remote kinds. */
export function requireLocal(reference: Reference): LocalReference {
  if (reference.kind === 'path' || reference.kind === 'name') return reference;
  throw new SkyliftError(
    'SKY_NOT_SUPPORTED_YET',
    `${formatReference(reference)}: ${reference.kind} references cannot be fetched yet`,
    { hint: 'Download the model and give its PATH, or a NAME in the local store.' },
  );
}

/** True for names that a model may have in the store; a name that would be read as a path is none. */
export function isStoreName(text: string): boolean {
  return STORE_NAME.test(text) && text !== RESERVED_NAME && !isModelFileName(text);
}

function parseName(text: string): Reference {
  const colon = text.indexOf(':');
  const name = colon === -1 ? text : text.slice(0, colon);
  if (!isStoreName(name))
    throw invalid(
      text,
      `"${name}" is no name: a-z, 0-9, ".", "_", "-"; at most 128; "${RESERVED_NAME}" is taken`,
    );
  return { kind: 'name', name, version: colon === -1 ? { kind: 'latest' } : parseSelector(text, colon + 1) };
}

function parseSelector(text: string, start: number): ReferenceVersion {
  const selector = text.slice(start);
  const version = parseVersion(selector);
  if (version !== undefined) return { kind: 'version', version };
  if (LABEL.test(selector)) return { kind: 'label', label: selector };
  throw invalid(text, `"${selector}" is neither a version (0, 1, 2 …) nor a label (stable, canary …)`);
}

function formatVersion(version: ReferenceVersion): string {
  switch (version.kind) {
    case 'latest':
      return '';
    case 'version':
      return `:${version.version}`;
    case 'label':
      return `:${version.label}`;
    default:
      return unreachable(version);
  }
}

function invalid(text: string, reason: string): SkyliftError {
  return new SkyliftError('SKY_REF_INVALID', `${JSON.stringify(text.slice(0, 200))}: ${reason}`, {
    hint: 'Write ./NAME for a file or folder, NAME[:VERSION|:LABEL] for a model in the store.',
  });
}
