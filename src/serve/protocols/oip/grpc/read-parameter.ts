/** Parameters of a gRPC request: entries of map<string, InferParameter>. */
import { SkyliftError } from '../../../../core/errors.ts';
import type { Limits } from '../../../../core/limits.ts';
import type { ProtoReader } from '../../../../core/proto-reader.ts';
import type { ParameterValue } from '../request-json.ts';

/** Adds the entry that comes next. Throws SKY_REQUEST_INVALID, SKY_REQUEST_TOO_LARGE beyond max_json_members. */
export function readParameter(
  reader: ProtoReader,
  parameters: Map<string, ParameterValue>,
  { max_json_members: most }: Limits,
): void {
  if (parameters.size === most)
    throw new SkyliftError('SKY_REQUEST_TOO_LARGE', `more than ${most} parameters (max_json_members)`, {
      details: { limit: 'max_json_members' },
    });
  reader.message(() => {
    let key = '';
    let value: ParameterValue = '';
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) key = reader.string();
      else if (field === 2) value = reader.message(() => readValue(reader));
    }
    parameters.set(key, value);
  });
}

/** Integers beyond 2^53 become the nearest number: what they mean here is small. */
function readValue(reader: ProtoReader): ParameterValue {
  let value: ParameterValue = '';
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) value = reader.bool();
    else if (field === 2) value = Number(reader.int64());
    else if (field === 3) value = reader.string();
    else if (field === 4) value = reader.double();
    else if (field === 5) value = Number(reader.uint64());
  }
  return value;
}
