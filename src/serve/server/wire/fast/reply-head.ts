/** The head of a reply as text (RFC 9112 section 4). */
import { STATUS_CODES } from 'node:http';
import type { Clock } from '../../../../core/clock.ts';
import type { HeaderList } from '../wire.ts';

const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const BAD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const MS_PER_SECOND = 1000;

export class ReplyHeads {
  readonly #clock: Clock;
  readonly #keepAlive: string;
  #date = '';
  #dateSecond = -1;

  /** @param idleTimeoutMs told to clients, so that they do not send to a connection that is about to close */
  constructor(clock: Clock, idleTimeoutMs: number) {
    this.#clock = clock;
    this.#keepAlive = `connection: keep-alive\r\nkeep-alive: timeout=${Math.floor(idleTimeoutMs / MS_PER_SECOND)}\r\n\r\n`;
  }

  /** Undefined when a header has a name or a value that HTTP does not allow. @param bodyBytes of the body */
  text(status: number, headers: HeaderList, bodyBytes: number, isLast: boolean): string | undefined {
    let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
    for (let i = 0; i < headers.length; i += 2) {
      const [name, value] = [headers[i] ?? '', headers[i + 1] ?? ''];
      if (!FIELD_NAME.test(name) || BAD_VALUE.test(value)) return undefined;
      text += `${name}: ${value}\r\n`;
    }
    const end = isLast ? 'connection: close\r\n\r\n' : this.#keepAlive;
    return `${text}content-length: ${bodyBytes}\r\ndate: ${this.#today()}\r\n${end}`;
  }

  /** Made once per second. */
  #today(): string {
    const second = Math.floor(this.#clock.wallMs() / MS_PER_SECOND);
    if (second !== this.#dateSecond) {
      this.#dateSecond = second;
      this.#date = new Date(second * MS_PER_SECOND).toUTCString();
    }
    return this.#date;
  }
}
