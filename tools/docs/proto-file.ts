/** Reads the .proto files of this repository: proto3 with messages, enums, maps, oneofs and services, nothing more. */

export interface ProtoField {
  readonly name: string;
  readonly number: number;
  readonly type: string;
  readonly isRepeated: boolean;
  /** Index into the oneofs of its message. */
  readonly oneof: number | undefined;
}

export interface ProtoMessage {
  readonly name: string;
  readonly isMapEntry: boolean;
  readonly fields: ProtoField[];
  readonly messages: ProtoMessage[];
  readonly enums: ProtoEnum[];
  readonly oneofs: string[];
}

export interface ProtoEnum {
  readonly name: string;
  readonly values: { readonly name: string; readonly number: number }[];
}

export interface ProtoMethod {
  readonly name: string;
  readonly input: string;
  readonly output: string;
  readonly isClientStream: boolean;
  readonly isServerStream: boolean;
}

export interface ProtoFile {
  readonly name: string;
  package: string;
  readonly imports: string[];
  readonly messages: ProtoMessage[];
  readonly enums: ProtoEnum[];
  readonly services: { readonly name: string; readonly methods: ProtoMethod[] }[];
}

const TOKEN = /\/\/.*|[A-Za-z_][\w.]*|\d+|"[^"]*"|\S/g;

/** Throws for what it does not know. @param name as imports spell it */
export function parseProto(name: string, text: string): ProtoFile {
  return new Parser(
    name,
    (text.match(TOKEN) ?? []).filter((token) => !token.startsWith('//')),
  ).file();
}

class Parser {
  readonly #name: string;
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(name: string, tokens: readonly string[]) {
    this.#name = name;
    this.#tokens = tokens;
  }

  file(): ProtoFile {
    const file: ProtoFile = {
      name: this.#name,
      package: '',
      imports: [],
      messages: [],
      enums: [],
      services: [],
    };
    while (this.#at < this.#tokens.length) {
      const word = this.#next();
      if (word === 'syntax') this.#expect('=', '"proto3"', ';');
      else if (word === 'package') file.package = this.#statement();
      else if (word === 'import') file.imports.push(this.#statement().slice(1, -1));
      else if (word === 'message') file.messages.push(this.#message());
      else if (word === 'enum') file.enums.push(this.#enum());
      else if (word === 'service') file.services.push(this.#service());
      else this.#fail(word);
    }
    return file;
  }

  #message(): ProtoMessage {
    const message: ProtoMessage = {
      name: this.#next(),
      isMapEntry: false,
      fields: [],
      messages: [],
      enums: [],
      oneofs: [],
    };
    this.#block((word) => {
      if (word === 'message') message.messages.push(this.#message());
      else if (word === 'enum') message.enums.push(this.#enum());
      else if (word === 'oneof') {
        const oneof = message.oneofs.push(this.#next()) - 1;
        this.#block((type) => this.#field(message, type, oneof));
      } else this.#field(message, word, undefined);
    });
    return message;
  }

  #field(message: ProtoMessage, word: string, oneof: number | undefined): void {
    let type = word === 'repeated' ? this.#next() : word;
    const isMap = type === 'map';
    if (isMap) {
      this.#expect('<', 'string', ',');
      type = this.#next();
      this.#expect('>');
    }
    const name = this.#next();
    if (isMap) {
      const entry = mapEntry(name, type);
      message.messages.push(entry);
      type = entry.name;
    }
    const number = this.#number();
    message.fields.push({ name, number, type, isRepeated: isMap || word === 'repeated', oneof });
  }

  #enum(): ProtoEnum {
    const found: ProtoEnum = { name: this.#next(), values: [] };
    this.#block((name) => found.values.push({ name, number: this.#number() }));
    return found;
  }

  #service(): ProtoFile['services'][number] {
    const service = { name: this.#next(), methods: [] as ProtoMethod[] };
    this.#block((word) => {
      if (word !== 'rpc') this.#fail(word);
      const name = this.#next();
      const [input, isClientStream] = this.#messageType();
      this.#expect('returns');
      const [output, isServerStream] = this.#messageType();
      this.#expect(';');
      service.methods.push({ name, input, output, isClientStream, isServerStream });
    });
    return service;
  }

  #messageType(): [type: string, isStream: boolean] {
    this.#expect('(');
    const word = this.#next();
    const isStream = word === 'stream';
    const type = isStream ? this.#next() : word;
    this.#expect(')');
    return [type, isStream];
  }

  #block(read: (word: string) => void): void {
    this.#expect('{');
    for (let word = this.#next(); word !== '}'; word = this.#next()) read(word);
  }

  #number(): number {
    this.#expect('=');
    return Number(this.#statement());
  }

  #statement(): string {
    const word = this.#next();
    this.#expect(';');
    return word;
  }

  #expect(...words: readonly string[]): void {
    for (const word of words) if (this.#next() !== word) this.#fail(this.#tokens[this.#at - 1] ?? 'the end');
  }

  #next(): string {
    return this.#tokens[this.#at++] ?? this.#fail('the end');
  }

  #fail(word: string): never {
    throw new SyntaxError(`${this.#name}: unexpected ${word}`);
  }
}

/** `map<string, T> some_name` is a repeated message of this form. */
function mapEntry(field: string, type: string): ProtoMessage {
  const name = `${field.replaceAll(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase())}Entry`;
  const member = (memberName: string, number: number, memberType: string): ProtoField => ({
    name: memberName,
    number,
    type: memberType,
    isRepeated: false,
    oneof: undefined,
  });
  const fields = [member('key', 1, 'string'), member('value', 2, type)];
  return { name, isMapEntry: true, fields, messages: [], enums: [], oneofs: [] };
}
