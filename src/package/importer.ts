/** The port through which foreign files become packages; composed in cli and index.ts, so that serve never sees formats. */
import type { PackageHandle } from './manifest.ts';

export interface Importer {
  /**
   * Makes a package of the foreign model at `path` in the local store, or returns the one made before from the same bytes.
   * Throws SKY_MODEL_FORMAT_UNKNOWN, SKY_ONNX_*, SKY_STORE_*.
   */
  import(path: string, signal?: AbortSignal): Promise<PackageHandle>;
}
