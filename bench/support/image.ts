/** One image of 224 x 224 x 3 float32 (602,112 bytes) and the ways to ask for its prediction. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { seededRng } from '../../src/core/random.ts';
import type { Contender } from './contenders.ts';
import { PREDICT, predictRequest } from './predict-request.ts';
import { httpLoad } from './rounds.ts';
import type { Load } from './rounds.ts';
import { grpcLoad } from './run-grpc-load.ts';

export const IMAGE_DIMS = [1, 3, 224, 224];
export const IMAGE_BYTES = 4 * IMAGE_DIMS.reduce((product, dim) => product * dim, 1);
const PREDICT_PATH = '/v1/models/m:predict';
/** Sums in another order differ by so much. */
const TOLERANCE = 1e-3;

/** Numbers from 0 to 1, the same each time. */
const PIXELS = Float32Array.from(
  { length: IMAGE_BYTES / 4 },
  (
    (rng) => () =>
      rng.float()
  )(seededRng(2)),
);
const PIXEL_BYTES = Buffer.from(PIXELS.buffer);

/** One way to ask. */
export interface Spelling {
  readonly name: string;
  /** Load of `connections` with one request each in flight on a server at its root. */
  load(connections: number): Load;
}

/** Writes the image as raw bytes for rivals that read it from a file. */
export async function imageFile(folder: string): Promise<string> {
  const path = join(folder, 'image.bin');
  await writeFile(path, PIXEL_BYTES);
  return path;
}

/** `{"b64": ...}` of the raw bytes. @param output the numbers that must come back */
export function base64(output: readonly number[]): Spelling {
  return json('base64', JSON.stringify({ instances: [{ b64: PIXEL_BYTES.toString('base64') }] }), output);
}

/** Nested lists of 150,528 numbers of 17 digits. @param output the numbers that must come back */
export function numberLists(output: readonly number[]): Spelling {
  const [, channels = 0, height = 0, width = 0] = IMAGE_DIMS;
  const row = (start: number): string =>
    `[${Array.from(PIXELS.subarray(start, start + width), (value) => value.toFixed(17)).join(',')}]`;
  const plane = (channel: number): string =>
    `[${Array.from({ length: height }, (_, y) => row((channel * height + y) * width)).join(',')}]`;
  const image = `[${Array.from({ length: channels }, (_, channel) => plane(channel)).join(',')}]`;
  return json('JSON numbers of 17 digits', `{"instances":[${image}]}`, output);
}

function json(name: string, body: string, output: readonly number[]): Spelling {
  const verify = { body: JSON.stringify({ predictions: [output] }), tolerance: TOLERANCE };
  return {
    name: `${name}, ${(body.length / 1e6).toFixed(1)} MB`,
    load: (connections) =>
      at(
        PREDICT_PATH,
        httpLoad(() => ({ body, connections, verify })),
      ),
  };
}

/** The Open Inference Protocol with binary tensors both ways, as tritonclient sends it. */
export function binary(): Spelling {
  const tensor = {
    name: 'image',
    shape: IMAGE_DIMS,
    datatype: 'FP32',
    parameters: { binary_data_size: IMAGE_BYTES },
  };
  const head = JSON.stringify({ inputs: [tensor], parameters: { binary_data_output: true } });
  const headers = {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': String(head.length),
  };
  const body = head + PIXEL_BYTES.toString('latin1');
  const request = { body, bodyEncoding: 'latin1', headers } as const;
  return {
    name: 'binary REST, 0.6 MB',
    load: (connections) =>
      at(
        '/v2/models/m/infer',
        httpLoad(() => ({ ...request, connections })),
      ),
  };
}

/** Predict with tensor_content; a reply must have the output `logits`. */
export function grpc(): Spelling {
  const message = predictRequest('image', IMAGE_DIMS, PIXEL_BYTES);
  return {
    name: 'gRPC, 0.6 MB',
    load: (connections) =>
      at(
        PREDICT,
        grpcLoad({ connections, streams: 1 }, message, () => Buffer.from('logits')),
      ),
  };
}

function at(path: string, load: Load): Load {
  return ({ url, ...contender }: Contender, options) => load({ ...contender, url: url + path }, options);
}
