import { parseAddress } from '../flow/address.ts';
import { UserError } from '../flow/user-error.ts';

/** Where datagrams go: an address or a name, without brackets, and a UDP port. */
export interface Destination {
  readonly host: string;
  readonly port: number;
}

/** The port of NetFlow collectors by custom (nfcapd, softflowd). */
export const DEFAULT_PORT = 9995;

/**
 * Reads `HOST`, `HOST:PORT`, `HOST/PORT`, `[IPV6]`, `[IPV6]:PORT`, `IPV6` or `IPV6/PORT`; an IPv6 address may have a
 * zone (`fe80::1%eth0`). Without a port: `defaultPort`. Throws UserError for anything else, also for `::1:9995`, which may be
 * meant in two ways; its text begins with `what`.
 */
export function parseDestination(text: string, defaultPort: number = DEFAULT_PORT, what = 'destination'): Destination {
  const wrong = (why: string) =>
    new UserError(`${what} "${text}": ${why}: give HOST:PORT, [IPV6]:PORT or HOST/PORT, for example 192.0.2.1:9995`);
  const bracketed = /^\[([^\]]*)\](?:[:/](.*))?$/s.exec(text);
  let host: string;
  let portText: string | undefined;
  if (bracketed !== null) {
    [, host, portText] = bracketed as unknown as [string, string, string | undefined];
    if (!isV6(host)) throw wrong(`"${host}" is not an IPv6 address`);
  } else if (isV6(text)) {
    const [, before, last] = /^(.*):(\d{4,5})$/s.exec(text) ?? [];
    if (before !== undefined && isV6(before)) throw wrong(`is ${last} a port, or part of the address`);
    host = text;
  } else {
    const at = Math.max(text.lastIndexOf('/'), text.includes('/') ? -1 : text.lastIndexOf(':'));
    host = at < 0 ? text : text.slice(0, at);
    portText = at < 0 ? undefined : text.slice(at + 1);
    if (host === '') throw wrong('the host is missing');
    if (!isV6(host) && (!/^[A-Za-z0-9._-]+$/.test(host) || /^\d+$/.test(host))) throw wrong(`"${host}" is not a host`);
  }
  if (portText === undefined) return { host, port: defaultPort };
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0;
  if (port < 1 || port > 65535) throw wrong(`"${portText}" is not a port (1 to 65535)`);
  return { host, port };
}

export type Transport = 'udp' | 'tcp' | 'tls';

/** A destination and the way there. */
export interface Collector extends Destination {
  readonly transport: Transport;
}

/** Port of each way when none is given; those of connections are IANA's for IPFIX (RFC 7011 section 10.4). */
const DEFAULT_PORTS: Readonly<Record<Transport, number>> = { udp: DEFAULT_PORT, tcp: 4739, tls: 4740 };

/** Reads `udp://`, `tcp://` or `tls://` and a destination; without a scheme, UDP. Throws UserError. */
export function parseCollector(text: string): Collector {
  const [, scheme, rest] = /^(?:(udp|tcp|tls):\/\/)?(.*)$/s.exec(text) as unknown as [
    string,
    Transport | undefined,
    string,
  ];
  const other = /^([^:/]*):\/\//.exec(rest);
  if (other !== null) {
    throw new UserError(
      `destination "${text}": ${other[1]}:// is no way to a collector: give HOST:PORT for UDP, tcp://HOST:PORT or tls://HOST:PORT`,
    );
  }
  const transport = scheme ?? 'udp';
  return { transport, ...parseDestination(rest, DEFAULT_PORTS[transport]) };
}

/** The destination as one writes it. */
export function formatDestination(destination: Destination): string {
  const { host, port } = destination;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function isV6(text: string): boolean {
  const zone = text.indexOf('%');
  if (zone === text.length - 1) return false;
  return text.includes(':') && parseAddress(zone < 0 ? text : text.slice(0, zone)) !== undefined;
}
