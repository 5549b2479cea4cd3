/** Runs the wire contract over TLS: what holds for a plain connection holds for a secured one. */
import { createFastHttpBackend } from '../../src/serve/server/wire/fast/backend.ts';
import { createNodeHttpBackend } from '../../src/serve/server/wire/node/backend.ts';
import { makeAuthority } from '../support/certificates.ts';
import { fixedTls } from '../support/fixed-tls.ts';
import { wireContract } from './wire.ts';
import type { MakeBackend } from './wire-fixture.ts';

const authority = makeAuthority();
const tls = fixedTls(authority.issue());

type Make = typeof createFastHttpBackend | typeof createNodeHttpBackend;

function overTls(make: Make, endsWithClient: boolean): MakeBackend {
  const secured: MakeBackend = (options) => make({ ...options, tls });
  return Object.assign(secured, { ca: authority.cert, endsWithClient });
}

wireContract('node:https', overTls(createNodeHttpBackend, true));
wireContract('fast over TLS', overTls(createFastHttpBackend, false));
