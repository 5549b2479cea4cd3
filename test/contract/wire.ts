/** The contract of wire back-ends: every one passes the same requests, limits, refusals, drains and aborts on raw sockets. */
import { describe } from 'node:test';
import { bodyContract } from './wire-body.ts';
import { connectionContract } from './wire-connection.ts';
import { drainContract } from './wire-drain.ts';
import type { MakeBackend } from './wire-fixture.ts';
import { framingContract } from './wire-framing.ts';
import { replyContract } from './wire-reply.ts';

/** Declares the whole contract for one back-end. */
export function wireContract(name: string, makeBackend: MakeBackend): void {
  describe(`wire back-end ${name}`, () => {
    replyContract(makeBackend);
    framingContract(makeBackend);
    bodyContract(makeBackend);
    connectionContract(makeBackend);
    drainContract(makeBackend);
  });
}
