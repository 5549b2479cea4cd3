/** ModelSpec: which model, version and signature a request names. Source: tensorflow_serving/apis/model.proto. */
import type { ProtoReader } from '../../../../core/proto-reader.ts';
import type { ProtoWriter } from '../../../../core/proto-writer.ts';
import { LATEST } from '../../../runtime/requests.ts';
import type { VersionSelector } from '../../../runtime/requests.ts';
import { invalidRequest } from '../../failures.ts';
import type { HttpCall } from '../../http-call.ts';
import type { ModelPath } from '../../model-path.ts';
import { requireVisible } from '../../visible-models.ts';

export interface ModelSpec extends ModelPath {
  /** undefined: the default one. */
  readonly signature: string | undefined;
}

/** Reads the fields of a ModelSpec. Throws SKY_REQUEST_INVALID. */
export function readModelSpec(reader: ProtoReader): ModelSpec {
  let model = '';
  let version: VersionSelector = LATEST;
  let signature = '';
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) model = reader.string();
    else if (field === 2)
      version = { kind: 'version', version: reader.message(() => readInt64Value(reader)) };
    else if (field === 3) signature = reader.string();
    else if (field === 4) version = { kind: 'label', label: reader.string() };
  }
  return { model, version, signature: signature === '' ? undefined : signature };
}

/** The `model_spec` of a request whose field 1 it is; the other fields are left alone. */
export function readFirstSpec(reader: ProtoReader): ModelSpec | undefined {
  let spec: ModelSpec | undefined;
  for (let field = reader.next(); field !== 0; field = reader.next())
    if (field === 1) spec = reader.message(() => readModelSpec(reader));
  return spec;
}

/** Throws SKY_REQUEST_INVALID, in TensorFlow Serving's words, and SKY_PERMISSION_DENIED. */
export function requireModel(call: HttpCall, spec: ModelSpec | undefined): ModelSpec {
  if (spec === undefined) throw invalidRequest('Missing ModelSpec');
  if (spec.model === '') throw invalidRequest('ModelSpec has no name specified.');
  call.note('model', spec.model);
  requireVisible(call.principal, spec.model);
  return spec;
}

/** Writes a ModelSpec with the version that answered. @param signature '' is left out */
export function writeModelSpec(
  writer: ProtoWriter,
  field: number,
  model: string,
  { version, signature }: { readonly version: bigint; readonly signature: string },
): void {
  writer.message(field, () => {
    writer.string(1, model).message(2, () => writer.int64(1, version));
    if (signature !== '') writer.string(3, signature);
  });
}

function readInt64Value(reader: ProtoReader): bigint {
  let value = 0n;
  for (let field = reader.next(); field !== 0; field = reader.next()) if (field === 1) value = reader.int64();
  return value;
}
