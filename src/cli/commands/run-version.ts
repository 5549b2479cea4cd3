/** Prints versions: `skylift 0.1.0 (node 24.21.0, onnxruntime 1.30.0, linux-x64)`. */
import { productVersions } from '../../core/product.ts';
import type { Terminal } from '../terminal.ts';

/** One line, or one JSON document. */
export function printVersion(terminal: Terminal): void {
  const versions = productVersions();
  const engine = versions.onnxruntime ?? 'not installed';
  terminal.result(
    `skylift ${versions.skylift} (node ${versions.node}, onnxruntime ${engine}, ${versions.platform})`,
    versions,
  );
}
