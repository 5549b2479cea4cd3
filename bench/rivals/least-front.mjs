// The least that a network in a process of its own costs behind HTTP: no routing, no checks, no limits, no scheduler; one
// client, one tensor of one size. The body is read into one buffer, base64 decoded in place, handed over through a file in
// memory; the outputs come back as bytes. It shows how much of a request no server of this kind can save.
// Usage: node least-front.mjs MODEL.onnx TENSOR_BYTES; prints its port.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const CHUNK = 32768; // of base64 text, a multiple of 4
const [, , model, size] = process.argv;
const tensorBytes = Number(size);
const folder = fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir();
const slotPath = path.join(folder, `least-${process.pid}`);
const slot = fs.openSync(slotPath, 'w+');
fs.unlinkSync(slotPath);
const engine = spawn(
  process.execPath,
  [fileURLToPath(new URL('least-engine.mjs', import.meta.url)), model, size],
  { stdio: ['ignore', 'inherit', 'inherit', 'pipe', slot] },
);
const pipe = engine.stdio[3];

const request = Buffer.allocUnsafeSlow(tensorBytes * 2); // head and base64 text
const tensor = Buffer.allocUnsafeSlow(tensorBytes);
let client;

pipe.once('data', () => {
  pipe.on('data', answer); // small outputs come in one piece
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
});

const server = net.createServer({ pauseOnConnect: true, noDelay: true }, (accepted) => {
  const handle = accepted._handle; // sockets that a server accepts cannot be told where to read into
  accepted._handle = null;
  accepted.destroy();
  let filled = 0;
  let wanted = 0;
  let bodyAt = 0;
  const onread = {
    buffer: () => request.subarray(filled),
    callback(count) {
      filled += count;
      if (wanted === 0) {
        const head = request.toString('latin1', 0, Math.min(filled, 1024));
        bodyAt = head.indexOf('\r\n\r\n') + 4;
        wanted = bodyAt + Number(/content-length: (\d+)/i.exec(head)[1]);
      }
      if (filled < wanted) return true;
      run(bodyAt, filled);
      filled = 0;
      wanted = 0;
      return true;
    },
  };
  client = new net.Socket({ handle, readable: true, writable: true, onread });
  client.on('error', () => {});
  client.resume();
});

function run(bodyAt, end) {
  const from = request.indexOf('"b64":"', bodyAt) + 7;
  const to = request.lastIndexOf('"', end);
  let at = 0;
  for (let i = from; i < to; i += CHUNK)
    at += tensor.write(request.toString('latin1', i, Math.min(to, i + CHUNK)), at, 'base64');
  fs.writeSync(slot, tensor, 0, tensorBytes, 0);
  pipe.write('x');
}

function answer(bytes) {
  const values = new Float32Array(new Uint8Array(bytes).buffer);
  const body = `{"predictions": [${JSON.stringify(Array.from(values))}]}`;
  client.write(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    'latin1',
  );
}

process.on('SIGTERM', () => {
  engine.kill();
  process.exit();
});
