/** One input of a request. */
import { SkyliftError, isSkyliftError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import type { JsonReader, Mark } from '../../../tensor/json/reader.ts';
import { rawTensor } from '../../../tensor/packed.ts';
import { elementCount } from '../../../tensor/tensor.ts';
import type { DataType, Tensor } from '../../../tensor/tensor.ts';
import { invalidRequest } from '../failures.ts';
import type { BinaryCursor } from './binary-parts.ts';
import { dtypeOf } from './datatypes.ts';
import { readData } from './read-data.ts';
import { countParameter, readArray, readMembers, readParameters, readText } from './request-json.ts';
import type { Parameters } from './request-json.ts';

export interface NamedTensor {
  readonly name: string;
  readonly tensor: Tensor;
}

/**
 * The input that comes next; its bytes are in the JSON or are taken from `binary`. Throws SKY_REQUEST_INVALID,
 * SKY_TENSOR_INVALID, SKY_REQUEST_TOO_LARGE, SKY_JSON_MALFORMED.
 */
export function readInput(reader: JsonReader, binary: BinaryCursor, limits: Limits): NamedTensor {
  return new InputReader(reader, limits).read(binary);
}

class InputReader {
  readonly #reader: JsonReader;
  readonly #limits: Limits;
  #name: string | undefined;
  #dtype: DataType | undefined;
  #dims: readonly number[] | undefined;
  #parameters: Parameters = new Map();
  #dataAt: Mark | undefined;
  #data: Tensor | undefined;

  constructor(reader: JsonReader, limits: Limits) {
    this.#reader = reader;
    this.#limits = limits;
  }

  read(binary: BinaryCursor): NamedTensor {
    readMembers(this.#reader, 'an input', (member) => this.#member(member));
    const name = this.#name;
    const dtype = this.#dtype;
    const dims = this.#dims;
    if (name === undefined) throw invalidRequest('an input has no "name"');
    if (dtype === undefined) throw invalidRequest(`input "${name}" has no "datatype"`);
    if (dims === undefined) throw invalidRequest(`input "${name}" has no "shape"`);
    return { name, tensor: forInput(name, () => this.#tensor(dtype, dims, binary)) };
  }

  #member(member: string): boolean {
    const reader = this.#reader;
    switch (member) {
      case 'name':
        this.#name = readText(reader, 'the "name" of an input');
        return true;
      case 'datatype':
        this.#dtype = readDatatype(reader);
        return true;
      case 'shape':
        this.#dims = readShape(reader, this.#limits.max_tensor_rank);
        return true;
      case 'parameters':
        this.#parameters = readParameters(reader, '"parameters" of an input');
        return true;
      case 'data':
        this.#dataAt = reader.mark();
        return this.#readData();
      default:
        return false;
    }
  }

  /** False before it is known how the data is to be read. */
  #readData(): boolean {
    const name = this.#name;
    const dtype = this.#dtype;
    if (name === undefined || dtype === undefined) return false;
    this.#data = forInput(name, () => readData(this.#reader, dtype, this.#limits));
    return true;
  }

  #tensor(dtype: DataType, dims: readonly number[], binary: BinaryCursor): Tensor {
    const sizeBytes = countParameter(this.#parameters, 'binary_data_size');
    if ((sizeBytes === undefined) === (this.#dataAt === undefined))
      throw invalidRequest('it has not exactly one of "data" and the parameter "binary_data_size"');
    if (sizeBytes !== undefined)
      return rawTensor(dtype, dims, binary.take(sizeBytes), this.#limits.max_tensor_elements);
    const data = this.#data ?? this.#readAgain(this.#dataAt, dtype);
    requireShape(dims, data.dims);
    return { dtype, dims, bytes: data.bytes };
  }

  /** The data came before its datatype. */
  #readAgain(dataAt: Mark | undefined, dtype: DataType): Tensor {
    const behind = this.#reader.mark();
    if (dataAt) this.#reader.reset(dataAt);
    const data = readData(this.#reader, dtype, this.#limits);
    this.#reader.reset(behind);
    return data;
  }
}

function readDatatype(reader: JsonReader): DataType {
  const datatype = readText(reader, 'the "datatype" of an input');
  const dtype = dtypeOf(datatype);
  if (dtype === undefined) throw invalidRequest(`"${datatype.slice(0, 40)}" is no datatype of the protocol`);
  return dtype;
}

function readShape(reader: JsonReader, maxRank: number): number[] {
  const dims = readArray(reader, 'the "shape" of an input', () => {
    const dim = reader.kind() === 'number' ? Number(reader.readNumber().text) : Number.NaN;
    if (!Number.isSafeInteger(dim) || dim < 0)
      throw invalidRequest('the "shape" of an input holds a dimension that is no whole number from 0 on');
    return dim;
  });
  if (dims.length > maxRank)
    throw new SkyliftError('SKY_REQUEST_TOO_LARGE', `a tensor exceeds max_tensor_rank (${maxRank})`);
  return dims;
}

/** Data is flat, or nested as the shape says; below an empty list there is nothing to nest. */
function requireShape(dims: readonly number[], found: readonly number[]): void {
  const isWhole = found.length === dims.length || found.at(-1) === 0;
  const isNested = isWhole && found.every((dim, axis) => dim === dims[axis]);
  const isFlat = found.length === 1 && found[0] === elementCount(dims);
  if (!isNested && !isFlat)
    throw new SkyliftError(
      'SKY_TENSOR_INVALID',
      `shape is [${dims.join(', ')}], but data has the shape [${found.join(', ')}]`,
    );
}

/** Adds the name of the input to errors that do not know it. */
function forInput<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isSkyliftError(error) || error.code === 'SKY_JSON_MALFORMED') throw error;
    const { code, details, message } = error;
    throw new SkyliftError(code, `input "${name}": ${message}`, { details, cause: error });
  }
}
