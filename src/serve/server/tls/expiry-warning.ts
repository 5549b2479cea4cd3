/** Tells of a certificate that ends soon or has ended: when it comes into force, and once a day. */
import type { Clock } from '../../../core/clock.ts';
import type { Log } from '../../../core/log.ts';
import type { Metrics } from '../../../core/metrics.ts';
import type { TlsMaterial } from './tls-material.ts';

const DAY_MS = 86_400_000;
const SOON_MS = 14 * DAY_MS;

const EXPIRY = {
  name: 'skylift_tls_certificate_expiry_seconds',
  help: 'When the TLS certificate in force ends, in seconds since the epoch.',
  labels: ['file'],
};

export class ExpiryWarning {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #metrics: Metrics;
  #inForce: TlsMaterial | undefined;
  /** Monotonic. */
  #nextMs = 0;

  constructor({ clock, log, metrics }: { clock: Clock; log: Log; metrics: Metrics }) {
    this.#clock = clock;
    this.#log = log;
    this.#metrics = metrics;
  }

  /** Another certificate has come into force. */
  change(material: TlsMaterial): void {
    this.#inForce = material;
    this.#nextMs = this.#clock.nowMs();
    this.#metrics.gauge(EXPIRY, { file: material.certName }).set(material.notAfterMs / 1000);
  }

  /** Called now and then. */
  look(): void {
    const nowMs = this.#clock.nowMs();
    if (this.#inForce === undefined || nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + DAY_MS;
    const { certName: file, subject, notAfterMs } = this.#inForce;
    const leftMs = notAfterMs - this.#clock.wallMs();
    if (leftMs > SOON_MS) return;
    const until = new Date(notAfterMs).toISOString();
    const fields = { file, subject, until };
    if (leftMs <= 0)
      this.#log('warn', 'the TLS certificate has expired: clients refuse it; renew its file', fields);
    else this.#log('warn', 'the TLS certificate expires within 14 days; renew its file', fields);
  }
}
