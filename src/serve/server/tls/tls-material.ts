/** Certificate, private key and CA of clients as PEM text: checked on their own and against each other. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { SecureContextOptions } from 'node:tls';
import { SkyliftError } from '../../../core/errors.ts';

/** One PEM text. `name` says where it stands; it is shown, the text never is. */
export interface PemText {
  readonly name: string;
  readonly text: string;
}

export interface PemTexts {
  /** The certificate of the server, then those between it and its CA. */
  readonly cert: PemText;
  readonly key: PemText;
  /** Who signs the certificates of clients; undefined: clients are not asked for one. */
  readonly clientCa: PemText | undefined;
}

/** What was found good. */
export interface TlsMaterial {
  readonly context: SecureContextOptions;
  readonly asksClients: boolean;
  /** Whose certificate it is, as it says. */
  readonly subject: string;
  /** Where it stands. */
  readonly certName: string;
  /** Since the epoch. */
  readonly notAfterMs: number;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Throws SKY_CONFIG_INVALID for what no handshake could be made with. */
export function checkTlsMaterial({ cert, key, clientCa }: PemTexts): TlsMaterial {
  const [leaf] = certificatesIn(cert);
  if (clientCa) certificatesIn(clientCa);
  if (!leaf.checkPrivateKey(privateKeyIn(key)))
    throw invalid(`the private key of ${key.name} is not the one of the first certificate of ${cert.name}`, {
      hint: 'Put key and certificate there that were made together; the certificate of the server comes first, those of its issuers behind it.',
    });
  const context = { cert: cert.text, key: key.text, ...(clientCa && { ca: clientCa.text }) };
  requireUsable(context, cert.name);
  return {
    context,
    asksClients: clientCa !== undefined,
    subject: leaf.subject,
    certName: cert.name,
    notAfterMs: Date.parse(leaf.validTo),
  };
}

function certificatesIn({ name, text }: PemText): [X509Certificate, ...X509Certificate[]] {
  const [first, ...rest] = text.match(CERTIFICATE) ?? [];
  if (first === undefined)
    throw invalid(`${name} holds no certificate in PEM form`, {
      hint: 'It begins with -----BEGIN CERTIFICATE-----',
    });
  try {
    return [new X509Certificate(first), ...rest.map((block) => new X509Certificate(block))];
  } catch (error) {
    throw invalid(`${name} holds a broken certificate: ${reasonOf(error)}`, {
      hint: `Look at it with: openssl x509 -in FILE -text`,
    });
  }
}

/** Without the cause: nothing of a key may come near a log. */
function privateKeyIn({ name, text }: PemText): KeyObject {
  try {
    return createPrivateKey(text);
  } catch {
    const isEncrypted = /ENCRYPTED/.test(text);
    throw invalid(
      isEncrypted
        ? `the private key of ${name} is locked with a passphrase`
        : `${name} holds no private key in PEM form`,
      {
        hint: isEncrypted
          ? 'Write it without one: openssl pkey -in FILE -out NEW, then chmod 600 NEW'
          : 'It begins with -----BEGIN PRIVATE KEY-----, or with RSA or EC before PRIVATE KEY.',
      },
    );
  }
}

/** OpenSSL has an opinion on key sizes and signatures. */
function requireUsable(context: SecureContextOptions, name: string): void {
  try {
    createSecureContext(context);
  } catch (error) {
    throw invalid(`${name} cannot be used for TLS: ${reasonOf(error)}`, {
      hint: 'Have a certificate made with a key of today: EC P-256, or RSA with at least 2048 bits.',
    });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function invalid(message: string, options: { hint: string }): SkyliftError {
  return new SkyliftError('SKY_CONFIG_INVALID', message, options);
}
