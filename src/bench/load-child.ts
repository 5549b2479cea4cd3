/** The process of the load generator: options come in on descriptor 3, the report goes out there. */
import { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { toSkyliftError } from '../core/errors.ts';
import { runClosedLoop } from './closed-loop.ts';
import { runOpenLoop } from './open-loop.ts';
import type { LoadOptions } from './load-types.ts';

const channel = new Socket({ fd: 3, allowHalfOpen: true });
// The other end is run-load.ts of the same release, which has checked the options.
const options = JSON.parse(await text(channel)) as LoadOptions;
try {
  const { ratePerSecond } = options;
  const running =
    ratePerSecond === undefined ? runClosedLoop(options) : runOpenLoop({ ...options, ratePerSecond });
  channel.end(JSON.stringify({ report: await running }));
} catch (error) {
  channel.end(JSON.stringify({ error: toSkyliftError(error) }));
}
