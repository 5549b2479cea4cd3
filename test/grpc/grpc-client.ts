/** A real gRPC client (grpc-js) for tests, with the messages of the committed .proto files. */
import { Client, Metadata, credentials } from '@grpc/grpc-js';
import type { CallOptions, ChannelCredentials, ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { MessageTypeDefinition, MethodDefinition, ServiceDefinition } from '@grpc/proto-loader';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

const PROTOS = join(import.meta.dirname, '..', '..', 'protos');

/** A message as plain values: 64-bit integers as text, bytes as Buffer, enums as names. */
export type Message = Record<string, unknown>;

const definitions = loadSync(
  [
    'tensorflow_serving/prediction_service.proto',
    'tensorflow_serving/model_service.proto',
    'inference/grpc_service.proto',
    'grpc/health.proto',
    'grpc/reflection.proto',
  ],
  { includeDirs: [PROTOS], keepCase: true, longs: String, enums: String, defaults: true, oneofs: true },
);

/** One channel to one server; it ends with the test. */
export class GrpcClient {
  readonly #clients = new Map<string, Client>();
  readonly #target: string;

  readonly #credentials: ChannelCredentials;

  /** @param target `host:port` or `unix:PATH` @param how to connect; default: plain */
  constructor(
    context: Pick<TestContext, 'after'>,
    target: string,
    how: ChannelCredentials = credentials.createInsecure(),
  ) {
    this.#credentials = how;
    this.#target = target;
    context.after(() => this.close());
  }

  /** Calls a unary method, e.g. `tensorflow.serving.PredictionService/Predict`. Rejects with a ServiceError. */
  call(
    path: string,
    request: Message,
    { metadata = {}, ...options }: CallOptions & { metadata?: Readonly<Record<string, string>> } = {},
  ): Promise<Message> {
    const [service = '', method = ''] = path.split('/');
    const { requestSerialize, responseDeserialize, path: wirePath } = this.#definition(service, method);
    const sent = new Metadata();
    for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, reply: Message = {}): void =>
        error ? reject(error) : resolve(reply);
      this.client(service).makeUnaryRequest(
        wirePath,
        requestSerialize,
        responseDeserialize,
        request,
        sent,
        options,
        done,
      );
    });
  }

  /** Sends messages on a stream, one after the other's answer; resolves with the answers. Rejects with a ServiceError. */
  stream(path: string, requests: readonly Message[]): Promise<readonly Message[]> {
    const [service = '', method = ''] = path.split('/');
    const { requestSerialize, responseDeserialize, path: wirePath } = this.#definition(service, method);
    const call = this.client(service).makeBidiStreamRequest(wirePath, requestSerialize, responseDeserialize);
    const answers: Message[] = [];
    return new Promise((resolve, reject) => {
      const next = (): void => {
        const request = requests[answers.length];
        if (request === undefined) call.end();
        else call.write(request);
      };
      call.on('data', (answer: Message) => {
        answers.push(answer);
        next();
      });
      call.on('error', reject);
      call.on('end', () => resolve(answers));
      next();
    });
  }

  /** Calls a method that answers with a stream; `onAnswer` gets each message and may cancel. Resolves with the code at its end. */
  watch(
    path: string,
    request: Message,
    onAnswer: (answer: Message, cancel: () => void) => void,
  ): Promise<number> {
    const [service = '', method = ''] = path.split('/');
    const { requestSerialize, responseDeserialize, path: wirePath } = this.#definition(service, method);
    const call = this.client(service).makeServerStreamRequest(
      wirePath,
      requestSerialize,
      responseDeserialize,
      request,
    );
    call.on('data', (answer: Message) => onAnswer(answer, () => call.cancel()));
    call.on('error', () => {}); // its code is in the status
    return new Promise((resolve) => call.on('status', ({ code }) => resolve(code)));
  }

  /** A message of any type of the .proto files. */
  decode(type: string, bytes: Uint8Array = Buffer.alloc(0)): Message {
    const { deserialize } = definitions[type] as MessageTypeDefinition<Message, Message>;
    return deserialize(Buffer.from(bytes));
  }

  encode(type: string, message: Message): Buffer {
    return (definitions[type] as MessageTypeDefinition<Message, Message>).serialize(message);
  }

  client(service = ''): Client {
    const known = this.#clients.get(service);
    if (known) return known;
    const created = new Client(this.#target, this.#credentials, {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
    });
    this.#clients.set(service, created);
    return created;
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
  }

  #definition(service: string, method: string): MethodDefinition<Message, Message> {
    const definition = (definitions[service] as ServiceDefinition | undefined)?.[method];
    if (!definition) throw new Error(`no method ${service}/${method}`);
    return definition as MethodDefinition<Message, Message>;
  }
}

/** What a failed call says. */
export async function failureOf(call: Promise<unknown>): Promise<{ code: number; message: string }> {
  try {
    await call;
  } catch (error) {
    const { code, details } = error as ServiceError; // grpc-js rejects with nothing else
    return { code, message: details };
  }
  throw new Error('the call went well');
}
