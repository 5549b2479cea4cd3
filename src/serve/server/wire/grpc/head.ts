/** The head of a gRPC call: whether it is one, and its metadata as the wire port wants them. */
import type { IncomingHttpHeaders } from 'node:http2';
import type { HeaderView } from '../../../protocols/http-call.ts';

/** `application/grpc`, also with `+proto`; other codecs than protobuf are not served. */
const GRPC_CONTENT = /^application\/grpc(?:\+proto)?(?:;|$)/;

/** What of a head is wrong; HTTP status, because it is not gRPC that it breaks. */
export interface HeadRefusal {
  readonly status: 405 | 415;
  readonly message: string;
}

/** undefined: the head is that of a gRPC call. */
export function headRefusal(headers: IncomingHttpHeaders): HeadRefusal | undefined {
  if (!GRPC_CONTENT.test(headers['content-type'] ?? ''))
    return { status: 415, message: 'only gRPC is spoken over HTTP/2: content-type is not application/grpc' };
  if (headers[':method'] !== 'POST') return { status: 405, message: 'gRPC calls are POST requests' };
  return undefined;
}

/** Metadata by lower-case name. What HTTP calls content-encoding is grpc-encoding here, of compressed messages. */
export class GrpcHeaders implements HeaderView {
  readonly #fields: IncomingHttpHeaders;
  /** Known with the prefix of the message. */
  isCompressed = true;

  constructor(fields: IncomingHttpHeaders) {
    this.#fields = fields;
  }

  get(name: string): string | undefined {
    if (name === 'content-encoding') return this.isCompressed ? this.#field('grpc-encoding') : undefined;
    return this.#field(name);
  }

  #field(name: string): string | undefined {
    const value = this.#fields[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }
}
