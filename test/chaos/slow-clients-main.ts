/**
 * The process of the slow clients: opens COUNT connections to 127.0.0.1:PORT and sends a request byte by byte, one half of
 * them in its headers, the other in its body, with pauses of a second or two. Who is cut off comes back. Says `ready` when all
 * have connected once; ends with its parent. Arguments: PORT COUNT SEED.
 */
import { connect } from 'node:net';
import { seededRng } from '../../src/core/random.ts';

const [port = 0, count = 0, seed = 1] = process.argv.slice(2).map(Number);
const rng = seededRng(seed);
const HEAD = 'POST /v1/models/m:predict HTTP/1.1\r\nhost: slow\r\n';
const BODY_BYTES = 1000;
const PAUSE_MS = 1000;
/** New clients in a second. */
const RATE = 400;
let waitingFor = count;

function slowClient(sendsBody: boolean): void {
  const socket = connect(port, '127.0.0.1');
  let timer: NodeJS.Timeout | undefined;
  let isFirst = true;
  socket.once('connect', () => {
    if (isFirst && --waitingFor === 0) process.stdout.write('ready\n');
    isFirst = false;
    socket.write(sendsBody ? `${HEAD}content-length: ${BODY_BYTES}\r\n\r\n` : HEAD.slice(0, 1));
    let sent = 1;
    const trickle = (): void => {
      socket.write(sendsBody ? '[' : (HEAD[sent++] ?? 'x'));
      timer = setTimeout(trickle, PAUSE_MS * (1 + rng.float()));
    };
    timer = setTimeout(trickle, PAUSE_MS * rng.float());
  });
  socket.on('error', () => {});
  socket.resume();
  socket.once('close', () => {
    clearTimeout(timer);
    setTimeout(() => slowClient(sendsBody), PAUSE_MS * rng.float());
  });
}

for (let i = 0; i < count; i++) setTimeout(() => slowClient(i % 2 === 0), (i * 1000) / RATE);
process.stdin.resume().once('end', () => process.exit(0));
