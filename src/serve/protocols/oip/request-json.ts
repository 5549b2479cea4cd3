/**
 * The JSON of a request, member by member, each list bounded before it is read. What is ambiguous (a name that comes
 * twice) is refused; null stands for what is absent.
 */
import { SkyliftError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import { noValueError, skipWhitespace } from '../../../tensor/json/grammar.ts';
import type { JsonKind } from '../../../tensor/json/grammar.ts';
import { JsonReader } from '../../../tensor/json/reader.ts';
import { invalidRequest } from '../failures.ts';

export type ParameterValue = string | number | boolean;
export type Parameters = ReadonlyMap<string, ParameterValue>;

/** Reads the value of a member; false when it does not know the name, and the value is left out. */
export type ReadMember = (name: string) => boolean;

const PARAMETER_KINDS: ReadonlySet<JsonKind> = new Set(['string', 'number', 'true', 'false']);

/** Reads JSON under limits. Every method throws SKY_JSON_MALFORMED and SKY_REQUEST_INVALID for what is not as wanted. */
export class RequestReader {
  readonly json: JsonReader;
  readonly limits: Limits;

  constructor(bytes: Uint8Array, limits: Limits) {
    this.json = new JsonReader(bytes, { maxDepth: limits.max_json_depth });
    this.limits = limits;
  }

  /** The object that is the whole document. */
  document(what: string, read: ReadMember): void {
    this.members(what, read);
    const { bytes, offset } = this.json;
    if (skipWhitespace(bytes, offset) < bytes.length)
      throw invalidRequest(`bytes follow the JSON of ${what} at offset ${offset}`);
  }

  /** The object that comes next. Throws SKY_REQUEST_TOO_LARGE beyond max_json_members. */
  members(what: string, read: ReadMember): void {
    this.#require('object', `${what} is not an object`);
    const seen = new Set<string>();
    this.json.enterObject();
    for (let name = this.json.nextKey(); name !== undefined; name = this.json.nextKey()) {
      if (seen.has(name)) throw invalidRequest(`${what} has two members "${name}"`);
      seen.add(name);
      if (seen.size > this.limits.max_json_members) throw tooManyMembers(what, this.limits.max_json_members);
      if (this.json.kind() === 'null' || !read(name)) this.json.skipValue();
    }
  }

  /** Each element of the array that comes next, by `read`; `tooMany` is the error of more than `most`. */
  array<T>(what: string, most: number, tooMany: () => SkyliftError, read: () => T): T[] {
    this.#require('array', `${what} is not an array`);
    const elements: T[] = [];
    this.json.enterArray();
    while (this.json.nextElement()) {
      if (elements.length === most) throw tooMany();
      elements.push(read());
    }
    return elements;
  }

  /** The string that comes next. */
  text(what: string): string {
    this.#require('string', `${what} is not a string`);
    return this.json.readString();
  }

  /** The object of parameters that comes next. */
  parameters(what: string): Parameters {
    const parameters = new Map<string, ParameterValue>();
    this.members(what, (name) => {
      if (!PARAMETER_KINDS.has(this.json.kind()))
        throw invalidRequest(`${what}: "${name}" is not a string, number or boolean`);
      parameters.set(name, this.json.readValue() as ParameterValue); // of these kinds
      return true;
    });
    return parameters;
  }

  /** A document that ends here is malformed whatever was due. */
  #require(kind: JsonKind, message: string): void {
    const found = this.json.kind();
    if (found === 'end') throw noValueError(this.json.bytes, this.json.offset);
    if (found !== kind) throw invalidRequest(message);
  }
}

/** A parameter that is a whole number, at least 0; undefined when it is absent. Throws SKY_REQUEST_INVALID. */
export function countParameter(parameters: Parameters, name: string): number | undefined {
  const value = parameters.get(name);
  if (value === undefined || (Number.isInteger(value) && Number(value) >= 0))
    return value as number | undefined; // checked here
  throw invalidRequest(`parameter "${name}" is not a whole number from 0 on`);
}

/** A parameter that is true or false; undefined when it is absent. Throws SKY_REQUEST_INVALID. */
export function flagParameter(parameters: Parameters, name: string): boolean | undefined {
  const value = parameters.get(name);
  if (value === undefined || typeof value === 'boolean') return value;
  throw invalidRequest(`parameter "${name}" is not true or false`);
}

function tooManyMembers(what: string, most: number): SkyliftError {
  return new SkyliftError(
    'SKY_REQUEST_TOO_LARGE',
    `${what} has more than ${most} members (max_json_members)`,
    {
      details: { limit: 'max_json_members' },
    },
  );
}
