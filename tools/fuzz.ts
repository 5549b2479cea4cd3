/**
 * `npm run fuzz`: every parser of untrusted bytes on mutated input. Each input must end in a result or a coded error, and
 * HTTP in what llhttp reads; one JSON line per parser, exit 1 on a defect. Flags: --seed N (1), --inputs N (200000) per parser.
 */
import { parseArgs } from 'node:util';
import { isSkyliftError } from '../src/core/errors.ts';
import { resolveLimits } from '../src/core/limits.ts';
import { seededRng } from '../src/core/random.ts';
import { formatManifest, parseManifest } from '../src/package/manifest-schema.ts';
import { parseReference } from '../src/package/reference.ts';
import { readInferRequest } from '../src/serve/protocols/oip/infer-request.ts';
import { parsePredict } from '../src/serve/protocols/tfserving/parse-predict.ts';
import { createServable } from '../src/serve/runtime/servable.ts';
import { MANIFEST } from '../test/support/packages.ts';
import { fuzzGrpc } from './fuzz-grpc.ts';
import { fuzzHttp } from './fuzz-http.ts';
import { fuzzOnnx } from './fuzz-onnx.ts';
import { mutate } from './support/mutate.ts';

const { values: flags } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, inputs: { type: 'string', default: '200000' } },
});
const seed = Number(flags.seed);
const inputs = Number(flags.inputs);
const limits = resolveLimits();
/** Each input of gRPC is a call to a server. */
const GRPC_SHARE = 20;

const BODIES = [
  '{"instances":[1.0,2.5e3,-7,NaN,Infinity]}',
  '{"signature_name":"serving_default","instances":[{"x":[[1,2],[3,4]]},{"x":[[5,6],[7,8]]}]}',
  '{"inputs":{"x":[[0.1,0.2],[1e-7,12345678901234567890]]}} trailing',
  '{"instances":[{"b64":"AACAPwAAAEA="},"\\u00e9\\ud83d\\ude00"],"other":{"deep":[[[{}]]]}}',
];
const INFER_BODIES = [
  '{"id":"a","inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[[1,2.5e3],[-7,NaN]]}]}',
  '{"inputs":[{"data":["\\u00e9",""],"datatype":"BYTES","shape":[2],"name":"x"}],"outputs":[{"name":"y","parameters":{"classification":2}}]}',
  '{"parameters":{"binary_data_output":true,"timeout":9},"inputs":[{"name":"x","shape":[1],"datatype":"INT64","parameters":{"binary_data_size":8}}]}\u0001\u0002\u0003\u0004\u0005\u0006\u0007\u0008',
  '{"inputs":[{"name":"x","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":11}},{"name":"b","shape":[1],"datatype":"BOOL","parameters":{"binary_data_size":1}}]}\u0003\u0000\u0000\u0000abc\u0000\u0000\u0000\u0000\u0001',
];
const manifest = MANIFEST;
const servable = createServable('m', 1n, manifest);
const lookup = (name: string | undefined) => servable.signature(name);
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

const onnx = await fuzzOnnx({ seed, inputs });
report('onnx', onnx.defects.length, onnx);
const http = await fuzzHttp({ seed, inputs });
report('http', http.defects.length, http);
const grpc = await fuzzGrpc({ seed, inputs: Math.ceil(inputs / GRPC_SHARE) });
report('grpc', grpc.defects.length, grpc);
fuzz('predict body', BODIES, (bytes) => parsePredict(bytes, lookup, limits));
fuzz('infer body', INFER_BODIES, parseInfer);
fuzz('skylift.json', [formatManifest(manifest)], parseManifest);
fuzz(
  'reference',
  ['./m.onnx', 'name:3', 'oci://r.example/a:1', 'hf://org/repo@rev', 'npm:pkg/file'],
  (bytes) => parseReference(text(bytes)),
);

/** The JSON ends where the last object does. */
function parseInfer(bytes: Uint8Array): unknown {
  const border = bytes.lastIndexOf(0x7d) + 1;
  const parts = { json: bytes.subarray(0, border), binary: bytes.subarray(border), isRaw: false };
  return readInferRequest(parts, servable.signature(undefined).signature, limits);
}

/** Mutates bytes of the documents, a few at a time, and parses. */
function fuzz(parser: string, documents: readonly string[], parse: (bytes: Uint8Array) => unknown): void {
  const rng = seededRng(seed).fork(parser);
  const seeds = documents.map((document) => Buffer.from(document));
  const defects: string[] = [];
  let accepted = 0;
  for (let i = 0; i < inputs && defects.length < 10; i++) {
    const input = mutate(seeds, rng);
    try {
      parse(input);
      accepted++;
    } catch (error) {
      if (!isSkyliftError(error) || error.code === 'SKY_INTERNAL')
        defects.push(`${String(error)}: ${input.toString('base64')}`);
    }
  }
  report(parser, defects.length, { inputs, accepted, defects });
}

function report(parser: string, defects: number, result: object): void {
  console.log(JSON.stringify({ parser, seed, ...result }));
  if (defects > 0) process.exitCode = 1;
}
