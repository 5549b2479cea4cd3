/** TensorFlow Serving's MonitoringConfig. Source: tensorflow_serving/config/monitoring_config.proto, util/prometheus_exporter.cc. */
import { MessageReader } from '../../text-format/message-reader.ts';
import { parseTextFormat } from '../../text-format/text-format.ts';

const START = { line: 1, column: 1 };

export interface MonitoringConfig {
  readonly isEnabled: boolean;
  /** Undefined: where metrics always are. */
  readonly path: string | undefined;
}

/** Characters of a path that need no escape, after a slash. */
const PATH = /^\/[\w\-./~!$&'()*+,;=:@]*$/;

/** Throws SKY_CONFIG_INVALID with line and column. @param file its name, for messages */
export function parseMonitoringConfig(text: string, file: string): MonitoringConfig {
  const reader = new MessageReader({ file, place: START, fields: parseTextFormat(text, file) });
  const message = reader.message('prometheus_config');
  reader.end();
  if (!message) return { isEnabled: false, path: undefined };
  const prometheus = new MessageReader(message);
  const isEnabled = prometheus.boolean('enable');
  const path = prometheus.string('path');
  prometheus.end();
  if (path !== '' && !PATH.test(path))
    throw prometheus.problem(
      `"path" must begin with a slash and be a plain path, not ${JSON.stringify(path)}`,
    );
  return { isEnabled, path: path === '' ? undefined : path };
}
