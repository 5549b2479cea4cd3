/** Requests of the Open Inference Protocol that are refused, and in which words. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { errorOf, infer, x } from './oip-calls.ts';

describe('requests that are refused', () => {
  const cases: readonly [string, string, RegExp][] = [
    ['no object', '[]', /the request is not an object/],
    ['no JSON', '{"inputs":', /JSON Parse error/],
    ['bytes behind the object', '{"inputs":[]} x', /bytes follow the JSON/],
    ['no inputs', '{}', /the request has no "inputs"/],
    ['a member twice', '{"id":"1","id":"2","inputs":[]}', /the request has two members "id"/],
    ['an id that is no string', '{"id":1,"inputs":[]}', /"id" is not a string/],
    ['an input that is missing', '{"inputs":[]}', /input "x" is missing; given: none/],
    ['an unknown output', '{"inputs":[],"outputs":[{"name":"z"}]}', /the model has no output "z"; it has: y/],
    [
      'an output twice',
      '{"inputs":[],"outputs":[{"name":"y"},{"name":"y"}]}',
      /more outputs are asked for than the model has; it has: y/,
    ],
    [
      'a parameter that is a list',
      '{"parameters":{"a":[]},"inputs":[]}',
      /"a" is not a string, number or boolean/,
    ],
    ['a sequence', '{"parameters":{"sequence_id":7},"inputs":[]}', /sequences .* are not supported/],
    [
      'a timeout that is no number',
      '{"parameters":{"timeout":"1"},"inputs":[]}',
      /parameter "timeout" is not a whole number/,
    ],
  ];
  for (const [name, body, error] of cases)
    test(name, () => assert.match(errorOf(infer('half_plus_two', body)), error));

  test('the code, the hint and the id of the request stand beside the text', () => {
    const { code, hint, id } = JSON.parse(String(infer('half_plus_two', '{}').replyBytes));
    assert.deepEqual([code, typeof hint, id], ['SKY_REQUEST_INVALID', 'string', 'request-1']);
  });

  const inputs: readonly [string, string, RegExp, model?: string][] = [
    ['no name', '{"shape":[1],"datatype":"FP32","data":[1]}', /an input has no "name"/],
    ['no shape', '{"name":"x","datatype":"FP32","data":[1]}', /input "x" has no "shape"/],
    ['no datatype', '{"name":"x","shape":[1],"data":[1]}', /input "x" has no "datatype"/],
    [
      'no data',
      '{"name":"x","shape":[1],"datatype":"FP32"}',
      /input "x": it has neither "data" nor the parameter/,
    ],
    [
      'an unknown datatype',
      '{"name":"x","shape":[1],"datatype":"FLOAT","data":[1]}',
      /"FLOAT" is no datatype/,
    ],
    [
      'a negative dimension',
      '{"name":"x","shape":[-1],"datatype":"FP32","data":[1]}',
      /no whole number from 0 on/,
    ],
    [
      'fewer elements than the shape',
      '{"name":"x","shape":[3],"datatype":"FP32","data":[1]}',
      /shape is \[3\], but data has the shape \[1\]/,
    ],
    [
      'another nesting than the shape',
      '{"name":"x","shape":[2,3],"datatype":"FP32","data":[[1,2],[3,4],[5,6]]}',
      /shape is \[2, 3\], but data has the shape \[3, 2\]/,
    ],
    [
      'ragged lists',
      '{"name":"x","shape":[2,2],"datatype":"FP32","data":[[1,2],[3]]}',
      /the lists are not nested alike at offset/,
    ],
    [
      'text for a number',
      '{"name":"x","shape":[1],"datatype":"FP32","data":["1"]}',
      /input "x": the element at offset \d+ is not a number, as FP32 needs/,
    ],
    [
      'a fraction for an integer',
      '{"name":"x","shape":[1],"datatype":"INT32","data":[1.5]}',
      /is not an integer, as INT32 needs/,
      'echo_int32',
    ],
    [
      'a number out of range',
      '{"name":"x","shape":[1],"datatype":"UINT8","data":[256]}',
      /is beyond what UINT8 holds/,
      'echo_uint8',
    ],
    [
      'a number that is no boolean',
      '{"name":"x","shape":[1],"datatype":"BOOL","data":[2]}',
      /is not true, false, 0 or 1/,
      'echo_bool',
    ],
    [
      'a number for a string',
      '{"name":"x","shape":[1],"datatype":"BYTES","data":[2]}',
      /is not a string/,
      'echo_string',
    ],
    ['data that is no list', '{"name":"x","shape":[],"datatype":"FP32","data":1}', /"data" is not an array/],
    [
      'another datatype than the model',
      '{"name":"x","shape":[1],"datatype":"INT32","data":[1]}',
      /input "x": the model takes FP32, not INT32/,
    ],
  ];
  for (const [wanted, input, error, model = 'half_plus_two'] of inputs)
    test(`an input with ${wanted}`, () => {
      const call = infer(model, `{"inputs":[${input}]}`);
      assert.equal(call.status, 400);
      assert.match(errorOf(call), error);
    });

  test('an input twice, and more inputs than there are', () => {
    const a = { name: 'a', shape: [1], datatype: 'FP32', data: [1] };
    assert.match(errorOf(infer('two_inputs', { inputs: [a, a] })), /input "a" comes twice/);
    assert.match(
      errorOf(infer('two_inputs', { inputs: [a, a, a] })),
      /more inputs than the model has; it has: b, a/,
    );
    assert.match(
      errorOf(infer('two_inputs', { inputs: [], outputs: [a, a] })),
      /an output is asked for twice/,
    );
  });

  test('objects with too many members', () => {
    const parameters = Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`p${i}`, i]));
    const call = infer('half_plus_two', { parameters, inputs: [] });
    assert.equal(call.status, 413);
    assert.match(errorOf(call), /"parameters" has more than 256 members \(max_json_members\)/);
  });

  test('more classes than max_classes', () => {
    const outputs = [{ name: 'y', parameters: { classification: 1e9 } }];
    const request = {
      ...(x(
        Array.from({ length: 10_001 }, () => 0),
        [1, 10_001],
      ) as object),
      outputs,
    };
    assert.match(errorOf(infer('half_plus_two', request)), /classification exceeds max_classes \(10000\)/);
  });

  test('too many dimensions', () => {
    const call = infer('half_plus_two', x([1], [1, 1, 1, 1, 1, 1, 1, 1, 1]));
    assert.match(errorOf(call), /max_tensor_rank \(8\)/);
  });
});
