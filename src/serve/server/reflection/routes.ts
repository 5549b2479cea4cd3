/**
 * Server reflection of gRPC, v1 and v1alpha: what the services and messages are, for clients without .proto files. Source:
 * grpc/grpc src/proto/grpc/reflection/v1/reflection.proto.
 */
import { GRPC_CODE } from '../../../core/error-codes.ts';
import type { Limits } from '../../../core/limits.ts';
import { ProtoReader } from '../../../core/proto-reader.ts';
import { ProtoWriter } from '../../../core/proto-writer.ts';
import { grpcRoute, replyMessage } from '../../protocols/grpc-call.ts';
import type { HttpCall, Route } from '../../protocols/http-call.ts';
import { DESCRIPTORS } from './descriptors.ts';
import type { ProtoDescriptor } from './descriptors.ts';

const VERSIONS = ['v1', 'v1alpha'] as const;
/** Of error texts that name what the client asked for. */
const SHOWN_CHARACTERS = 256;

/** `grpc.reflection.v1.ServerReflection` and its predecessor. */
export function reflectionRoutes(limits: Limits): readonly Route[] {
  return VERSIONS.map((version) =>
    grpcRoute(
      {
        protocol: 'skylift',
        permission: 'read',
        plane: 'data',
        isStream: true,
        path: `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
        summary: 'Services and messages, for clients without .proto files.',
        handle: reflect,
      },
      limits,
    ),
  );
}

/** Answers one question of the stream; an unknown name is an answer, too. */
function reflect(call: HttpCall): void {
  const reader = new ProtoReader(call.body);
  const writer = new ProtoWriter();
  writer.bytes(2, call.body); // original_request
  let isAnswered = false;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (isAnswered || field === 1) continue;
    isAnswered = true;
    if (field === 3) writeFile(writer, reader.string(), fileNamed);
    else if (field === 4) writeFile(writer, reader.string(), fileWith);
    else if (field === 7) writeServices(writer);
    else writeError(writer, 'UNIMPLEMENTED', 'there are no extensions in proto3');
  }
  if (!isAnswered) writeError(writer, 'INVALID_ARGUMENT', 'the request asks for nothing');
  replyMessage(call, writer);
}

function writeFile(
  writer: ProtoWriter,
  name: string,
  find: (name: string) => ProtoDescriptor | undefined,
): void {
  const found = find(name);
  if (found === undefined) writeError(writer, 'NOT_FOUND', `no ${name.slice(0, SHOWN_CHARACTERS)} here`);
  else writer.message(4, () => writer.bytes(1, Buffer.from(found.base64, 'base64')));
}

function writeServices(writer: ProtoWriter): void {
  const services = DESCRIPTORS.flatMap((file) => file.services);
  writer.message(6, () => {
    for (const service of services) writer.message(1, () => writer.string(1, service));
  });
}

function writeError(writer: ProtoWriter, status: keyof typeof GRPC_CODE, message: string): void {
  writer.message(7, () => writer.integer(1, GRPC_CODE[status]).string(2, message));
}

function fileNamed(name: string): ProtoDescriptor | undefined {
  return DESCRIPTORS.find((file) => file.name === name);
}

/** Also of a method or a field: then what it belongs to is known. */
function fileWith(symbol: string): ProtoDescriptor | undefined {
  const owner = symbol.slice(0, Math.max(0, symbol.lastIndexOf('.')));
  return DESCRIPTORS.find(({ symbols }) => {
    const names = symbols.split(' ');
    return names.includes(symbol) || names.includes(owner);
  });
}
