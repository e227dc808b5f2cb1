import type { TlsIdentity } from '../collect/session-listener.ts';
import type { OptionValues } from '../config/option-values.ts';
import { UserError } from '../flow/user-error.ts';
import type { ListenEndpoint } from '../pipeline/collect/listen-endpoint.ts';
import { readPem } from './pem-file.ts';

const TRANSPORTS = ['udp', 'tcp', 'tls'] as const;

/** Reads `PORT` or `TRANSPORT:PORT`; throws UserError. */
export function parsePort(text: string, host: string): ListenEndpoint {
  const [, transport, port] = /^(?:(udp|tcp|tls):)?(.*)$/s.exec(text)!;
  if (!/^\d{1,5}$/.test(port!) || Number(port) > 65_535) {
    throw new UserError(`-p takes a port from 0 to 65535, tcp:PORT or tls:PORT, not "${text}"`);
  }
  return { transport: transportOf(transport), host, port: Number(port) };
}

/** Reads `TRANSPORT://[HOST]:PORT`, an IPv6 host in brackets, none for all addresses; throws UserError. */
export function parseEndpoint(text: string): ListenEndpoint {
  const match = /^(udp|tcp|tls):\/\/(?:\[([^\]]+)\]|([^:[\]/]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[4]);
  if (match === null || port > 65_535) {
    throw new UserError(
      `--listen takes udp://, tcp:// or tls:// and HOST:PORT, such as tcp://192.0.2.1:4739, not "${text}"`,
    );
  }
  return { transport: transportOf(match[1]), host: match[2] ?? (match[3] || '*'), port };
}

/** The certificate for listeners of TLS; undefined when there are none. Throws UserError. */
export function readTls(values: OptionValues, listeners: readonly ListenEndpoint[]): TlsIdentity | undefined {
  const [cert, key, ca] = ['tls-cert', 'tls-key', 'tls-ca'].map((name) => values.text(name));
  if (!listeners.some(({ transport }) => transport === 'tls')) {
    if (cert ?? key ?? ca) throw new UserError('--tls-cert, --tls-key and --tls-ca are for a listener tls://HOST:PORT');
    return undefined;
  }
  if (cert === undefined || key === undefined) {
    throw new UserError('a listener of TLS needs --tls-cert FILE and --tls-key FILE');
  }
  const identity = { cert: readPem('tls-cert', cert), key: readPem('tls-key', key) };
  return ca === undefined ? identity : { ...identity, ca: readPem('tls-ca', ca) };
}

function transportOf(text: string | undefined): ListenEndpoint['transport'] {
  return TRANSPORTS.find((transport) => transport === text) ?? 'udp';
}
