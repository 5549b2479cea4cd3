/** Requests that TensorFlow Serving's REST API refuses, and its words (data, hence long); see tfserving-cases.ts. */
import { echo, inElement } from './tfserving-cases.ts';
import type { PredictCase } from './tfserving-cases.ts';

const inKey = (element: number, key: string, text: string): string =>
  `Failed to process element: ${element} key: ${key} of 'instances' list. Error: INVALID_ARGUMENT: ${text}`;

export const DOCUMENT_ERRORS: readonly PredictCase[] = [
  { name: 'an empty body', body: '', error: 'JSON Parse error: The document is empty' },
  { name: 'a blank body', body: ' \n', error: 'JSON Parse error: The document is empty' },
  { name: 'no JSON', body: 'instances = [1, 2]', error: 'JSON Parse error: Invalid value. at offset: 0' },
  { name: 'an array', body: '[1, 2]', error: 'JSON Value: [1, 2] Is not object' },
  { name: 'a number', body: '1.0', error: 'JSON Value: 1.0 Is not object' },
  {
    name: 'a signature name that is no string',
    body: '{"signature_name":5,"instances":[1]}',
    error:
      'JSON Value: {\n    "signature_name": 5,\n    "instances": [1]\n} not formatted correctly. \'signature_name\' key must be a string value.',
  },
  {
    name: 'both keys',
    body: '{"inputs":[1],"instances":[1]}',
    error:
      'JSON Value: {\n    "inputs": [1],\n    "instances": [1]\n} Not formatted correctly expecting only one of \'inputs\' or \'instances\' keys to exist ',
  },
  { name: 'neither key', body: '{}', error: "Missing 'inputs' or 'instances' key" },
  {
    name: 'instances that are no list',
    body: '{"instances":{"x":1}}',
    error:
      'JSON Value: {\n    "instances": {\n        "x": 1\n    }\n} Expecting \'instances\' to be an list/array',
  },
  {
    name: 'no instances',
    body: '{"instances":[ ]}',
    error: 'JSON Value: {\n    "instances": []\n} No values in \'instances\' array',
  },
  {
    name: 'an unknown signature',
    body: '{"signature_name":"x","instances":[1]}',
    error: 'Serving signature name: "x" not found in signature def',
  },
  {
    name: 'a signature without inputs',
    body: '{"signature_name":"no_inputs","instances":[1]}',
    error: 'Failed to get input map for signature: no_inputs',
  },
  {
    name: 'an echo cut at 256 bytes',
    body: JSON.stringify({ instances: 'y'.repeat(1000) }),
    error: `JSON Value: ${`{\n    "instances": "${'y'.repeat(1000)}`.slice(0, 256)} Expecting 'instances' to be an list/array`,
  },
  {
    name: 'an unknown model',
    path: 'foo:predict',
    body: '{"instances":[1]}',
    status: 404,
    error: 'Servable not found for request: Latest(foo)',
  },
  {
    name: 'an unknown version',
    path: 'half_plus_two/versions/7:predict',
    body: '{"instances":[1]}',
    status: 404,
    error: 'Servable not found for request: Specific(half_plus_two, 7)',
  },
  {
    name: 'an unknown label',
    path: 'half_plus_two/labels/canary:predict',
    body: '{"instances":[1]}',
    error: 'Unrecognized servable version label: canary',
  },
  {
    name: 'a version beyond int64',
    path: 'half_plus_two/versions/9223372036854775808:predict',
    body: '{"instances":[1]}',
    error: 'Failed to convert version: 9223372036854775808 to numeric.',
  },
  {
    name: 'a malformed body to an unknown model',
    path: 'foo:predict',
    body: '{"instances":[1}',
    error: 'JSON Parse error: Missing a comma or ] after an array element. at offset: 15',
  },
  {
    name: 'a wrong signature name to an unknown model',
    path: 'foo:predict',
    body: '{"signature_name":null}',
    error:
      'JSON Value: {\n    "signature_name": null\n} not formatted correctly. \'signature_name\' key must be a string value.',
  },
  {
    name: 'a syntax error behind a wrong value',
    body: '{"instances":["x"],',
    error: 'JSON Parse error: Missing a name for object member. at offset: 19',
  },
  {
    name: 'a model that is loading',
    path: 'loading:predict',
    body: '{"instances":[1]}',
    status: 503,
    error: 'model loading is loading',
  },
];

export const VALUE_ERRORS: readonly PredictCase[] = [
  {
    name: 'a string for a float',
    body: '{"instances":[1,"x"]}',
    error: inElement(1, 'JSON Value: "x" Type: String is not of expected type: float'),
  },
  {
    name: 'null for a float',
    body: '{"instances":[null]}',
    error: inElement(0, 'JSON Value: null Type: Null is not of expected type: float'),
  },
  {
    name: 'a decimal point for an integer',
    path: echo('int32'),
    body: '{"instances":[1.0]}',
    error: inElement(0, 'JSON Value: 1.0 Type: Number is not of expected type: int32'),
  },
  {
    name: 'an integer beyond int32',
    path: echo('int32'),
    body: '{"inputs":[2147483648]}',
    error: 'JSON Value: 2147483648 Type: Number is not of expected type: int32',
  },
  {
    name: 'an integer beyond uint8, which would wrap',
    path: echo('uint8'),
    body: '{"instances":[300]}',
    error: inElement(0, 'JSON Value: 300 Type: Number is not of expected type: uint8'),
  },
  {
    name: 'an integer beyond int64',
    path: echo('int64'),
    body: '{"inputs":[9223372036854775808]}',
    error: 'JSON Value: 9223372036854775808 Type: Number is not of expected type: int64',
  },
  {
    name: 'a negative unsigned integer',
    path: echo('uint64'),
    body: '{"inputs":[-1]}',
    error: 'JSON Value: -1 Type: Number is not of expected type: uint64',
  },
  {
    name: 'a number for a boolean',
    path: echo('bool'),
    body: '{"inputs":[1]}',
    error: 'JSON Value: 1 Type: Number is not of expected type: bool',
  },
  {
    name: 'a boolean for a float',
    body: '{"inputs":[true]}',
    error: 'JSON Value: true Type: True is not of expected type: float',
  },
  {
    name: 'a number for a string',
    path: echo('string'),
    body: '{"inputs":[1]}',
    error: 'JSON Value: 1 Type: Number is not of expected type: string',
  },
  {
    name: 'a base64 object with a second key',
    path: echo('string'),
    body: '{"inputs":[{"b64":"YQ==","c":1}]}',
    error: 'JSON Value: {\n    "b64": "YQ==",\n    "c": 1\n} not formatted correctly for base64 data',
  },
  {
    name: 'no base64',
    path: echo('string'),
    body: '{"inputs":[{"b64":"a-_="}]}',
    error: 'Unable to base64 decode',
  },
  {
    name: 'a value above its level',
    body: '{"inputs":[[1],2]}',
    error: 'JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2',
  },
  {
    name: 'a list below its level',
    body: '{"inputs":[1,[2]]}',
    error: 'Encountered list at unexpected level: 1 expected < 1',
  },
  {
    name: 'a list of another length',
    body: '{"inputs":[[1,2],[3]]}',
    error: 'Encountered list at unexpected size: 1 at level: 1 expected size: 2',
  },
  {
    name: 'rows of another length',
    body: '{"instances":[[1,2],[3]]}',
    error: inElement(1, 'Expecting tensor size: 2 but got: 1'),
  },
  {
    name: 'rows of another shape',
    body: '{"instances":[[1,2],[[3,4]]]}',
    error: inElement(1, 'Expecting shape [2] but got: [1,2]'),
  },
  {
    name: 'an object among values',
    body: '{"instances":[1,{"x":2}]}',
    error: 'Expecting value/list but got object at item 1 of input list',
  },
  {
    name: 'a value among objects',
    body: '{"instances":[{"x":2},1]}',
    error: 'Expecting object but got list at item 1 of input list',
  },
  {
    name: 'an unknown key',
    body: '{"instances":[{"z":1}]}',
    error: inKey(0, 'z', 'JSON object: does not have named input: z'),
  },
  {
    name: 'a wrong value under a key',
    body: '{"instances":[{"x":1},{"x":"y"}]}',
    error: inKey(1, 'x', 'JSON Value: "y" Type: String is not of expected type: float'),
  },
  {
    name: 'a missing key',
    path: 'two_inputs:predict',
    body: '{"instances":[{"a":1}]}',
    error:
      'Failed to process element: 0 of \'instances\' list. JSON object: {\n    "a": 1\n} keys must be equal to: a,b',
  },
  {
    name: 'a repeated key',
    body: '{"instances":[{"x":1,"x":2}]}',
    error:
      'Failed to process element: 0 of \'instances\' list. JSON object: {\n    "x": 1,\n    "x": 2\n} keys must be equal to: x',
  },
  {
    name: 'a plain list for several inputs',
    path: 'two_inputs:predict',
    body: '{"instances":[1]}',
    error:
      'instances is a plain list, but expecting list of objects as multiple input tensors required as per tensorinfo_map',
  },
  {
    name: 'a plain value for several inputs',
    path: 'two_inputs:predict',
    body: '{"inputs":[1]}',
    error:
      'inputs is a plain value/list, but expecting an object as multiple input tensors required as per tensorinfo_map',
  },
  {
    name: 'a missing input',
    path: 'two_inputs:predict',
    body: '{"inputs":{"a":[1]}}',
    error: "Missing named input: b in 'inputs' object.",
  },
  {
    name: 'a shape that the signature does not have',
    body: '{"signature_name":"strict","instances":[[1,2]]}',
    error: 'input "x": expected float32 [batch, 3], got float32 [1, 2]',
  },
];

export const OUTPUT_ERRORS: readonly PredictCase[] = [
  {
    name: 'no outputs',
    path: 'odd_outputs:predict',
    body: '{"inputs":[0]}',
    error: 'Cannot convert empty tensor map to JSON',
  },
  {
    name: 'a scalar output in row format',
    path: 'odd_outputs:predict',
    body: '{"instances":[1]}',
    error: 'Tensor name: s has no shape information ',
  },
  {
    name: 'outputs with different row counts',
    path: 'odd_outputs:predict',
    body: '{"instances":[2,2]}',
    error: 'Tensor name: b has inconsistent batch size: 2 expecting: 1',
  },
  {
    name: 'a scalar output in column format',
    path: 'odd_outputs:predict',
    body: '{"inputs":[1]}',
    reply: '{"outputs":1.0}',
  },
];
