/**
 * Differential fuzzing of the strict HTTP/1.1 reader against node:http (llhttp, strict): streams of requests, intact or
 * damaged, whole and in pieces. Where our reader sees a request, llhttp must see the same one: two servers in a row that
 * read the same bytes differently are how requests are smuggled. No split of the bytes may change what is read.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { Duplex } from 'node:stream';
import { seededRng } from '../src/core/random.ts';
import type { Rng } from '../src/core/random.ts';
import type { RequestHead } from '../src/serve/server/wire/fast/head.ts';
import { RequestReader } from '../src/serve/server/wire/fast/request-reader.ts';
import type { ReaderEvents } from '../src/serve/server/wire/fast/request-reader.ts';
import { originForm } from '../src/serve/server/wire/head-problem.ts';
import type { FoundProblem } from '../src/serve/server/wire/head-problem.ts';
import { headProblem, NodeHeaders } from '../src/serve/server/wire/node/head.ts';
import type { BodyProblem, WireReceiver } from '../src/serve/server/wire/wire.ts';
import { cutAtRandom, randomStream } from './fuzz-http-streams.ts';

export interface HttpFuzzOptions {
  readonly seed: number;
  /** Number of streams. */
  readonly inputs: number;
}

export interface HttpFuzzReport {
  readonly inputs: number;
  /** Whole requests that both readers took. */
  readonly requests: number;
  /** Streams by what ended our reading. */
  readonly ends: Readonly<Record<string, number>>;
  /** Streams of which only llhttp took all, by our reason. */
  readonly stricter: Readonly<Record<string, number>>;
  /** Streams that were read looser than llhttp reads them, or not the same in other pieces: each is a defect. */
  readonly defects: readonly { readonly what: string; readonly streamBase64: string }[];
}

/** A request as far as it was read. */
interface SeenRequest {
  /** Method and target. */
  readonly line: string;
  readonly headers: ReadonlyMap<string, string>;
  /** undefined: it has not come whole. */
  body?: string;
  /** It may have come whole or not: node ended the connection before it told. */
  isCutOff?: boolean;
}

interface Reading {
  readonly requests: readonly SeenRequest[];
  /** Why reading ended; undefined: more may come. */
  readonly end?: string | undefined;
}

const MAX_HEADERS = 64;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_BODY_BYTES = 64 * 1024;
const MAX_DEFECTS = 10;

