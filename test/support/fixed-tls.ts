/** A certificate that stays, for listeners under test. */
import type { WireTls } from '../../src/serve/server/wire/tls.ts';
import type { Certified } from './certificates.ts';

/** @param clientCa who signs the certificates of clients; default: they need none */
export function fixedTls({ cert, key }: Certified, clientCa?: string): WireTls {
  return {
    context: { cert, key, ...(clientCa !== undefined && { ca: clientCa }) },
    asksClients: clientCa !== undefined,
    onChange: () => () => {},
  };
}
