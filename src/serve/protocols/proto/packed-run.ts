/** Repeated fixed-width numbers that lie in a message as in a tensor: one packed run is taken as a view. */
import type { ProtoReader } from '../../../core/proto-reader.ts';

/** Collects the fields whose packed form is that of a tensor. */
export class PackedRun {
  #run: Buffer | undefined;
  #field = 0;
  #count = 0;

  /** Takes the current field. */
  add(reader: ProtoReader, field: number): void {
    this.#count++;
    this.#field = field;
    this.#run = reader.isDelimited ? reader.bytes() : undefined;
  }

  /** The run of `field`, if that is all that came. */
  only(field: number): Buffer | undefined {
    return this.#count === 1 && this.#field === field ? this.#run : undefined;
  }
}
