/** One input of a request. */
import { SkyliftError, isSkyliftError } from '../../../core/errors.ts';
import type { Mark } from '../../../tensor/json/reader.ts';
import { rawTensor } from '../../../tensor/packed.ts';
import { elementCount, tooManyDimensions } from '../../../tensor/tensor.ts';
import type { DataType, Tensor, TensorSpec } from '../../../tensor/tensor.ts';
import { invalidRequest } from '../failures.ts';
import type { BinaryCursor } from './binary-parts.ts';
import { DATATYPE_NAMES, dtypeOf } from './datatypes.ts';
import { readData } from './read-data.ts';
import { countParameter } from './request-json.ts';
import type { Parameters, RequestReader } from './request-json.ts';

export interface NamedTensor {
  readonly name: string;
  readonly tensor: Tensor;
}

/**
 * The input that comes next; its bytes are in the JSON or are taken from `binary`. Data of another type than `specs` say
 * is refused unread. Throws SKY_REQUEST_INVALID, SKY_TENSOR_INVALID, SKY_TENSOR_SHAPE_MISMATCH, SKY_REQUEST_TOO_LARGE,
 * SKY_JSON_MALFORMED.
 */
export function readInput(
  reader: RequestReader,
  binary: BinaryCursor,
  specs: readonly TensorSpec[],
): NamedTensor {
  return new InputReader(reader, specs).read(binary);
}

/** Runs `work` and adds the name of the input to errors that do not know it. */
export function forInput<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isSkyliftError(error) || error.code === 'SKY_JSON_MALFORMED') throw error;
    const { code, details, hint, message } = error;
    throw new SkyliftError(code, `input "${name}": ${message}`, { details, hint, cause: error });
  }
}

class InputReader {
  readonly #reader: RequestReader;
  readonly #specs: readonly TensorSpec[];
  #name: string | undefined;
  #dtype: DataType | undefined;
  #dims: readonly number[] | undefined;
  #parameters: Parameters = new Map();
  #dataAt: Mark | undefined;
  #data: Tensor | undefined;

  constructor(reader: RequestReader, specs: readonly TensorSpec[]) {
    this.#reader = reader;
    this.#specs = specs;
  }

  read(binary: BinaryCursor): NamedTensor {
    this.#reader.members('an input', (member) => this.#member(member));
    const name = this.#name;
    const dtype = this.#dtype;
    const dims = this.#dims;
    if (name === undefined) throw invalidRequest('an input has no "name"');
    if (dtype === undefined) throw invalidRequest(`input "${name}" has no "datatype"`);
    if (dims === undefined) throw invalidRequest(`input "${name}" has no "shape"`);
    return { name, tensor: forInput(name, () => this.#tensor(name, dtype, dims, binary)) };
  }

  #member(member: string): boolean {
    const reader = this.#reader;
    switch (member) {
      case 'name':
        this.#name = reader.text('the "name" of an input');
        return true;
      case 'datatype':
        this.#dtype = readDatatype(reader);
        return true;
      case 'shape':
        this.#dims = readShape(reader);
        return true;
      case 'parameters':
        this.#parameters = reader.parameters('"parameters" of an input');
        return true;
      case 'data':
        this.#dataAt = reader.json.mark();
        return this.#readEarly();
      default:
        return false;
    }
  }

  /** False before it is known how the data is to be read. */
  #readEarly(): boolean {
    const name = this.#name;
    const dtype = this.#dtype;
    if (name === undefined || dtype === undefined) return false;
    this.#data = forInput(name, () => this.#readData(name, dtype));
    return true;
  }

  #tensor(name: string, dtype: DataType, dims: readonly number[], binary: BinaryCursor): Tensor {
    const sizeBytes = countParameter(this.#parameters, 'binary_data_size');
    const { max_tensor_elements } = this.#reader.limits;
    if (sizeBytes !== undefined) {
      if (this.#dataAt !== undefined) throw invalidRequest('it has both "data" and "binary_data_size"');
      return rawTensor(dtype, dims, binary.take(sizeBytes), max_tensor_elements);
    }
    if (this.#dataAt === undefined)
      throw invalidRequest('it has neither "data" nor the parameter "binary_data_size"');
    const data = this.#data ?? this.#readLate(name, dtype, this.#dataAt);
    requireShape(dims, data.dims);
    return { dtype, dims, bytes: data.bytes };
  }

  /** The data came before its name or datatype. */
  #readLate(name: string, dtype: DataType, dataAt: Mark): Tensor {
    const { json } = this.#reader;
    const behind = json.mark();
    json.reset(dataAt);
    const data = this.#readData(name, dtype);
    json.reset(behind);
    return data;
  }

  #readData(name: string, dtype: DataType): Tensor {
    const spec = this.#specs.find((each) => each.name === name);
    if (spec !== undefined && spec.dtype !== dtype)
      throw new SkyliftError(
        'SKY_TENSOR_SHAPE_MISMATCH',
        `the model takes ${DATATYPE_NAMES[spec.dtype]}, not ${DATATYPE_NAMES[dtype]}`,
      );
    return readData(this.#reader.json, dtype, this.#reader.limits);
  }
}

function readDatatype(reader: RequestReader): DataType {
  const datatype = reader.text('the "datatype" of an input');
  const dtype = dtypeOf(datatype);
  if (dtype === undefined) throw invalidRequest(`"${datatype.slice(0, 40)}" is no datatype of the protocol`);
  return dtype;
}

function readShape(reader: RequestReader): number[] {
  const { json, limits } = reader;
  const maxRank = limits.max_tensor_rank;
  const tooMany = (): SkyliftError => tooManyDimensions(maxRank);
  return reader.array('the "shape" of an input', maxRank, tooMany, () => {
    const dim = json.kind() === 'number' ? Number(json.readNumber().text) : Number.NaN;
    if (!Number.isSafeInteger(dim) || dim < 0)
      throw invalidRequest('the "shape" of an input holds a dimension that is no whole number from 0 on');
    return dim;
  });
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
