/**
 * What TensorFlow Serving's REST API answers, request by request (data, hence long). Texts and values follow
 * tensorflow_serving/g3doc/api_rest.md and tensorflow_serving/util/json_tensor_test.cc. `reply` is compared as JSON
 * text without whitespace outside strings; `error` is the message.
 */

export interface PredictCase {
  readonly name: string;
  /** Behind `/v1/models/`. @default half_plus_two:predict */
  readonly path?: string;
  readonly body: string;
  /** @default 200, 400 with `error` */
  readonly status?: number;
  readonly reply?: string;
  readonly error?: string;
}

/** Path of the model that gives a tensor of this dtype back. */
export const echo = (dtype: string): string => `echo_${dtype}:predict`;
/** The error of one element of `instances`. */
export const inElement = (element: number, text: string): string =>
  `Failed to process element: ${element} of 'instances' list. Error: INVALID_ARGUMENT: ${text}`;

export const ROW_CASES: readonly PredictCase[] = [
  {
    name: 'the first example of the guide',
    body: '{"instances": [1.0, 2.0, 5.0]}',
    reply: '{"predictions":[2.5,3.0,4.5]}',
  },
  { name: 'a matrix', body: '{"instances":[[1,2],[3,4]]}', reply: '{"predictions":[[2.5,3.0],[3.5,4.0]]}' },
  {
    name: 'objects with one input',
    body: '{"instances":[{"x":1},{"x":2}]}',
    reply: '{"predictions":[2.5,3.0]}',
  },
  {
    name: 'objects that hold lists',
    body: '{"instances":[{"x":[1,2]},{"x":[3,4]}]}',
    reply: '{"predictions":[[2.5,3.0],[3.5,4.0]]}',
  },
  { name: 'empty rows', body: '{"instances":[[],[]]}', reply: '{"predictions":[[],[]]}' },
  {
    name: 'a named signature before the instances',
    body: '{"signature_name":"scalars","instances":[7]}',
    reply: '{"predictions":[7]}',
  },
  {
    name: 'a named signature after the instances',
    body: '{"instances":[9007199254740993],"signature_name":"scalars"}',
    reply: '{"predictions":[9007199254740993]}',
  },
  {
    name: 'values that only the signature named later understands',
    body: '{"instances":[{"n":9007199254740993}],"signature_name":"scalars"}',
    reply: '{"predictions":[9007199254740993]}',
  },
  {
    name: 'an empty signature name is the default one',
    body: '{"signature_name":"","instances":[2]}',
    reply: '{"predictions":[3.0]}',
  },
  {
    name: 'the first of equal keys counts',
    body: '{"instances":[2],"instances":["x"]}',
    reply: '{"predictions":[3.0]}',
  },
  {
    name: 'several inputs and outputs',
    path: 'two_inputs:predict',
    body: '{"instances":[{"a":1,"b":[1,2]},{"b":[3,4],"a":2.5}]}',
    reply: '{"predictions":[{"b":[1,2],"a":1.0},{"b":[3,4],"a":2.5}]}',
  },
  {
    name: 'a version',
    path: 'half_plus_two/versions/123:predict',
    body: '{"instances":[2]}',
    reply: '{"predictions":[3.0]}',
  },
  {
    name: 'a label',
    path: 'half_plus_two/labels/stable:predict',
    body: '{"instances":[2]}',
    reply: '{"predictions":[3.0]}',
  },
  {
    name: 'a percent-encoded name',
    path: 'half%5Fplus%5Ftwo:predict',
    body: '{"instances":[2]}',
    reply: '{"predictions":[3.0]}',
  },
];

export const COLUMN_CASES: readonly PredictCase[] = [
  { name: 'a list', body: '{"inputs":[1,2,5]}', reply: '{"outputs":[2.5,3.0,4.5]}' },
  { name: 'a scalar', body: '{"inputs":2}', reply: '{"outputs":3.0}' },
  { name: 'a named list', body: '{"inputs":{"x":[1,2,5]}}', reply: '{"outputs":[2.5,3.0,4.5]}' },
  { name: 'an empty list', body: '{"inputs":[]}', reply: '{"outputs":[]}' },
  {
    name: 'several inputs and outputs; other keys are ignored',
    path: 'two_inputs:predict',
    body: '{"inputs":{"a":[1,2.5],"c":"?","b":[[1,2],[3,4]]}}',
    reply: '{"outputs":{"a":[1.0,2.5],"b":[[1,2],[3,4]]}}',
  },
  {
    name: 'rank 3',
    path: 'echo_float32:predict',
    body: '{"inputs":[[[1],[2]]]}',
    reply: '{"outputs":[[[1.0],[2.0]]]}',
  },
];

