/** What the reader keeps of an .onnx file: structure, names and where the weights are; never the weights. */
import type { ByteRange } from '../byte-file.ts';
import type { TypedField } from './element-types.ts';

export interface OnnxModel {
  readonly irVersion: number;
  readonly opsets: readonly OnnxOpset[];
  readonly producer: { readonly name: string; readonly version: string };
  readonly graph: OnnxGraph;
  readonly functions: readonly OnnxFunction[];
  /** Values beyond 64 KiB are left out. */
  readonly metadata: ReadonlyMap<string, string>;
}

export interface OnnxOpset {
  /** `''` is the standard domain, also written `ai.onnx`. */
  readonly domain: string;
  readonly version: number;
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly initializers: readonly OnnxTensor[];
  readonly sparseInitializerCount: number;
}

/** A node body that the model brings along; keyed by domain, name and overload. */
export interface OnnxFunction {
  readonly domain: string;
  readonly name: string;
  readonly overload: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly OnnxNode[];
  readonly opsets: readonly OnnxOpset[];
  /** Default values of its attributes. */
  readonly attributes: readonly OnnxAttribute[];
}

export interface OnnxNode {
  readonly opType: string;
  readonly domain: string;
  readonly name: string;
  readonly overload: string;
  /** `''` stands for an optional input or output that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly OnnxAttribute[];
}

/** Numbers and strings of attributes are not kept: nothing here depends on them. */
export interface OnnxAttribute {
  readonly name: string;
  readonly subgraphs: readonly OnnxGraph[];
  readonly tensors: readonly OnnxTensor[];
  readonly sparseTensorCount: number;
}

/** Input or output of a graph. */
export interface OnnxValue {
  readonly name: string;
  readonly type: OnnxType;
}

export type OnnxType =
  | { readonly kind: 'tensor'; readonly elementType: number; readonly dims: OnnxDims }
  | { readonly kind: 'sequence' | 'map' | 'optional' | 'sparse tensor' | 'opaque' | 'unknown' };

/** A string is a symbolic dimension, `'?'` one without a name; null is an unknown rank. */
export type OnnxDims = readonly (number | string)[] | null;

export interface OnnxTensor {
  readonly name: string;
  /** TensorProto.DataType; see element-types.ts. */
  readonly elementType: number;
  readonly dims: readonly number[];
  readonly data: OnnxTensorData;
}

export type OnnxTensorData =
  | { readonly kind: 'raw'; readonly range: ByteRange }
  | { readonly kind: 'typed'; readonly field: TypedField; readonly count: number }
  | { readonly kind: 'external'; readonly entries: ReadonlyMap<string, string> }
  | { readonly kind: 'none' };
