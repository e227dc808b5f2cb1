/** Connections to collectors, plain or with TLS. */
import { connect, isIP, type Socket } from 'node:net';
import { checkServerIdentity, createSecureContext, connect as tlsConnect } from 'node:tls';
import { UserError } from '../flow/user-error.ts';

/** Contents of PEM files: the authorities trusted, and weir's own certificate with its key. */
export interface TlsIdentity {
  /** Without: the authorities that Node.js trusts. */
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  /** The name that the collector's certificate must have; without: the host that is connected to. */
  readonly serverName?: string;
}

export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly sourceHost?: string;
  readonly tls?: TlsIdentity;
}

const OLDEST_TLS = 'TLSv1.2';

/** Begins to connect; `ready` is called when messages may be written. Failures come as events of the socket. */
export function connectTo(options: ConnectionOptions, ready: () => void): Socket {
  const { host, port, sourceHost, tls } = options;
  const where = { host, port, ...(sourceHost === undefined ? {} : { localAddress: sourceHost }) };
  if (tls === undefined) return connect(where, ready);
  const { serverName, ...material } = tls;
  const name = serverName ?? host;
  const socket = tlsConnect({
    ...where,
    ...material,
    minVersion: OLDEST_TLS,
    rejectUnauthorized: true,
    // An address is no name to ask for (RFC 6066 section 3), but certificates may have it.
    servername: isIP(name) === 0 ? name : '',
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
  });
  socket.once('secureConnect', ready);
  return socket;
}

/** Throws a UserError for certificates and keys that cannot be used. */
export function checkTlsIdentity({ ca, cert, key }: TlsIdentity): void {
  try {
    createSecureContext({
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
  } catch (cause) {
    throw new UserError(`--tls-ca, --tls-cert or --tls-key cannot be used: ${(cause as Error).message}`, { cause });
  }
}

/** Codes of Node.js for a certificate that was looked at and not found good. */
const CERTIFICATE_CODES =
  /CERT|^UNABLE_TO_(GET_ISSUER|VERIFY)|^HOSTNAME_MISMATCH|^INVALID_(CA|PURPOSE)|^ERR_TLS_CERT_ALTNAME_INVALID/;

/** Of these, those that nobody vouches for whom we trust. */
const UNKNOWN_AUTHORITY = /^UNABLE_TO_(GET_ISSUER|VERIFY)|SELF_SIGNED/;

/** Whether the collector says that it takes nothing from who has our certificate, or none: it has read no message then. */
export function refusesCertificate({ code = '' }: NodeJS.ErrnoException): boolean {
  return /^ERR_SSL_.*_ALERT_.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/.test(code);
}

/** The reason of a failed connection, for the operator. */
export function explain(error: Error): string {
  // A name with several addresses fails for each of them, and says nothing itself.
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return error.errors[0].message;
  const { code = '', message } = error as NodeJS.ErrnoException;
  // An alert is what the other side says of us: ours has no code of verification.
  if (code.startsWith('ERR_SSL_')) return `TLS: ${(error as { reason?: string }).reason ?? message}`;
  if (CERTIFICATE_CODES.test(code)) return `certificate of the collector not accepted: ${verdict(error, code)}`;
  if (code === 'ECONNRESET' && message.includes('before secure TLS')) {
    return 'closed by the collector before TLS was agreed on: is this its port for TLS?';
  }
  return message;
}

/** What is wrong with a certificate, and which option has to do with it. */
function verdict(error: Error, code: string): string {
  const { message, host, cert } = error as Error & { host?: string; cert?: { subjectaltname?: string } };
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `it is for ${cert?.subjectaltname ?? 'nobody'}, not for ${host} (--tls-server-name names another)`;
  }
  return UNKNOWN_AUTHORITY.test(code) ? `${message} (--tls-ca names the authorities to trust)` : message;
}