export const VALUE_CASES: readonly PredictCase[] = [
  {
    name: 'NaN and infinities in every spelling',
    path: echo('float32'),
    body: '{"instances":[NaN,Inf,Infinity,-Inf,-Infinity]}',
    reply: '{"predictions":[NaN,Infinity,Infinity,-Infinity,-Infinity]}',
  },
  {
    name: 'float text',
    path: echo('float32'),
    body: '{"instances":[3,999999,9000000,0.00003,555557.5,0.1,-0.0,16777216]}',
    reply: '{"predictions":[3.0,999999.0,9e+06,3e-05,555557.5,0.1,-0.0,16777216.0]}',
  },
  {
    name: 'double text',
    path: echo('float64'),
    body: '{"instances":[0.1,3.14159265358979,1e300]}',
    reply: '{"predictions":[0.1,3.14159265358979,1e+300]}',
  },
  {
    name: 'float32 overflow is infinity, underflow is zero',
    path: echo('float32'),
    body: '{"instances":[1.7976931348623157e308,1e-320]}',
    reply: '{"predictions":[Infinity,0.0]}',
  },
  {
    name: 'a number beyond the range of doubles',
    path: echo('float32'),
    body: '{"instances":[1, 1e400]}',
    status: 400,
    reply: '{"error":"JSON Parse error: Number too big to be stored in double. at offset: 17"}',
  },
  {
    name: 'a number beyond the range of doubles, where nobody reads it',
    path: echo('float32'),
    body: '{"instances":[1],"other":[2,-1e309]}',
    status: 400,
    reply: '{"error":"JSON Parse error: Number too big to be stored in double. at offset: 28"}',
  },
  {
    name: 'int64 exact beyond 2^53',
    path: echo('int64'),
    body: '{"instances":[9223372036854775807,-9223372036854775808,9007199254740993]}',
    reply: '{"predictions":[9223372036854775807,-9223372036854775808,9007199254740993]}',
  },
  {
    name: 'uint64 exact',
    path: echo('uint64'),
    body: '{"instances":[18446744073709551615,0]}',
    reply: '{"predictions":[18446744073709551615,0]}',
  },
  {
    name: 'uint32',
    path: echo('uint32'),
    body: '{"instances":[4294967295]}',
    reply: '{"predictions":[4294967295]}',
  },
  { name: 'int8', path: echo('int8'), body: '{"instances":[-128,127]}', reply: '{"predictions":[-128,127]}' },
  { name: 'half', path: echo('float16'), body: '{"instances":[0.5,2]}', reply: '{"predictions":[0.5,2.0]}' },
  {
    name: 'booleans',
    path: echo('bool'),
    body: '{"instances":[[true,false]]}',
    reply: '{"predictions":[[true,false]]}',
  },
  {
    name: 'strings, escapes and base64 alike',
    path: echo('string'),
    body: String.raw`{"instances":["a","\u00e4\"\n",{"b64":"aGk="},{ "b64" : "aGk" }]}`,
    reply: String.raw`{"predictions":["a","ä\"\n","hi","hi"]}`,
  },
  {
    name: 'a base64 object in a matrix of strings',
    path: echo('string'),
    body: '{"instances":[["a",{"b64":"YQ=="}]]}',
    reply: '{"predictions":[["a","a"]]}',
  },
  {
    name: 'outputs whose alias ends in _bytes come back as base64',
    path: 'strings:predict',
    body: '{"instances":[{"b64":"aGk="},"hi"]}',
    reply:
      '{"predictions":[{"text":"hi","text_bytes":{"b64":"aGk="}},{"text":"hi","text_bytes":{"b64":"aGk="}}]}',
  },
  {
    name: 'escaped slashes in base64',
    path: echo('string'),
    body: String.raw`{"inputs":{"b64":"Pz8\/"}}`,
    reply: '{"outputs":"???"}',
  },
];

/** `{"b64": ...}` for numbers holds their bytes where the signature fixes all dimensions but the first. */
export const RAW_BYTES_CASES: readonly PredictCase[] = [
  {
    name: 'rows of raw bytes',
    body: '{"signature_name":"strict","instances":[{"b64":"AACAPwAAAEAAAKBA"},[1,2,5]]}',
    reply: '{"predictions":[[2.5,3.0,4.5],[2.5,3.0,4.5]]}',
  },
  {
    name: 'named rows of raw bytes',
    body: '{"signature_name":"strict","instances":[{"x":{"b64":"AACAPwAAAEAAAKBA"}}]}',
    reply: '{"predictions":[[2.5,3.0,4.5]]}',
  },
  {
    name: 'a whole tensor of raw bytes, rows counted',
    body: '{"signature_name":"strict","inputs":{"b64":"AACAPwAAAEAAAKBAAACAPwAAAEAAAKBA"}}',
    reply: '{"outputs":[[2.5,3.0,4.5],[2.5,3.0,4.5]]}',
  },
  {
    name: 'raw bytes that are no whole row',
    body: '{"signature_name":"strict","instances":[{"b64":"AACAPwAAAEA="}]}',
    error: inElement(0, 'Input x: base64 data holds 8 bytes, but 12 are one row float32[3]'),
  },
  {
    name: 'raw bytes where the shape is not known are refused as in the original',
    body: '{"instances":[{"b64":"AACAPw=="}]}',
    error: inElement(
      0,
      'JSON Value: {\n    "b64": "AACAPw=="\n} Type: Object is not of expected type: float',
    ),
  },
];
