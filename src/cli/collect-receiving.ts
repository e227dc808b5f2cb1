import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { SamplingSetting } from '../collect/sampling.ts';
import { flagOption, keyed, listOption, type OptionTable, valueOption } from '../config/option.ts';
import type { OptionValues } from '../config/option-values.ts';
import { DEFAULT_PORT } from '../export/destination.ts';
import { isV4, parseAddress } from '../flow/address.ts';
import { parsePrefix } from '../flow/prefix.ts';
import { UserError } from '../flow/user-error.ts';
import type { InputOptions } from '../pipeline/collect/inputs.ts';
import type { CollectOptions } from '../pipeline/collect/options.ts';
import { parseEndpoint, parsePort, readTls } from './collect-listening.ts';

/** Where datagrams come from, and how they are read. */
export const receivingOptions: OptionTable = {
  p: keyed(
    'ports',
    listOption('UDP port, or tcp:PORT or tls:PORT [default: 9995; with -f and -d: only datagrams to these ports]'),
  ),
  b: keyed('address', valueOption('address to listen on [default: all, IPv4 and IPv6]')),
  '4': keyed('ipv4', flagOption('listen on IPv4 only')),
  '6': keyed('ipv6', flagOption('listen on the IPv6 address, which takes IPv4 as well')),
  listen: listOption('udp://, tcp:// (IPFIX) or tls:// and [HOST]:PORT: listen there, beside -p'),
  'tls-cert': valueOption('certificate of the listeners of TLS, PEM, chain included'),
  'tls-key': valueOption('its private key, PEM'),
  'tls-ca': valueOption('only take clients with a certificate of these authorities, PEM'),
  J: keyed('groups', listOption('GROUP[%INTERFACE]: receive this multicast group, at the ports of -p')),
  workers: valueOption('receiving threads of each UDP listener; each exporter stays with one', '1'),
  B: keyed('receive-buffer', valueOption('socket receive buffer in octets', '33554432')),
  f: keyed('captures', listOption('read datagrams from a capture file instead, several in order')),
  d: keyed(
    'interface',
    valueOption('read datagrams that this interface sees, addressed to whomever, instead of listening'),
  ),
  s: keyed('sampling', valueOption('sampling rate of exporters that tell none; negative: of all, whatever they tell')),
};

/** Who is heard. */
export const admissionOptions: OptionTable = {
  allow: listOption('address or block, such as 192.0.2.0/24, whose exporters are heard [default: all]'),
  'exporter-rate': valueOption('datagrams a second that are taken of one exporter; 0: any number', '0'),
};

/** More than cores make sense nowhere. */
const MAX_WORKERS = 64;

type Receiving = InputOptions & Pick<CollectOptions, 'sampling'>;

/** Looks up the name that `-b` may be, and reads the files of TLS. */
export async function parseReceiving(values: OptionValues): Promise<Receiving> {
  const sampling = samplingOf(values.text('s'));
  const files = values.list('f');
  const device = values.text('d');
  const { ports, listeners } = await parsePlaces(values, files.length > 0, device);
  const tls = readTls(values, listeners);
  return {
    files,
    ...(device === undefined ? {} : { device }),
    ports,
    listeners,
    workers: values.whole('workers', 1, MAX_WORKERS),
    ...(tls === undefined ? {} : { tls }),
    receiveBufferBytes: values.whole('B', 4096, 2 ** 30),
    ...(sampling === undefined ? {} : { sampling }),
  };
}

/** Ports of captured datagrams, or places to listen on. */
async function parsePlaces(
  values: OptionValues,
  isFile: boolean,
  device: string | undefined,
): Promise<Pick<InputOptions, 'ports' | 'listeners'>> {
  const groups = values.list('J');
  if (groups.length > 0 && values.text('b') !== undefined) throw new UserError('-J and -b exclude each other');
  if (values.flag('4') && values.flag('6')) throw new UserError('-4 and -6 exclude each other');
  const hosts =
    groups.length > 0 ? groups : [await listenAddress(values.text('b'), values.flag('4'), values.flag('6'))];
  for (const group of groups) checkGroup(group);
  const at = (text: string) => hosts.map((host) => parsePort(text, host));
  const ofPorts = values.list('p').flatMap(at);
  const listed = values.list('listen').map(parseEndpoint);
  if (!isFile && device === undefined) {
    if (groups.length > 0 && ofPorts.some(({ transport }) => transport !== 'udp')) {
      throw new UserError('-J is for UDP: give --listen for tcp:// and tls://');
    }
    const isDefault = ofPorts.length === 0 && (listed.length === 0 || groups.length > 0);
    return { ports: [], listeners: [...(isDefault ? at(String(DEFAULT_PORT)) : ofPorts), ...listed] };
  }
  if (isFile && device !== undefined) throw new UserError('-f and -d exclude each other');
  if (listed.length + groups.length > 0 || ofPorts.some(({ transport }) => transport !== 'udp')) {
    throw new UserError('-f and -d read captured datagrams: leave out --listen, -J, tcp: and tls:');
  }
  const ports = ofPorts.map(({ port }) => port);
  return { ports: isFile || ports.length > 0 ? ports : [DEFAULT_PORT], listeners: [] };
}

function checkGroup(text: string): void {
  const words = parseAddress(text.replace(/%.*$/s, ''));
  const isGroup =
    words !== undefined && (isV4(words[0], words[1], words[2]) ? words[3] >>> 28 === 14 : words[0] >>> 24 === 0xff);
  if (!isGroup)
    throw new UserError(`-J takes a multicast group such as 239.0.0.1, 239.0.0.1%eth0 or ff02::1%eth0, not "${text}"`);
}

export function parseAdmission(values: OptionValues): Pick<CollectOptions, 'allowed' | 'exporterRate'> {
  const allowed = values.list('allow').map((text) => {
    const prefix = parsePrefix(text);
    if (prefix === undefined) {
      throw new UserError(`--allow takes an address or a block such as 192.0.2.0/24, not "${text}"`);
    }
    return prefix;
  });
  return { allowed, exporterRate: values.whole('exporter-rate', 0, 1e9) };
}

function samplingOf(text: string | undefined): SamplingSetting | undefined {
  if (text === undefined) return undefined;
  const rate = /^-?\d{1,10}$/.test(text) ? Number(text) : 0;
  if (rate === 0 || Math.abs(rate) > 0xffff_ffff) {
    throw new UserError(`-s takes a rate such as 100, or -100 to override what exporters tell, not "${text}"`);
  }
  return { rate: Math.abs(rate), isFixed: rate < 0 };
}

/** `-b`, `-4` and `-6` as one address. */
async function listenAddress(host: string | undefined, v4: boolean, v6: boolean): Promise<string> {
  if (host === undefined) return v4 ? '0.0.0.0' : v6 ? '::' : '*';
  const wanted = v4 ? 4 : v6 ? 6 : undefined;
  if (wanted === undefined || host === '*') return host;
  const family = isIP(host);
  if (family === wanted) return host;
  if (family !== 0) throw new UserError(`-b ${host} is not an IPv${wanted} address: leave out -${wanted}`);
  try {
    return (await lookup(host, { family: wanted })).address;
  } catch (cause) {
    throw new UserError(`-b ${host}: the name has no IPv${wanted} address`, { cause });
  }
}
