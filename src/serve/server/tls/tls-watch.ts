/** The certificate in force, which follows its files: new handshakes get the new one, open connections stay. */
import type { SecureContextOptions } from 'node:tls';
import type { Clock } from '../../../core/clock.ts';
import { SkyliftError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import type { Log } from '../../../core/log.ts';
import type { Metrics } from '../../../core/metrics.ts';
import { SettingsWatch } from '../../../package/settings-watch.ts';
import { OpenFileLog } from '../open-file-log.ts';
import type { WireTls } from '../wire/tls.ts';
import { ExpiryWarning } from './expiry-warning.ts';
import type { TlsMaterial } from './tls-material.ts';
import type { TlsSource } from './tls-source.ts';

export interface TlsWatchOptions {
  readonly source: TlsSource;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

type OnContext = (context: SecureContextOptions) => void;

export class TlsWatch implements WireTls {
  readonly #watch: SettingsWatch<TlsMaterial>;
  readonly #listeners: Set<OnContext>;

  private constructor(watch: SettingsWatch<TlsMaterial>, listeners: Set<OnContext>) {
    this.#watch = watch;
    this.#listeners = listeners;
  }

  /** Reads the files and goes on looking at them. Throws SKY_CONFIG_INVALID. */
  static async open({ source, limits, clock, log, metrics }: TlsWatchOptions): Promise<TlsWatch> {
    const listeners = new Set<OnContext>();
    const openFiles = new OpenFileLog(log, 'the private key of the server');
    const expiry = new ExpiryWarning({ clock, log, metrics });
    let first: TlsMaterial | undefined;
    const watch = await SettingsWatch.open({
      clock,
      pauseMs: limits.tls_poll_ms,
      read: async () => {
        const { files, parse } = await source.read(limits.max_config_bytes);
        return { files, parse: () => requireSameDemand(parse(), first) };
      },
      onRead: (files) => {
        for (const file of files) if (source.isSecret(file.path)) openFiles.look(file);
        expiry.look();
      },
      onChange: (material) => {
        first ??= material;
        const until = new Date(material.notAfterMs).toISOString();
        const { certName: file, subject } = material;
        log('info', 'a TLS certificate is in force', { file, subject, until });
        expiry.change(material);
        for (const tell of listeners) tell(material.context);
      },
      onFailure: ({ message }) =>
        log('error', `the TLS certificate is not taken over, the old one stays in force: ${message}`),
    });
    return new TlsWatch(watch, listeners);
  }

  get context(): SecureContextOptions {
    return this.#watch.value.context;
  }

  get asksClients(): boolean {
    return this.#watch.value.asksClients;
  }

  onChange(fn: OnContext): () => void {
    this.#listeners.add(fn);
    return () => void this.#listeners.delete(fn);
  }

  close(): void {
    this.#watch.close();
  }
}

/** Listeners are made for one or the other; a demand that is not met at once would be a hole. */
function requireSameDemand(material: TlsMaterial, first: TlsMaterial | undefined): TlsMaterial {
  if (first === undefined || first.asksClients === material.asksClients) return material;
  const now = first.asksClients ? 'are asked for a certificate' : 'are not asked for a certificate';
  throw new SkyliftError('SKY_CONFIG_INVALID', `clients ${now}, which ${material.certName} wants to change`, {
    hint: 'Restart the server for that.',
  });
}
