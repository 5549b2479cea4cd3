/** What the gRPC methods of every protocol share: how they look in the route table, and how they answer. */
import type { Limits } from '../../core/limits.ts';
import type { ProtoWriter } from '../../core/proto-writer.ts';
import { answering } from './failures.ts';
import { GRPC_TYPE } from './grpc-status.ts';
import type { HttpCall, Route } from './http-call.ts';

/** What differs between the methods of one service. */
export interface GrpcMethod extends Pick<
  Route,
  'protocol' | 'permission' | 'plane' | 'summary' | 'isStream'
> {
  /** `/package.Service/Method` */
  readonly path: string;
  /** Failures that it throws are answered. */
  readonly handle: (call: HttpCall) => void;
}

/** A gRPC method as a record of the route table. */
export function grpcRoute({ path, handle, ...rest }: GrpcMethod, limits: Limits): Route {
  return {
    ...rest,
    transport: 'grpc',
    method: 'POST',
    pattern: path,
    match: new RegExp(`^${path.replaceAll('.', String.raw`\.`)}$`),
    maxBodyBytes: limits.grpc_max_message_bytes,
    handle: answering(handle),
  };
}

/** Answers with one message. @param status of HTTP: what the message means, for log and metrics; only 200 gives the body's memory back */
export function replyMessage(call: HttpCall, message: ProtoWriter, status = 200): void {
  call.reply(status, GRPC_TYPE, message.finish());
}
