/**
 * Structure-aware fuzzing of the ONNX reader and validator: small models are taken apart into protobuf fields, a few
 * fields are changed, and the result must end in a model or a coded error, quickly. Nothing native is involved.
 */
import { isSkyliftError } from '../src/core/errors.ts';
import { resolveLimits } from '../src/core/limits.ts';
import { seededRng } from '../src/core/random.ts';
import type { Rng } from '../src/core/random.ts';
import { memoryFile } from '../src/formats/byte-file.ts';
import { readOnnxModel } from '../src/formats/onnx/read-model.ts';
import { readSignatures } from '../src/formats/onnx/to-package.ts';
import { validateModel } from '../src/formats/onnx/validate.ts';
import { externalMatMul, halfPlusTwo, identity, loop, matMul } from '../test/support/onnx-models.ts';
import { graph, localFunction, model, node, value } from '../test/support/onnx-writer.ts';
import { ProtoWriter } from '../test/support/proto-writer.ts';
import { pick } from './support/pick.ts';

export interface FuzzOptions {
  readonly seed: number;
  /** Number of mutated models. */
  readonly inputs: number;
}

export interface FuzzReport {
  readonly inputs: number;
  /** Inputs that passed as valid models. */
  readonly accepted: number;
  /** Rejections by error code. */
  readonly rejected: Readonly<Record<string, number>>;
  /** Anything else that was thrown, with the input: each is a defect. */
  readonly defects: readonly { readonly error: string; readonly inputBase64: string }[];
  readonly slowestMs: number;
}

const MAX_DEFECTS = 10;

/** Same seed, same inputs. Never throws for what the reader does. */
export async function fuzzOnnx({ seed, inputs }: FuzzOptions): Promise<FuzzReport> {
  const rng = seededRng(seed);
  const trees = seedModels().map(parseTree);
  const rejected = new Map<string, number>();
  const defects: { error: string; inputBase64: string }[] = [];
  let accepted = 0;
  let slowestMs = 0;
  for (let i = 0; i < inputs && defects.length < MAX_DEFECTS; i++) {
    const input = mutate(trees, rng);
    const startedAt = performance.now();
    try {
      readAndValidate(input);
      accepted++;
    } catch (error) {
      if (isSkyliftError(error) && error.code !== 'SKY_INTERNAL')
        rejected.set(error.code, (rejected.get(error.code) ?? 0) + 1);
      else defects.push({ error: String(error), inputBase64: Buffer.from(input).toString('base64') });
    }
    slowestMs = Math.max(slowestMs, performance.now() - startedAt);
  }
  return { inputs, accepted, rejected: Object.fromEntries(rejected), defects, slowestMs };
}

function readAndValidate(input: Uint8Array): void {
  const limits = resolveLimits({ max_onnx_structure_bytes: 2 ** 20 });
  const parsed = readOnnxModel(memoryFile(input), limits);
  validateModel(parsed, limits);
  readSignatures(parsed);
}

function seedModels(): readonly Uint8Array[] {
  const body = [node({ op: 'Relu', inputs: ['a'], outputs: ['b'] })];
  const withFunction = model({
    opsets: { '': 17, mine: 1 },
    functions: [localFunction({ domain: 'mine', name: 'F', inputs: ['a'], outputs: ['b'], nodes: body })],
    graph: graph({
      nodes: [node({ op: 'F', domain: 'mine', inputs: ['x'], outputs: ['y'] })],
      inputs: [value('x', 'float32', ['n'])],
      outputs: [value('y', 'float32', ['n'])],
    }),
  });
  const sizes = { width: 3, outputWidth: 2 };
  return [
    halfPlusTwo(),
    identity('string', null),
    matMul(sizes),
    externalMatMul(sizes).model,
    loop(3n),
    withFunction,
  ];
}

/** A field of a message, its content either as bytes or, where those look like one, as a message. */
interface Field {
  readonly field: number;
  readonly content: bigint | Uint8Array | readonly Field[];
}

