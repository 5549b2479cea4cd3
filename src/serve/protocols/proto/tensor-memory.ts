/** Memory for tensors that do not lie in a message as they are. */
import { SkyliftError } from '../../../core/errors.ts';
import type { HttpCall } from '../http-call.ts';

/** Tensors may be so much larger than what they are sent as: a value that is repeated, small numbers. */
const MOST_GROWTH = 8;
/** Up to here any growth is fine: an image of zeros is one value. */
const FREE_BYTES = 16 * 1024 * 1024;

/** What a call lends. */
export type TensorMemory = Pick<HttpCall, 'reserve' | 'allocate'>;

/**
 * Memory that a tensor asks for: it counts as if it had been sent. Throws SKY_REQUEST_TOO_LARGE when the message is far
 * too small for it, SKY_OVERLOADED.
 */
export function takeMemory(sizeBytes: number, message: Uint8Array, memory: TensorMemory): Buffer {
  if (sizeBytes > Math.max(FREE_BYTES, message.length * MOST_GROWTH))
    throw new SkyliftError(
      'SKY_REQUEST_TOO_LARGE',
      `${message.length} bytes may not stand for a tensor of ${sizeBytes} bytes`,
      { hint: 'Send every value.' },
    );
  if (!memory.reserve(sizeBytes))
    throw new SkyliftError(
      'SKY_OVERLOADED',
      `with a tensor of ${sizeBytes} bytes the server would hold more than max_inflight_bytes`,
    );
  return memory.allocate(sizeBytes);
}
