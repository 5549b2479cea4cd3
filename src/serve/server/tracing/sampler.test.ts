import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSampler } from './sampler.ts';
import { SpanIds } from './span-ids.ts';

const parent = (isSampled: boolean) => ({
  traceId: 'f'.repeat(32),
  spanId: 'f'.repeat(16),
  isSampled,
  state: '',
});
const ids = new SpanIds();

test('samplers without a parent in their name decide alone, the others as the caller did', () => {
  const id = ids.traceId();
  assert.equal(createSampler({ sampler: 'always_on' })(id, parent(false)), true);
  assert.equal(createSampler({ sampler: 'always_off' })(id, parent(true)), false);
  assert.equal(createSampler({})(id, parent(false)), false);
  assert.equal(createSampler({})(id, undefined), true);
  assert.equal(createSampler({ sampler: 'parentbased_always_off' })(id, parent(true)), true);
  assert.equal(createSampler({ sampler: 'parentbased_always_off' })(id, undefined), false);
  assert.equal(createSampler({ sampler: 'parentbased_traceidratio', ratio: 0 })(id, parent(true)), true);
});

test('a ratio takes about its part of the traces, and the same ones everywhere', () => {
  const isSampled = createSampler({ sampler: 'traceidratio', ratio: 0.25 });
  const isSampledMore = createSampler({ sampler: 'traceidratio', ratio: 0.5 });
  const traces = Array.from({ length: 4000 }, () => ids.traceId());
  const taken = traces.filter((id) => isSampled(id, undefined));
  assert.ok(taken.length > 700 && taken.length < 1300, String(taken.length));
  assert.ok(taken.every((id) => isSampledMore(id, undefined)));
  assert.ok(!traces.some((id) => createSampler({ sampler: 'traceidratio', ratio: 0 })(id, undefined)));
  assert.ok(traces.every((id) => createSampler({ sampler: 'traceidratio', ratio: 1 })(id, undefined)));
});

test('a ratio beyond 0 to 1 is refused', () => {
  for (const ratio of [-0.1, 1.1, Number.NaN])
    assert.throws(() => createSampler({ sampler: 'traceidratio', ratio }), { code: 'SKY_CONFIG_INVALID' });
});
