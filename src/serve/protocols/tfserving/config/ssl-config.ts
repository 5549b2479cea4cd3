/**
 * TensorFlow Serving's SSLConfig, whose fields hold PEM text and no paths. Source: tensorflow_serving/config/ssl_config.proto,
 * model_servers/server.cc.
 */
import { MessageReader } from '../../text-format/message-reader.ts';
import { parseTextFormat } from '../../text-format/text-format.ts';

const START = { line: 1, column: 1 };

export interface SslConfig {
  readonly cert: string;
  readonly key: string;
  /** Undefined: clients are not asked for a certificate. */
  readonly clientCa: string | undefined;
}

/** Throws SKY_CONFIG_INVALID with line and column, without any text of the file. @param file its name, for messages */
export function parseSslConfig(text: string, file: string): SslConfig {
  const fields = parseTextFormat(text, file, { isSecret: true });
  const reader = new MessageReader({ file, place: START, fields });
  const [key, cert, ca] = [
    reader.string('server_key'),
    reader.string('server_cert'),
    reader.string('custom_ca'),
  ];
  const asksClients = reader.boolean('client_verify');
  reader.end();
  if (key === '') throw reader.problem('there is no server_key');
  if (cert === '') throw reader.problem('there is no server_cert');
  if (asksClients && ca === '')
    throw reader.problem('client_verify without custom_ca: no certificate of a client could be verified');
  return { cert, key, clientCa: asksClients ? ca : undefined };
}
