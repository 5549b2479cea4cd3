/** Engine processes that misbehave: small modules written for one test. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLauncher } from '../../src/engines/host/engine-process.ts';
import type { LauncherOptions } from '../../src/engines/host/engine-process.ts';
import type { EngineLauncher } from '../../src/engines/port.ts';

const sourceOf = (path: string): string =>
  JSON.stringify(new URL(`../../src/engines/host/${path}`, import.meta.url).href);

/** What the module finds: `say(frame)` sends, `hello()` starts well, `hear(kind, fn)` waits for a frame of the front. */
const PRELUDE = `
  import { Socket } from 'node:net';
  import { encodeFrame } from ${sourceOf('frame-encode.ts')};
  import { decodeFrame } from ${sourceOf('frame-decode.ts')};
  import { FrameReader } from ${sourceOf('frame-reader.ts')};
  import { PROTOCOL_VERSION } from ${sourceOf('frame.ts')};
  const pipe = new Socket({ fd: 3, readable: true, writable: true });
  pipe.on('end', () => process.exit(0)).on('error', () => process.exit(0));
  const say = (frame) => pipe.write(Buffer.concat(encodeFrame(frame, 2 ** 30)));
  const hello = () => say({ kind: 'hello', json: { protocol: PROTOCOL_VERSION, versions: {} } });
  const listeners = new Map();
  const hear = (kind, fn) => listeners.set(kind, fn);
  const loaded = () => hear('load', ({ session, tag }) => say({ kind: 'loaded', session, tag, json: { kind: 'batch', maxRows: 8 } }));
  const reader = new FrameReader({ maxBytes: 2 ** 30, isMemoryShared: false, onFrame: (bytes) => { const frame = decodeFrame(bytes); listeners.get(frame.kind)?.(frame); } });
  pipe.on('data', (chunk) => reader.push(chunk));
`;

/** A launcher whose processes run `script` after the prelude, and a way to remove its files. */
export function brokenLauncher(
  script: string,
  options: Omit<LauncherOptions, 'kind' | 'entry'>,
): { launcher: EngineLauncher; remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), 'skylift-broken-'));
  const entry = join(dir, 'engine.mjs');
  writeFileSync(entry, PRELUDE + script);
  return {
    launcher: createLauncher({ ...options, kind: 'broken', entry }),
    remove: () => rmSync(dir, { recursive: true }),
  };
}
