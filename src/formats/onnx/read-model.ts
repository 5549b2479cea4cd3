/**
 * Reads the structure of an .onnx file: ModelProto without its weights. What it keeps is bounded by limits; what it
 * means is checked in validate.ts. Field numbers: onnx/onnx-ml.proto of onnx/onnx.
 */
import { SkyliftError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { openByteFile } from '../byte-file.ts';
import type { ByteFile } from '../byte-file.ts';
import type {
  OnnxAttribute,
  OnnxFunction,
  OnnxGraph,
  OnnxModel,
  OnnxNode,
  OnnxOpset,
  OnnxTensor,
  OnnxValue,
} from './model.ts';
import { readTensor, readValue } from './read-tensor.ts';
import { WireReader } from './wire.ts';

/** Reads the file at `path`. Throws SKY_MODEL_NOT_FOUND, SKY_ONNX_MALFORMED, SKY_ONNX_INVALID, SKY_ONNX_LIMIT. */
export function readOnnxFile(path: string, limits: Limits): OnnxModel {
  using file = openByteFile(path);
  return readOnnxModel(file, limits);
}

/** Reads a ModelProto. Throws SKY_ONNX_MALFORMED, SKY_ONNX_INVALID, SKY_ONNX_LIMIT. */
export function readOnnxModel(file: ByteFile, limits: Limits): OnnxModel {
  if (file.sizeBytes > limits.max_onnx_bytes)
    throw new SkyliftError(
      'SKY_ONNX_LIMIT',
      `the file has ${file.sizeBytes} bytes, more than max_onnx_bytes = ${limits.max_onnx_bytes}`,
    );
  return new ModelReader(file, limits).read();
}

/** Counts what the whole model has while its graphs are read. */
class ModelReader {
  readonly #wire: WireReader;
  readonly #limits: Limits;
  #nodeCount = 0;
  #initializerCount = 0;
  #graphDepth = 0;

  constructor(file: ByteFile, limits: Limits) {
    this.#limits = limits;
    this.#wire = new WireReader(file, {
      maxDepth: limits.max_protobuf_depth,
      maxKeptBytes: limits.max_onnx_structure_bytes,
    });
  }

  read(): OnnxModel {
    const wire = this.#wire;
    const opsets: OnnxOpset[] = [];
    const functions: OnnxFunction[] = [];
    const metadata = new Map<string, string>();
    const producer = { name: '', version: '' };
    let irVersion = 0;
    let graph: OnnxGraph | undefined;
    wire.fields((field) => {
      switch (field) {
        case 1:
          return void (irVersion = wire.int64());
        case 2:
          return void (producer.name = wire.string());
        case 3:
          return void (producer.version = wire.string());
        case 7:
          return void (graph = wire.once(graph, () => this.#readGraph()));
        case 8:
          return void opsets.push(this.#readOpset());
        case 14:
          return this.#readMetadata(metadata);
        case 25:
          return void functions.push(this.#readFunction());
      }
    });
    if (!graph) throw new SkyliftError('SKY_ONNX_MALFORMED', 'the file has no graph');
    return { irVersion, opsets, producer, graph, functions, metadata };
  }

  #readMetadata(into: Map<string, string>): void {
    const wire = this.#wire;
    let key = '';
    let value: string | undefined;
    wire.message((field) => {
      if (field === 1) key = wire.string();
      if (field === 2) value = wire.stringIfShort();
    });
    if (value !== undefined) into.set(key, value);
  }

  #readOpset(): OnnxOpset {
    const wire = this.#wire;
    let domain = '';
    let version = 0;
    wire.charge(64);
    wire.message((field) => {
      if (field === 1) domain = wire.string();
      if (field === 2) version = wire.int64();
    });
    return { domain: standardDomain(domain), version };
  }

  #readGraph(): OnnxGraph {
    const wire = this.#wire;
    const nodes: OnnxNode[] = [];
    const inputs: OnnxValue[] = [];
    const outputs: OnnxValue[] = [];
    const initializers: OnnxTensor[] = [];
    let sparseInitializerCount = 0;
    let name = '';
    this.#enterGraph();
    wire.message((field) => {
      switch (field) {
        case 1:
          return void nodes.push(this.#readNode());
        case 2:
          return void (name = wire.string());
        case 5:
          this.#countInitializer();
          return void initializers.push(readTensor(wire));
        case 11:
          return void inputs.push(readValue(wire));
        case 12:
          return void outputs.push(readValue(wire));
        case 15:
          return void sparseInitializerCount++;
      }
    });
    this.#graphDepth--;
    return { name, nodes, inputs, outputs, initializers, sparseInitializerCount };
  }

  #readNode(): OnnxNode {
    const wire = this.#wire;
    const inputs: string[] = [];
    const outputs: string[] = [];
    const attributes: OnnxAttribute[] = [];
    const text = { name: '', opType: '', domain: '', overload: '' };
    this.#countNode();
    wire.message((field) => {
      switch (field) {
        case 1:
          return void inputs.push(wire.string());
        case 2:
          return void outputs.push(wire.string());
        case 3:
          return void (text.name = wire.string());
        case 4:
          return void (text.opType = wire.string());
        case 5:
          return void attributes.push(this.#readAttribute());
        case 7:
          return void (text.domain = standardDomain(wire.string()));
        case 8:
          return void (text.overload = wire.string());
      }
    });
    return { ...text, inputs, outputs, attributes };
  }

  #readAttribute(): OnnxAttribute {
    const wire = this.#wire;
    const subgraphs: OnnxGraph[] = [];
    const tensors: OnnxTensor[] = [];
    let sparseTensorCount = 0;
    let name = '';
    let tensor: OnnxTensor | undefined;
    let subgraph: OnnxGraph | undefined;
    wire.charge(64);
    wire.message((field) => {
      switch (field) {
        case 1:
          return void (name = wire.string());
        case 5:
          return void tensors.push((tensor = wire.once(tensor, () => readTensor(wire))));
        case 6:
          return void subgraphs.push((subgraph = wire.once(subgraph, () => this.#readGraph())));
        case 10:
          return void tensors.push(readTensor(wire));
        case 11:
          return void subgraphs.push(this.#readGraph());
        case 22:
        case 23:
          return void sparseTensorCount++;
      }
    });
    return { name, subgraphs, tensors, sparseTensorCount };
  }

  #readFunction(): OnnxFunction {
    const wire = this.#wire;
    const inputs: string[] = [];
    const outputs: string[] = [];
    const nodes: OnnxNode[] = [];
    const opsets: OnnxOpset[] = [];
    const attributes: OnnxAttribute[] = [];
    const text = { name: '', domain: '', overload: '' };
    this.#countNode();
    wire.message((field) => {
      switch (field) {
        case 1:
          return void (text.name = wire.string());
        case 4:
          return void inputs.push(wire.string());
        case 5:
          return void outputs.push(wire.string());
        case 7:
          return void nodes.push(this.#readNode());
        case 9:
          return void opsets.push(this.#readOpset());
        case 10:
          return void (text.domain = standardDomain(wire.string()));
        case 11:
          return void attributes.push(this.#readAttribute());
        case 13:
          return void (text.overload = wire.string());
      }
    });
    return { ...text, inputs, outputs, nodes, opsets, attributes };
  }

  #enterGraph(): void {
    this.#within('max_onnx_depth', ++this.#graphDepth, 'nested graphs');
    this.#wire.charge(256);
  }

  #countNode(): void {
    this.#within('max_onnx_nodes', ++this.#nodeCount, 'nodes');
    this.#wire.charge(128);
  }

  #countInitializer(): void {
    this.#within('max_onnx_initializers', ++this.#initializerCount, 'initializers');
  }

  #within(
    name: 'max_onnx_nodes' | 'max_onnx_initializers' | 'max_onnx_depth',
    count: number,
    what: string,
  ): void {
    if (count > this.#limits[name])
      throw new SkyliftError('SKY_ONNX_LIMIT', `more ${what} than ${name} = ${this.#limits[name]}`);
  }
}

function standardDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}
