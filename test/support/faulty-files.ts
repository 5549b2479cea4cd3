/** A disk that fails: the n-th file operation of a run, or all from the n-th on. SQLite tests itself that way. */
import { diskFiles } from '../../src/package/file-port.ts';
import type { FilePort, OpenFile } from '../../src/package/file-port.ts';

export interface Fault {
  /** 1 is the first operation. */
  readonly at: number;
  /** `short`: a write takes only a part; writes alone are counted then. */
  readonly kind: 'ENOSPC' | 'EIO' | 'short';
  /** True: the disk stays broken from there on. */
  readonly isLasting: boolean;
}

/** The real disk with one fault in it. `hits` tells whether a run came that far. */
export class FaultyFiles implements FilePort {
  operations = 0;
  hits = 0;
  readonly #fault: Fault;

  constructor(fault: Fault) {
    this.#fault = fault;
  }

  openForReading = async (path: string) => this.#wrap(await this.#run(() => diskFiles.openForReading(path)));
  create = async (path: string) => this.#wrap(await this.#run(() => diskFiles.create(path)));
  facts = (path: string) => this.#run(() => diskFiles.facts(path));
  linkFacts = (path: string) => this.#run(() => diskFiles.linkFacts(path));
  list = (path: string) => this.#run(() => diskFiles.list(path));
  makeFolder = (path: string, mode: number) => this.#run(() => diskFiles.makeFolder(path, mode));
  makeUniqueFolder = (prefix: string) => this.#run(() => diskFiles.makeUniqueFolder(prefix));
  rename = (from: string, to: string) => this.#run(() => diskFiles.rename(from, to));
  syncFile = (path: string) => this.#run(() => diskFiles.syncFile(path));
  touch = (path: string) => this.#run(() => diskFiles.touch(path));
  remove = (path: string) => this.#run(() => diskFiles.remove(path));
  syncFolder = (path: string) => this.#run(() => diskFiles.syncFolder(path));

  #wrap(file: OpenFile): OpenFile {
    return {
      facts: () => this.#run(() => file.facts()),
      read: (buffer) => this.#run(() => file.read(buffer)),
      write: (bytes) => this.#write(file, bytes),
      sync: () => this.#run(() => file.sync()),
      close: async () => {
        await file.close(); // a failing close(2) gives the descriptor back, too
        await this.#run(async () => {});
      },
    };
  }

  async #run<T>(action: () => Promise<T>): Promise<T> {
    if (this.#fault.kind !== 'short' && this.#isDue()) throw this.#failure();
    return action();
  }

  async #write(file: OpenFile, bytes: Uint8Array): Promise<number> {
    if (this.#fault.kind !== 'short') return this.#run(() => file.write(bytes));
    return file.write(this.#isDue() ? bytes.subarray(0, Math.max(1, bytes.length >> 1)) : bytes);
  }

  #isDue(): boolean {
    this.operations++;
    const isDue = this.#fault.isLasting
      ? this.operations >= this.#fault.at
      : this.operations === this.#fault.at;
    if (isDue) this.hits++;
    return isDue;
  }

  #failure(): Error {
    return Object.assign(new Error(`${this.#fault.kind}: injected`), { code: this.#fault.kind });
  }
}
