/**
 * Writes .onnx files for tests: the messages of onnx/onnx-ml.proto as functions that return bytes, so that a test can put
 * in whatever it likes, also what is wrong. Complete models are in onnx-models.ts.
 */
import { littleEndian, ProtoWriter } from './proto-writer.ts';

/** Values of TensorProto.DataType. */
export const ELEMENT = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  complex64: 14,
  bfloat16: 16,
  int4: 22,
} as const;

export type ElementName = keyof typeof ELEMENT;

/** A number, a symbol (`'batch'`), or `'?'` for a dimension without name and value. */
export type Dimension = number | string;

/** TypeProto of a tensor; `null`: unknown rank. */
export function tensorType(element: number, dims: readonly Dimension[] | null): Uint8Array {
  const tensor = new ProtoWriter().varint(1, element);
  if (dims) {
    const shape = new ProtoWriter();
    for (const dim of dims) shape.bytes(1, dimension(dim));
    tensor.bytes(2, shape.finish());
  }
  return new ProtoWriter().bytes(1, tensor.finish()).finish();
}

function dimension(dim: Dimension): Uint8Array {
  const writer = new ProtoWriter();
  if (typeof dim === 'number') writer.varint(1, dim);
  else if (dim !== '?') writer.string(2, dim);
  return writer.finish();
}

/** ValueInfoProto: an input or output of a graph. */
export function value(name: string, element: ElementName, dims: readonly Dimension[] | null): Uint8Array {
  return valueOfType(name, tensorType(ELEMENT[element], dims));
}

/** ValueInfoProto with any TypeProto. */
export function valueOfType(name: string, type: Uint8Array): Uint8Array {
  return new ProtoWriter().string(1, name).bytes(2, type).finish();
}

export interface TensorSource {
  readonly name?: string;
  readonly element: ElementName | number;
  readonly dims: readonly number[];
  readonly raw?: Uint8Array;
  /** float_data. */
  readonly floats?: readonly number[];
  /** int64_data. */
  readonly int64s?: readonly (number | bigint)[];
  /** int32_data. */
  readonly int32s?: readonly number[];
  /** string_data. */
  readonly strings?: readonly string[];
  /** external_data, in this order; sets data_location. */
  readonly external?: Readonly<Record<string, string>>;
}

/** TensorProto. */
export function tensor(source: TensorSource): Uint8Array {
  const { element, floats, int64s, int32s } = source;
  const writer = new ProtoWriter()
    .packedVarints(1, source.dims)
    .varint(2, typeof element === 'number' ? element : ELEMENT[element]);
  if (floats) writer.bytes(4, littleEndian(Float32Array.from(floats)));
  if (int32s) writer.packedVarints(5, int32s);
  for (const text of source.strings ?? []) writer.string(6, text);
  if (int64s) writer.packedVarints(7, int64s);
  if (source.name !== undefined) writer.string(8, source.name);
  if (source.raw) writer.bytes(9, source.raw);
  if (source.external) {
    for (const [key, text] of Object.entries(source.external))
      writer.bytes(13, new ProtoWriter().string(1, key).string(2, text).finish());
    writer.varint(14, 1);
  }
  return writer.finish();
}

/** A float32 tensor with its values in raw_data. */
export function floatTensor(name: string, dims: readonly number[], values: readonly number[]): Uint8Array {
  return tensor({ name, element: 'float32', dims, raw: littleEndian(Float32Array.from(values)) });
}

/** Value of an attribute; a number is an int, `{ float }` a float, bytes a tensor or graph as named. */
export type AttributeValue =
  | number
  | bigint
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly tensor: Uint8Array }
  | { readonly graph: Uint8Array };

/** AttributeProto. */
function attribute(name: string, content: AttributeValue): Uint8Array {
  const writer = new ProtoWriter().string(1, name);
  const typed = (type: number) => writer.varint(20, type).finish();
  if (typeof content === 'number' || typeof content === 'bigint')
    return writer.varint(3, content) && typed(2);
  if (typeof content === 'string') return writer.string(4, content) && typed(3);
  if ('float' in content) return writer.float(2, content.float) && typed(1);
  if ('tensor' in content) return writer.bytes(5, content.tensor) && typed(4);
  if ('graph' in content) return writer.bytes(6, content.graph) && typed(5);
  for (const int of content) writer.varint(8, int);
  return typed(7);
}

export interface NodeSource {
  readonly op: string;
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  readonly name?: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

/** NodeProto. */
export function node(source: NodeSource): Uint8Array {
  const writer = new ProtoWriter();
  for (const name of source.inputs ?? []) writer.string(1, name);
  for (const name of source.outputs ?? []) writer.string(2, name);
  if (source.name !== undefined) writer.string(3, source.name);
  writer.string(4, source.op);
  for (const [name, content] of Object.entries(source.attributes ?? {}))
    writer.bytes(5, attribute(name, content));
  if (source.domain !== undefined) writer.string(7, source.domain);
  return writer.finish();
}

export interface GraphSource {
  readonly name?: string;
  readonly nodes?: readonly Uint8Array[];
  readonly inputs?: readonly Uint8Array[];
  readonly outputs?: readonly Uint8Array[];
  readonly initializers?: readonly Uint8Array[];
}

/** GraphProto. */
export function graph(source: GraphSource): Uint8Array {
  const writer = new ProtoWriter();
  for (const bytes of source.nodes ?? []) writer.bytes(1, bytes);
  writer.string(2, source.name ?? 'graph');
  for (const bytes of source.initializers ?? []) writer.bytes(5, bytes);
  for (const bytes of source.inputs ?? []) writer.bytes(11, bytes);
  for (const bytes of source.outputs ?? []) writer.bytes(12, bytes);
  return writer.finish();
}

export interface FunctionSource {
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly Uint8Array[];
}

/** FunctionProto on the standard operators. */
export function localFunction(source: FunctionSource): Uint8Array {
  const writer = new ProtoWriter().string(1, source.name);
  for (const name of source.inputs) writer.string(4, name);
  for (const name of source.outputs) writer.string(5, name);
  for (const bytes of source.nodes) writer.bytes(7, bytes);
  return writer
    .bytes(9, opset('', OPSET))
    .bytes(9, opset(source.domain, 1))
    .string(10, source.domain)
    .finish();
}

/** Versions that onnxruntime 1.14 and newer know. */
const IR_VERSION = 8;
const OPSET = 17;

export interface ModelSource {
  readonly graph: Uint8Array;
  readonly irVersion?: number;
  /** Domain to version. @default the standard operators at 17 */
  readonly opsets?: Readonly<Record<string, number>>;
  readonly functions?: readonly Uint8Array[];
  readonly metadata?: Readonly<Record<string, string>>;
}

/** ModelProto: a complete .onnx file. */
export function model(source: ModelSource): Uint8Array {
  const writer = new ProtoWriter().varint(1, source.irVersion ?? IR_VERSION).string(2, 'skylift-tests');
  writer.bytes(7, source.graph);
  for (const [domain, version] of Object.entries(source.opsets ?? { '': OPSET }))
    writer.bytes(8, opset(domain, version));
  for (const [key, text] of Object.entries(source.metadata ?? {}))
    writer.bytes(14, new ProtoWriter().string(1, key).string(2, text).finish());
  for (const bytes of source.functions ?? []) writer.bytes(25, bytes);
  return writer.finish();
}

function opset(domain: string, version: number): Uint8Array {
  return new ProtoWriter().string(1, domain).varint(2, version).finish();
}
