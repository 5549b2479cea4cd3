/** The actions of `skylift keys` and which flags each of them looks at. */

export const KEY_ACTION_FLAGS = {
  create: ['description', 'permissions', 'models', 'not_before', 'expires', 'auth_pepper'],
  list: ['auth_pepper'],
  rotate: ['auth_pepper'],
  revoke: ['old', 'auth_pepper'],
} as const;

export type KeyAction = keyof typeof KEY_ACTION_FLAGS;
export const KEY_ACTIONS = Object.keys(KEY_ACTION_FLAGS) as readonly KeyAction[]; // in the order above