/** Schema-free: bytes that parse as a message are taken for one. The seed models are well-formed. */
function parseTree(bytes: Uint8Array): readonly Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let result = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError('the bytes end inside a number');
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return result;
    }
    throw new RangeError('a number is too long');
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    if (tag % 8 === 0) {
      fields.push({ field: tag >>> 3, content: varint() });
      continue;
    }
    if (tag % 8 !== 2 || tag < 8) throw new RangeError('not a message of varints and bytes');
    const length = Number(varint());
    if (length > bytes.length - at) throw new RangeError('the bytes end inside a field');
    const content = bytes.subarray(at, at + length);
    at += length;
    fields.push({ field: tag >>> 3, content: messageIn(content) ?? content });
  }
  return fields;
}

function messageIn(content: Uint8Array): readonly Field[] | undefined {
  try {
    return content.length === 0 ? undefined : parseTree(content);
  } catch {
    return undefined;
  }
}

function mutate(trees: readonly (readonly Field[])[], rng: Rng): Uint8Array {
  let tree = pick(trees, rng) ?? [];
  const edits = 1 + (rng.u32() % 3);
  for (let i = 0; i < edits; i++) tree = editSomewhere(tree, trees, rng);
  const bytes = encode(tree);
  return rng.u32() % 8 === 0 ? damage(bytes, rng) : bytes;
}

/** Goes down at random and changes one list of fields. */
function editSomewhere(
  fields: readonly Field[],
  trees: readonly (readonly Field[])[],
  rng: Rng,
): readonly Field[] {
  const at = fields.length === 0 ? 0 : rng.u32() % fields.length;
  const chosen = fields[at];
  if (!chosen) return fields;
  if (isMessage(chosen.content) && rng.u32() % 5 !== 0)
    return fields.with(at, { ...chosen, content: editSomewhere(chosen.content, trees, rng) });
  switch (rng.u32() % 6) {
    case 0:
      return fields.toSpliced(at, 1);
    case 1:
      return fields.toSpliced(at, 0, chosen);
    case 2:
      return fields.toSpliced(rng.u32() % fields.length, 0, pick(pick(trees, rng) ?? [], rng) ?? chosen);
    case 3:
      return fields.with(at, { ...chosen, field: pick(FIELD_NUMBERS, rng) ?? 1 });
    case 4:
      return fields.with(at, { field: 5, content: [chosen, chosen] });
    default:
      return fields.with(at, { ...chosen, content: otherContent(chosen.content, fields, rng) });
  }
}

const FIELD_NUMBERS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 20, 22, 25, 2 ** 29 - 1];
const NUMBERS = [0n, 1n, 7n, 8n, 22n, 99n, 2n ** 31n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
const TEXTS = ['', 'x', 'y', '..', '../w', 'com.microsoft', 'mine', '\0'];

function otherContent(content: Field['content'], siblings: readonly Field[], rng: Rng): Field['content'] {
  if (typeof content === 'bigint') return pick(NUMBERS, rng) ?? 0n;
  if (rng.u32() % 2 === 0) return pick(siblings, rng)?.content ?? content;
  return new TextEncoder().encode(pick(TEXTS, rng) ?? '');
}

/** Bytes changed or cut off without regard to the structure. */
function damage(bytes: Uint8Array, rng: Rng): Uint8Array {
  if (bytes.length === 0) return bytes;
  const damaged = Uint8Array.from(bytes);
  damaged[rng.u32() % damaged.length] = rng.u32() & 0xff;
  return rng.u32() % 2 === 0 ? damaged : damaged.subarray(0, rng.u32() % damaged.length);
}

function encode(fields: readonly Field[]): Uint8Array {
  const writer = new ProtoWriter();
  for (const { field, content } of fields) {
    if (typeof content === 'bigint') writer.varint(field, content);
    else writer.bytes(field, isMessage(content) ? encode(content) : content);
  }
  return writer.finish();
}

function isMessage(content: Field['content']): content is readonly Field[] {
  return Array.isArray(content);
}
