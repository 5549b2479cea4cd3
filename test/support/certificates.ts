/** Certificates for tests, made when they are needed: a small writer of X.509 (RFC 5280) on the keys of node:crypto. */
import { generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** A certificate and its key, in PEM form. */
export interface Certified {
  readonly cert: string;
  readonly key: string;
}

/** Signs certificates; `cert` is what those trust who trust it. */
export interface Authority extends Certified {
  issue(options?: CertificateOptions): Certified;
}

export interface CertificateOptions {
  /** @default localhost */
  readonly name?: string;
  /** Milliseconds since the epoch. @default in a year */
  readonly notAfterMs?: number;
}

const DAY_MS = 86_400_000;
const NO_UNUSED_BITS = Buffer.from([0]);
const ECDSA_WITH_SHA256 = sequence(oid(1, 2, 840, 10_045, 4, 3, 2));
const SUBJECT_ALTERNATIVE_NAME = oid(2, 5, 29, 17);
const BASIC_CONSTRAINTS = oid(2, 5, 29, 19);
const COMMON_NAME = oid(2, 5, 4, 3);
let lastSerial = 0x10_00;

/** A CA of its own. */
export function makeAuthority(name = 'tests of Skylift'): Authority {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const isCa = extension(BASIC_CONSTRAINTS, sequence(der(0x01, Buffer.from([0xff]))));
  const own = { name, publicKey, issuer: name, issuerKey: privateKey, extensions: [isCa] };
  return {
    cert: certificate({ ...own, notAfterMs: Date.now() + 365 * DAY_MS }),
    key: pemOf(privateKey),
    issue: (options) => issue(name, privateKey, options),
  };
}

function issue(issuer: string, issuerKey: KeyObject, options: CertificateOptions = {}): Certified {
  const { name = 'localhost', notAfterMs = Date.now() + 365 * DAY_MS } = options;
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const names = sequence(
    der(0x82, Buffer.from(name)),
    der(0x82, Buffer.from('localhost')),
    der(0x87, Buffer.from([127, 0, 0, 1])),
  );
  const extensions = [extension(SUBJECT_ALTERNATIVE_NAME, names)];
  return {
    cert: certificate({ name, publicKey, issuer, issuerKey, extensions, notAfterMs }),
    key: pemOf(privateKey),
  };
}

interface CertificateFields {
  readonly name: string;
  readonly publicKey: KeyObject;
  readonly issuer: string;
  readonly issuerKey: KeyObject;
  readonly extensions: readonly Buffer[];
  readonly notAfterMs: number;
}

function certificate(fields: CertificateFields): string {
  const toSign = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))), // version 3
    der(0x02, Buffer.from([++lastSerial >> 8, lastSerial & 0xff])),
    ECDSA_WITH_SHA256,
    nameOf(fields.issuer),
    sequence(time(Math.min(Date.now(), fields.notAfterMs) - DAY_MS), time(fields.notAfterMs)),
    nameOf(fields.name),
    fields.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...fields.extensions)),
  );
  const signature = sign('sha256', toSign, fields.issuerKey);
  const bits = der(0x03, NO_UNUSED_BITS, signature);
  const base64 = sequence(toSign, ECDSA_WITH_SHA256, bits).toString('base64');
  const lines = (base64.match(/.{1,64}/g) ?? []).join('\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function nameOf(commonName: string): Buffer {
  return sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(commonName)))));
}

/** UTCTime: YYMMDDhhmmssZ. */
function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/\.\d+/, '').replace(/[-:T]/g, '').slice(2);
  return der(0x17, Buffer.from(text));
}

function extension(id: Buffer, value: Buffer): Buffer {
  return sequence(id, der(0x04, value));
}

function oid(first: number, second: number, ...rest: readonly number[]): Buffer {
  const bytes = rest.flatMap((part) => {
    const digits = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
    return digits;
  });
  return der(0x06, Buffer.from([first * 40 + second, ...bytes]));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, ...parts);
}

/** Tag, length, content (X.690 section 8.1). */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x1_00 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
