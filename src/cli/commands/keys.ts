/** `skylift keys`: makes, shows and ends the API keys that `skylift serve --auth-keys` asks for. */
import { systemClock } from '../../core/clock.ts';
import { GRANTED_PERMISSIONS } from '../../serve/protocols/http-call.ts';
import type { GrantedPermission } from '../../serve/protocols/http-call.ts';
import { defineCommand } from '../define-command.ts';
import { parseInstant, parseList, parsePath } from '../flag-values.ts';
import { KEY_ACTIONS } from './key-actions.ts';
import type { KeyAction } from './key-actions.ts';
import type { KeysFlags } from './run-keys.ts';
import { LIMIT_FLAGS } from './serve-flags.ts';

export const keysCommand = defineCommand<KeysFlags, [KeyAction, string, string?]>({
  help: {
    name: 'keys',
    brief: 'Make, list, rotate and revoke the API keys of a server',
    usage: `${KEY_ACTIONS.join('|')} FILE [ID] [flags]`,
    examples: [
      ['skylift keys create keys.json --description "web shop"', 'prints the key, once'],
      ["skylift keys create keys.json --models='digits,team-*' --expires=90d", 'for some models, for a time'],
      ['skylift keys create keys.json --permissions=metrics', 'for Prometheus'],
      ['skylift keys list keys.json', 'ids, permissions, validity'],
      ['skylift keys rotate keys.json ID', 'a second secret; the first stays good'],
      ['skylift keys revoke keys.json ID --old', 'ends the first; without --old the whole key'],
      ['skylift serve ./digits.onnx --auth-keys=keys.json', 'asks for them; sees changes within a second'],
    ],
  },
  parameters: {
    flags: {
      description: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'TEXT',
        brief: 'Whose key it is (create)',
      },
      permissions: {
        kind: 'parsed',
        parse: parsePermissions,
        optional: true,
        placeholder: 'LIST',
        brief: `What it allows, of ${GRANTED_PERMISSIONS.join(',')} (create; default predict,read)`,
      },
      models: {
        kind: 'parsed',
        parse: parseList,
        optional: true,
        placeholder: 'LIST',
        brief: 'Models that there are for it, * for any characters (create; default *)',
      },
      not_before: {
        kind: 'parsed',
        parse: parseTime,
        optional: true,
        placeholder: 'TIME',
        brief: 'Not valid before 2027-01-31, 2027-01-31T08:00Z, or 12h or 2d from now (create)',
      },
      expires: {
        kind: 'parsed',
        parse: parseTime,
        optional: true,
        placeholder: 'TIME',
        brief: 'Not valid from then on, in the same forms (create; default never)',
      },
      old: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Only the older of two secrets (revoke)',
      },
      auth_pepper: {
        kind: 'parsed',
        parse: parsePath,
        optional: true,
        placeholder: 'FILE',
        brief: 'The pepper of the key file, made if there are no keys yet (default FILE.pepper)',
      },
      max_auth_keys: LIMIT_FLAGS.max_auth_keys,
      max_auth_file_bytes: LIMIT_FLAGS.max_auth_file_bytes,
    },
    positional: {
      kind: 'tuple',
      parameters: [
        { parse: parseAction, placeholder: 'ACTION', brief: KEY_ACTIONS.join(', ') },
        { parse: parsePath, placeholder: 'FILE', brief: 'The key file' },
        { parse: String, placeholder: 'ID', optional: true, brief: 'The key to rotate or revoke' },
      ],
    },
  },
  load: async () => (await import('./run-keys.ts')).runKeys,
});

function parseAction(text: string): KeyAction {
  const action = KEY_ACTIONS.find((name) => name === text);
  if (action !== undefined) return action;
  throw new RangeError(`it is one of ${KEY_ACTIONS.join(', ')}`);
}

function parsePermissions(text: string): readonly GrantedPermission[] {
  return parseList(text).map((name) => {
    const permission = GRANTED_PERMISSIONS.find((each) => each === name);
    if (permission !== undefined) return permission;
    throw new RangeError(`${JSON.stringify(name)} is none of ${GRANTED_PERMISSIONS.join(', ')}`);
  });
}

function parseTime(text: string): string {
  return parseInstant(text, systemClock.wallMs());
}
