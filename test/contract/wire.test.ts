/** Runs the wire contract for every back-end of the house. */
import { createFastHttpBackend } from '../../src/serve/server/wire/fast/backend.ts';
import { createNodeHttpBackend } from '../../src/serve/server/wire/node/backend.ts';
import { wireContract } from './wire.ts';

wireContract('node:http', createNodeHttpBackend);
wireContract('fast', createFastHttpBackend);
