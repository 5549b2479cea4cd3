import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzHttp } from './fuzz-http.ts';

/** Where we refuse, or wait for no more, what llhttp takes. All of it is what clients of today do not send. */
const STRICTER: ReadonlySet<string> = new Set([
  'malformed: the request line is not METHOD TARGET HTTP/1.1', // HTTP/2.0, lines that end in a space
  'malformed: the target is no path', // ftp://h/, PUT *
  'malformed: CR and LF are not together', // an LF alone between two requests
  'malformed: transfer-encoding in HTTP/1.0', // RFC 9112 section 6.1: treat as faulty
  'malformed: a tab in content-length',
  'body: malformed', // trailers that would change the framing
  'body: too-large', // a limit of ours
  'closed', // bytes behind the last request are left unread
]);

test('three thousand streams of requests are never read looser than llhttp reads them', async () => {
  const report = await fuzzHttp({ seed: 1, inputs: 3000 });
  assert.deepEqual(report.defects, []);
  assert.ok(report.requests > 2000, `only ${report.requests} requests came through`);
  assert.ok((report.ends['body: malformed'] ?? 0) > 20, 'few streams reached the body');
  for (const reason of Object.keys(report.stricter)) assert.ok(STRICTER.has(reason), reason);
});

test('the same seed gives the same report', async () => {
  const [first, second] = [
    await fuzzHttp({ seed: 7, inputs: 200 }),
    await fuzzHttp({ seed: 7, inputs: 200 }),
  ];
  assert.deepEqual(first, second);
});
