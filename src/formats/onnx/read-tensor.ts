/** TensorProto, TypeProto and ValueInfoProto, read from the wire without their payloads. */
import { SkyliftError } from '../../core/errors.ts';
import type { ByteRange } from '../byte-file.ts';
import { TYPED_FIELDS } from './element-types.ts';
import type { TypedField } from './element-types.ts';
import type { OnnxDims, OnnxTensor, OnnxTensorData, OnnxType, OnnxValue } from './model.ts';
import type { WireReader } from './wire.ts';

const EXTERNAL = 1;

/** Reads the current field as TensorProto. Throws SKY_ONNX_INVALID when its data is given in more than one form. */
export function readTensor(wire: WireReader): OnnxTensor {
  const dims: number[] = [];
  const typed = new Map<TypedField, number>();
  const entries = new Map<string, string>();
  let name = '';
  let elementType = 0;
  let location = 0;
  let isSegment = false;
  let raw: ByteRange | undefined;
  const add = (field: TypedField, count: number) => typed.set(field, (typed.get(field) ?? 0) + count);
  wire.charge(128);
  wire.message((field) => {
    switch (field) {
      case 1:
        return wire.repeatedInt64(dims);
      case 2:
        return void (elementType = wire.int32());
      case 3:
        return void (isSegment = true);
      case TYPED_FIELDS.float_data:
        return void add('float_data', wire.countFixed(4));
      case TYPED_FIELDS.int32_data:
        return void add('int32_data', wire.countVarints());
      case TYPED_FIELDS.string_data:
        return void (wire.range(), add('string_data', 1));
      case TYPED_FIELDS.int64_data:
        return void add('int64_data', wire.countVarints());
      case 8:
        return void (name = wire.string());
      case 9:
        return void (raw = wire.range());
      case TYPED_FIELDS.double_data:
        return void add('double_data', wire.countFixed(8));
      case TYPED_FIELDS.uint64_data:
        return void add('uint64_data', wire.countVarints());
      case 13:
        return readEntry(wire, entries);
      case 14:
        return void (location = wire.int32());
    }
  });
  if (isSegment) throw invalid(name, 'is stored in segments');
  return { name, elementType, dims, data: tensorData({ name, location, entries, raw, typed }) };
}

interface StoredForms {
  readonly name: string;
  readonly location: number;
  readonly entries: ReadonlyMap<string, string>;
  readonly raw: ByteRange | undefined;
  readonly typed: ReadonlyMap<TypedField, number>;
}

function tensorData({ name, location, entries, raw, typed }: StoredForms): OnnxTensorData {
  const filled = [...typed].filter(([, count]) => count > 0);
  const [first, ...others] = filled;
  if (location !== 0 && location !== EXTERNAL) throw invalid(name, `has data_location ${location}`);
  if (others.length > 0 || (first && raw) || (location === EXTERNAL && (first ?? raw)))
    throw invalid(name, 'has its data in more than one form');
  if (location === EXTERNAL) return { kind: 'external', entries };
  if (raw) return { kind: 'raw', range: raw };
  return first ? { kind: 'typed', field: first[0], count: first[1] } : { kind: 'none' };
}

function invalid(name: string, what: string): SkyliftError {
  return new SkyliftError('SKY_ONNX_INVALID', `tensor "${name}" ${what}`);
}

/** Reads StringStringEntryProto into `into`. Throws SKY_ONNX_INVALID for a key that is there already. */
function readEntry(wire: WireReader, into: Map<string, string>): void {
  let key = '';
  let value = '';
  wire.message((field) => {
    if (field === 1) key = wire.string();
    if (field === 2) value = wire.string();
  });
  if (into.has(key)) throw new SkyliftError('SKY_ONNX_INVALID', `key "${key}" is given twice`);
  into.set(key, value);
}

/** Reads the current field as ValueInfoProto. */
export function readValue(wire: WireReader): OnnxValue {
  let name = '';
  let type: OnnxType | undefined;
  wire.charge(128);
  wire.message((field) => {
    if (field === 1) name = wire.string();
    if (field === 2) type = wire.once(type, () => readType(wire));
  });
  return { name, type: type ?? { kind: 'unknown' } };
}

function readType(wire: WireReader): OnnxType {
  let type: OnnxType | undefined;
  wire.message((field) => {
    if (field === 1) type = wire.once(type, () => readTensorType(wire));
    const kind = OTHER_TYPES[field];
    if (kind) type = wire.once(type, () => ({ kind }));
  });
  return type ?? { kind: 'unknown' };
}

/** Members of TypeProto's oneof besides tensor_type, by field number. */
const OTHER_TYPES: Readonly<Record<number, Exclude<OnnxType['kind'], 'tensor'>>> = {
  4: 'sequence',
  5: 'map',
  7: 'opaque',
  8: 'sparse tensor',
  9: 'optional',
};

function readTensorType(wire: WireReader): OnnxType {
  let elementType = 0;
  let dims: OnnxDims | undefined;
  wire.message((field) => {
    if (field === 1) elementType = wire.int32();
    if (field === 2) dims = wire.once(dims, () => readShape(wire));
  });
  return { kind: 'tensor', elementType, dims: dims ?? null };
}

function readShape(wire: WireReader): OnnxDims {
  const dims: (number | string)[] = [];
  wire.message((field) => {
    if (field !== 1) return;
    wire.charge(0);
    dims.push(readDimension(wire));
  });
  return dims;
}

function readDimension(wire: WireReader): number | string {
  let dimension: number | string = '?';
  wire.message((field) => {
    if (field === 1) dimension = wire.int64();
    if (field === 2) dimension = wire.string() || '?';
  });
  return dimension;
}
