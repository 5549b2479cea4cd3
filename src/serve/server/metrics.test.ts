/** Tests of the metrics port on prom-client. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isSkyliftError } from '../../core/errors.ts';
import { createPrometheusMetrics } from './metrics.ts';

const bare = (): ReturnType<typeof createPrometheusMetrics> =>
  createPrometheusMetrics({ processMetrics: false });

describe('prometheus metrics', () => {
  test('a counter adds up per set of labels', async () => {
    const metrics = bare();
    const spec = { name: 'jobs_total', help: 'Jobs.', labels: ['kind'] };
    metrics.counter(spec, { kind: 'a' }).add(1);
    metrics.counter(spec, { kind: 'a' }).add(2);
    metrics.counter(spec, { kind: 'b' }).add(5);
    const expected =
      '# HELP jobs_total Jobs.\n# TYPE jobs_total counter\njobs_total{kind="a"} 3\njobs_total{kind="b"} 5\n';
    assert.equal(await metrics.render(), expected);
    assert.equal(await metrics.render(), expected, 'a scrape changes nothing');
  });

  test('the same spec and labels give the same instrument', () => {
    const metrics = bare();
    const spec = { name: 'x', help: 'X.', labels: ['a', 'b'] };
    assert.equal(metrics.gauge(spec, { a: '1', b: '2' }), metrics.gauge(spec, { b: '2', a: '1' }));
    assert.notEqual(metrics.gauge(spec, { a: '1', b: '2' }), metrics.gauge(spec, { a: '2', b: '1' }));
  });

  test('a gauge shows its last value', async () => {
    const metrics = bare();
    const gauge = metrics.gauge({ name: 'depth', help: 'Depth.' });
    gauge.set(7);
    gauge.set(3);
    assert.match(await metrics.render(), /^depth 3$/m);
  });

  test('a watched gauge is read when somebody looks, and forgets what is gone', async () => {
    const metrics = bare();
    let readings: (readonly [Record<string, string>, number])[] = [[{ of: 'a' }, 1]];
    metrics.watch({ name: 'depth', help: 'Depth.', labels: ['of'] }, () => readings);
    assert.match(await metrics.render(), /^depth\{of="a"\} 1$/m);
    readings = [[{ of: 'b' }, 2]];
    const text = await metrics.render();
    assert.match(text, /^depth\{of="b"\} 2$/m);
    assert.doesNotMatch(text, /of="a"/);
  });

  test('a histogram has cumulative buckets, +Inf, sum and count', async () => {
    const metrics = bare();
    const spec = { name: 'wait_seconds', help: 'Wait.', labels: ['q'], buckets: [0.1, 1] };
    const histogram = metrics.histogram(spec, { q: 'm' });
    for (const value of [0.05, 0.1, 0.5, 2]) histogram.observe(value);
    const lines = (await metrics.render()).split('\n').slice(1, -1);
    assert.deepEqual(lines, [
      '# TYPE wait_seconds histogram',
      'wait_seconds_bucket{q="m",le="0.1"} 2',
      'wait_seconds_bucket{q="m",le="1"} 3',
      'wait_seconds_bucket{q="m",le="+Inf"} 4',
      'wait_seconds_sum{q="m"} 2.65',
      'wait_seconds_count{q="m"} 4',
    ]);
  });

  test("names with colons, as TensorFlow Serving's, are allowed", async () => {
    const metrics = bare();
    metrics
      .counter(
        { name: ':tensorflow:serving:request_count', help: 'Requests.', labels: ['model_name'] },
        { model_name: 'm' },
      )
      .add(1);
    assert.match(await metrics.render(), /^:tensorflow:serving:request_count\{model_name="m"\} 1$/m);
  });

  test('label values are escaped', async () => {
    const metrics = bare();
    metrics.counter({ name: 'c', help: 'C.', labels: ['l'] }, { l: 'a"b\\c\nd' }).add(1);
    assert.match(await metrics.render(), /^c\{l="a\\"b\\\\c\\nd"\} 1$/m);
  });

  test('more than 10 000 sets of labels are counted together', async () => {
    const metrics = bare();
    const spec = { name: 'c', help: 'C.', labels: ['l'] };
    for (let i = 0; i < 10_050; i++) metrics.counter(spec, { l: String(i) }).add(1);
    assert.match(await metrics.render(), /^c\{l="\(other\)"\} 50$/m);
  });

  test('a bad name, or one name for two kinds, is a defect', () => {
    const metrics = bare();
    metrics.gauge({ name: 'taken', help: 'T.' });
    for (const name of ['taken', 'has space', ''])
      assert.throws(() => metrics.counter({ name, help: 'H.' }), isSkyliftError);
  });

  test('process metrics are there: cpu, memory, lag, open files', async () => {
    const text = await createPrometheusMetrics().render();
    const names = [
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'nodejs_eventloop_lag_seconds',
    ];
    for (const name of [...names, ...(process.platform === 'linux' ? ['process_open_fds'] : [])])
      assert.match(text, new RegExp(`^${name} `, 'm'));
  });

  test('bucket counts agree with counting by hand', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.double({ noNaN: true, min: -5, max: 20 })), async (values) => {
        const metrics = bare();
        const histogram = metrics.histogram({ name: 'h', help: 'H.', buckets: [0, 1, 10] });
        for (const value of values) histogram.observe(value);
        const text = await metrics.render();
        for (const bound of [0, 1, 10])
          assert.ok(
            text.includes(`h_bucket{le="${bound}"} ${values.filter((value) => value <= bound).length}\n`),
          );
      }),
      { numRuns: 30 },
    );
  });
});
