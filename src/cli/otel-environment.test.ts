import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tracingIn } from './otel-environment.ts';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' };

test('without a collector there are no traces, whatever else is set', () => {
  assert.equal(tracingIn({}, undefined), undefined);
  assert.equal(tracingIn({ OTEL_TRACES_SAMPLER: 'always_on', OTEL_SERVICE_NAME: 'x' }, undefined), undefined);
  assert.equal(tracingIn({ OTEL_EXPORTER_OTLP_ENDPOINT: '' }, undefined), undefined);
});

test('an endpoint of all signals gets the path of traces, one of traces is whole, the flag wins', () => {
  const whole = { ...ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://traces/x' };
  assert.equal(tracingIn(ENDPOINT, undefined)?.url, 'http://collector:4318/v1/traces');
  assert.equal(tracingIn(whole, undefined)?.url, 'http://traces/x');
  assert.equal(tracingIn(whole, 'http://flag:1')?.url, 'http://flag:1/v1/traces');
});

test('tracing can be switched off', () => {
  assert.equal(tracingIn({ ...ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' }, undefined), undefined);
  assert.equal(tracingIn({ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }, undefined), undefined);
  assert.notEqual(tracingIn({ ...ENDPOINT, OTEL_SDK_DISABLED: 'yes' }, undefined), undefined);
});

test('headers, resource, name and sampler come from the variables of OpenTelemetry', () => {
  const env = {
    ...ENDPOINT,
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b, x = 1=2,',
    OTEL_RESOURCE_ATTRIBUTES: 'service.name=from-resource,deployment.environment.name=test',
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.25',
  };
  assert.deepEqual(tracingIn(env, undefined), {
    url: 'http://collector:4318/v1/traces',
    headers: { 'api-key': 'a b', x: '1=2' },
    resource: { 'service.name': 'from-resource', 'deployment.environment.name': 'test' },
    serviceName: 'from-resource',
    sampler: 'parentbased_traceidratio',
    ratio: 0.25,
  });
  const named = tracingIn(
    { ...env, OTEL_SERVICE_NAME: 'own', OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'a=b' },
    undefined,
  );
  assert.deepEqual([named?.serviceName, named?.headers], ['own', { a: 'b' }]);
});

test('a variable that means nothing is refused by its name, without its value', () => {
  const wrong = {
    OTEL_TRACES_SAMPLER: 'sometimes-secret',
    OTEL_EXPORTER_OTLP_HEADERS: 'secret',
    OTEL_RESOURCE_ATTRIBUTES: 'a=%secret',
  };
  for (const [variable, value] of Object.entries(wrong))
    assert.throws(
      () => tracingIn({ ...ENDPOINT, [variable]: value }, undefined),
      ({ code, message }: { code: string; message: string }) =>
        code === 'SKY_CONFIG_INVALID' && message.startsWith(variable) && !message.includes('secret'),
    );
  for (const ratio of ['2', '-1', 'half', '1e-3x'])
    assert.throws(
      () =>
        tracingIn(
          { ...ENDPOINT, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: ratio },
          undefined,
        ),
      { code: 'SKY_CONFIG_INVALID' },
    );
});
