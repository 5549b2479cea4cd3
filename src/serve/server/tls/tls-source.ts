/** Where certificate and key come from: files of their own. Any other place is a source, too. */
import { readSettingsFile, UNREADABLE_HINT } from '../../../package/settings-file.ts';
import type { SettingsFile } from '../../../package/settings-file.ts';
import type { ReadSettings } from '../../../package/settings-watch.ts';
import { checkTlsMaterial } from './tls-material.ts';
import type { PemText, TlsMaterial } from './tls-material.ts';

export interface TlsSource {
  /** Throws SKY_CONFIG_INVALID. @param maxBytes of each file */
  read(maxBytes: number): Promise<ReadSettings<TlsMaterial>>;
  /** Whether the private key is in this file. */
  isSecret(path: string): boolean;
}

/** Paths of PEM files. */
export interface TlsPaths {
  readonly certFile: string;
  readonly keyFile: string;
  /** Who signs the certificates that clients must show. @default clients are not asked for any */
  readonly clientCaFile?: string;
}

export function tlsFiles({ certFile, keyFile, clientCaFile }: TlsPaths): TlsSource {
  return {
    async read(maxBytes) {
      const readOne = (path: string): Promise<SettingsFile> =>
        readSettingsFile(path, maxBytes, UNREADABLE_HINT);
      const [cert, key] = [await readOne(certFile), await readOne(keyFile)];
      const clientCa = clientCaFile === undefined ? undefined : await readOne(clientCaFile);
      return {
        files: [cert, key, ...(clientCa ? [clientCa] : [])],
        parse: () =>
          checkTlsMaterial({
            cert: pemText(cert),
            key: pemText(key),
            clientCa: clientCa && pemText(clientCa),
          }),
      };
    },
    isSecret: (path) => path === keyFile,
  };
}

function pemText({ path: name, bytes }: SettingsFile): PemText {
  return { name, text: bytes.toString('latin1') };
}
