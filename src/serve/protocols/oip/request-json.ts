/** The JSON of a request, member by member. What is ambiguous (a name that comes twice) is refused. */
import { noValueError } from '../../../tensor/json/grammar.ts';
import type { JsonKind } from '../../../tensor/json/grammar.ts';
import type { JsonReader } from '../../../tensor/json/reader.ts';
import { invalidRequest } from '../failures.ts';

export type ParameterValue = string | number | boolean;
export type Parameters = ReadonlyMap<string, ParameterValue>;

/**
 * Walks the object that comes next. `read` takes the value of a member that it knows and says true; other members are
 * left out. Throws SKY_REQUEST_INVALID when the value is no object or a name comes twice, SKY_JSON_MALFORMED.
 */
export function readMembers(reader: JsonReader, what: string, read: (name: string) => boolean): void {
  requireKind(reader, 'object', `${what} is not an object`);
  const seen = new Set<string>();
  reader.enterObject();
  for (let name = reader.nextKey(); name !== undefined; name = reader.nextKey()) {
    if (seen.has(name)) throw invalidRequest(`${what} has two members "${name}"`);
    seen.add(name);
    if (!read(name)) reader.skipValue();
  }
}

/** Reads each element of the array that comes next with `read`. Throws SKY_REQUEST_INVALID, SKY_JSON_MALFORMED. */
export function readArray<T>(reader: JsonReader, what: string, read: () => T): T[] {
  requireKind(reader, 'array', `${what} is not an array`);
  const elements: T[] = [];
  reader.enterArray();
  while (reader.nextElement()) elements.push(read());
  return elements;
}

/** The string that comes next. Throws SKY_REQUEST_INVALID, SKY_JSON_MALFORMED. */
export function readText(reader: JsonReader, what: string): string {
  requireKind(reader, 'string', `${what} is not a string`);
  return reader.readString();
}

/** The object of parameters that comes next. Throws SKY_REQUEST_INVALID, SKY_JSON_MALFORMED. */
export function readParameters(reader: JsonReader, what: string): Parameters {
  const parameters = new Map<string, ParameterValue>();
  readMembers(reader, what, (name) => {
    const value = reader.readValue();
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
      throw invalidRequest(`${what}: "${name}" is not a string, number or boolean`);
    parameters.set(name, value);
    return true;
  });
  return parameters;
}

/** A parameter that is a whole number, at least 0; undefined when it is absent. Throws SKY_REQUEST_INVALID. */
export function countParameter(parameters: Parameters, name: string): number | undefined {
  const value = parameters.get(name);
  if (value === undefined || (Number.isSafeInteger(value) && Number(value) >= 0))
    return value as number | undefined; // checked here
  throw invalidRequest(`parameter "${name}" is not a whole number from 0 on`);
}

/** A parameter that is true or false; undefined when it is absent. Throws SKY_REQUEST_INVALID. */
export function flagParameter(parameters: Parameters, name: string): boolean | undefined {
  const value = parameters.get(name);
  if (value === undefined || typeof value === 'boolean') return value;
  throw invalidRequest(`parameter "${name}" is not true or false`);
}

/** A document that ends here is malformed whatever was due. */
function requireKind(reader: JsonReader, kind: JsonKind, message: string): void {
  const found = reader.kind();
  if (found === 'end') throw noValueError(reader.bytes, reader.offset);
  if (found !== kind) throw invalidRequest(message);
}