/** Same seed, same streams. */
export async function fuzzHttp({ seed, inputs }: HttpFuzzOptions): Promise<HttpFuzzReport> {
  const rng = seededRng(seed).fork('http');
  const llhttp = new Llhttp();
  const ends = new Map<string, number>();
  const stricter = new Map<string, number>();
  const defects: { what: string; streamBase64: string }[] = [];
  let requests = 0;
  for (let i = 0; i < inputs && defects.length < MAX_DEFECTS; i++) {
    const { bytes, intactRequests } = randomStream(rng);
    const pieces = cutAtRandom(bytes, rng);
    const ours = new OurReading(rng).read([bytes]);
    const theirs = await llhttp.read(pieces);
    const what =
      missed(ours, intactRequests) ??
      looser(ours, theirs) ??
      dependent(ours, new OurReading(rng).read(pieces)) ??
      dependent(ours, new OurReading(rng).read(Array.from(bytes, (byte) => Buffer.of(byte))));
    if (what !== undefined) defects.push({ what, streamBase64: bytes.toString('base64') });
    requests += ours.requests.filter(({ body }) => body !== undefined).length;
    count(ends, ours.end ?? 'open');
    if (theirs.end === undefined && ours.end !== undefined) count(stricter, ours.end);
  }
  return {
    inputs,
    requests,
    ends: Object.fromEntries(ends),
    stricter: Object.fromEntries(stricter),
    defects,
  };
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Requests of a stream without a fault that we did not take. */
function missed({ requests, end }: Reading, intactRequests: number | undefined): string | undefined {
  const whole = requests.filter(({ body }) => body !== undefined).length;
  if (intactRequests === undefined || (whole === intactRequests && end === undefined)) return undefined;
  return `${whole} of ${intactRequests} requests were taken: ${end}`;
}

/** What we took and llhttp did not, or took differently. */
function looser(ours: Reading, theirs: Reading): string | undefined {
  for (const [at, mine] of ours.requests.entries()) {
    const other = theirs.requests[at];
    const difference = other === undefined ? `not seen: ${theirs.end}` : requestDifference(mine, other);
    if (difference !== undefined) return `request ${at + 1} on llhttp: ${difference}`;
  }
  const isWaiting = ours.end === undefined && theirs.requests.length > ours.requests.length;
  return isWaiting ? `llhttp saw ${theirs.requests.length} requests` : undefined;
}

function requestDifference(mine: SeenRequest, other: SeenRequest): string | undefined {
  if (mine.line !== other.line) return `${other.line} for ${mine.line}`;
  for (const name of new Set([...mine.headers.keys(), ...other.headers.keys()]))
    if (mine.headers.get(name) !== other.headers.get(name))
      return `${name}: ${other.headers.get(name)} for ${mine.headers.get(name)}`;
  if (mine.body === undefined || mine.body === other.body || other.isCutOff === true) return undefined;
  return `body ${other.body} for ${mine.body}`;
}

/** What other pieces of the same bytes changed. */
function dependent(whole: Reading, inPieces: Reading): string | undefined {
  const [one, other] = [whole, inPieces].map(({ requests, end }) =>
    JSON.stringify([end, requests.map((request) => ({ ...request, headers: [...request.headers] }))]),
  );
  return one === other ? undefined : `in other pieces ${other} for ${one}`;
}

/** Our reader, used as a connection uses it, with everything at random that a connection may do sooner or later. */
class OurReading implements ReaderEvents, Reading {
  readonly requests: SeenRequest[] = [];
  end: string | undefined;
  isReady = true;
  readonly #reader = new RequestReader({ maxHeaderBytes: MAX_HEADER_BYTES, maxHeaders: MAX_HEADERS }, this);
  readonly #isBodyDecidedLater: boolean;
  readonly #isOftenNotReady: boolean;
  #decideBody: (() => void) | undefined;

  constructor(rng: Rng) {
    this.#isBodyDecidedLater = rng.u32() % 2 === 0;
    this.#isOftenNotReady = rng.u32() % 2 === 0;
  }

  read(pieces: readonly Buffer[]): this {
    for (const piece of pieces)
      for (let at = 0; at < piece.length;) {
        const place = this.#reader.nextBuffer() ?? Buffer.alloc(piece.length - at);
        const isShared = this.#reader.nextBuffer() === undefined;
        const used = piece.copy(place, 0, at);
        this.#reader.push(place.subarray(0, used));
        if (isShared) place.fill('S'); // the next read of another connection
        this.#goOn();
        at += used;
      }
    if (this.#reader.isEnded) this.end ??= 'closed';
    return this;
  }

  head({ method, path, query, headers, bodyBytes }: RequestHead): void {
    const seen: SeenRequest = { line: `${method} ${path}?${query}`, headers };
    this.requests.push(seen);
    this.isReady = !this.#isOftenNotReady;
    if (bodyBytes === 0) seen.body = '';
    else if ((bodyBytes ?? 0) > MAX_BODY_BYTES) this.#fail('too-large');
    else if (this.#isBodyDecidedLater) this.#decideBody = () => this.#readBody(seen);
    else this.#readBody(seen);
  }

  refused({ problem, detail }: FoundProblem): void {
    this.end = `${problem}: ${detail}`;
  }

  #goOn(): void {
    while (!this.isReady || this.#decideBody !== undefined) {
      const decide = this.#decideBody;
      this.#decideBody = undefined;
      decide?.();
      this.isReady = true;
      this.#reader.resume();
    }
  }

  #readBody(seen: SeenRequest): void {
    const receiver: WireReceiver = {
      reserve: () => true,
      allocate: (sizeBytes) => Buffer.alloc(sizeBytes),
      release: () => {},
      bodyArrived: (bytes) => void (seen.body = Buffer.from(bytes).toString('latin1')),
      bodyFailed: (problem) => this.#fail(problem),
      drainEnded: () => {},
      gone: () => {},
    };
    this.#reader.readBody(receiver, MAX_BODY_BYTES);
  }

  #fail(problem: BodyProblem): void {
    this.end = `body: ${problem}`;
    this.#reader.end();
  }
}

/** node:http with the settings of its back-end and what that back-end adds to them, on streams without a network. */
class Llhttp {
  readonly #server: Server;
  #requests: SeenRequest[] = [];
  #end: string | undefined;

  constructor() {
    this.#server = createServer({
      maxHeaderSize: MAX_HEADER_BYTES,
      insecureHTTPParser: false,
      requireHostHeader: false,
    });
    this.#server.on('clientError', ({ code = '' }: NodeJS.ErrnoException) => {
      if (code !== 'HPE_INVALID_EOF_STATE') this.#end ??= code; // that is a request in part
    });
    for (const event of ['request', 'checkContinue', 'checkExpectation'])
      this.#server.on(event, (request: IncomingMessage) => this.#take(request));
  }

  async read(pieces: readonly Buffer[]): Promise<Reading> {
    this.#requests = [];
    this.#end = undefined;
    const socket = new Duplex({ read() {}, write: (_bytes, _encoding, done) => done() });
    this.#server.emit('connection', socket);
    for (const piece of pieces) socket.emit('data', piece);
    await nextTurn(); // bodies are streams
    const reading = { requests: this.#requests, end: this.#end };
    this.#end = 'over';
    socket.destroy();
    return reading;
  }

  #take(request: IncomingMessage): void {
    if (this.#end !== undefined) return;
    const problem = headProblem(request, MAX_HEADERS);
    if (problem !== undefined) this.#end = `${problem.problem}: ${problem.detail}`;
    else this.#requests.push(seenOn(request));
  }
}

function seenOn(request: IncomingMessage): SeenRequest {
  const view = new NodeHeaders(request.headers);
  const names = request.rawHeaders.filter((_text, at) => at % 2 === 0).map((name) => name.toLowerCase());
  const headers = new Map(names.map((name) => [name, view.get(name) ?? '']));
  const target = originForm(request.url ?? '');
  const seen: SeenRequest = {
    line: `${request.method} ${target}${target.includes('?') ? '' : '?'}`,
    headers,
  };
  let body = '';
  request.on('data', (piece: Buffer) => (body += piece.toString('latin1')));
  request.on('end', () => (seen.body = body));
  request.on('error', () => (seen.isCutOff = true));
  return seen;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
