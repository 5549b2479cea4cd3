/** The flag of commands that call an https:// server whose CA Node does not know. */
import { LIMITS } from '../core/limits.ts';
import { readSettingsText } from '../package/settings-file.ts';
import { parsePath } from './flag-values.ts';

export interface TlsCaFlags {
  readonly tls_ca?: string;
}

export const TLS_CA_FLAG = {
  kind: 'parsed',
  parse: parsePath,
  optional: true,
  placeholder: 'FILE',
  brief: 'The CA of an https:// server (PEM), where it is none that Node trusts',
} as const;

/** The PEM text. Throws SKY_CONFIG_INVALID. */
export async function readTlsCa({ tls_ca: file }: TlsCaFlags): Promise<string | undefined> {
  return file === undefined ? undefined : readSettingsText(file, LIMITS.max_config_bytes.default);
}
