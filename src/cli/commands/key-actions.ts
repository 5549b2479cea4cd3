/** The actions of `skylift keys` and which flags each of them looks at. */

const EVERY_ACTION = ['auth_pepper', 'max_auth_keys', 'max_auth_file_bytes'] as const;

export const KEY_ACTION_FLAGS = {
  create: ['description', 'permissions', 'models', 'not_before', 'expires', ...EVERY_ACTION],
  list: EVERY_ACTION,
  rotate: EVERY_ACTION,
  revoke: ['old', ...EVERY_ACTION],
} as const;

export type KeyAction = keyof typeof KEY_ACTION_FLAGS;
export const KEY_ACTIONS = Object.keys(KEY_ACTION_FLAGS) as readonly KeyAction[]; // in the order above
