import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { SamplingSetting } from '../collect/sampling.ts';
import { flagOption, keyed, listOption, type OptionTable, valueOption } from '../config/option.ts';
import type { OptionValues } from '../config/option-values.ts';
import { parsePrefix } from '../flow/prefix.ts';
import { UserError } from '../flow/user-error.ts';
import type { CollectOptions } from '../pipeline/collect.ts';
import type { InputOptions } from '../pipeline/collect-inputs.ts';
import { DEFAULT_PORT, parseEndpoint, parsePort, readTls } from './collect-listening.ts';

/** Where datagrams come from, and how they are read. */
export const receivingOptions: OptionTable = {
  p: keyed(
    'ports',
    listOption('UDP port, or tcp:PORT or tls:PORT [default: 9995; with -f: only datagrams to these ports]'),
  ),
  b: keyed('address', valueOption('address to listen on [default: all, IPv4 and IPv6]')),
  '4': keyed('ipv4', flagOption('listen on IPv4 only')),
  '6': keyed('ipv6', flagOption('listen on the IPv6 address, which takes IPv4 as well')),
  listen: listOption('udp://, tcp:// (IPFIX) or tls:// and [HOST]:PORT: listen there, beside -p'),
  'tls-cert': valueOption('certificate of the listeners of TLS, PEM, chain included'),
  'tls-key': valueOption('its private key, PEM'),
  'tls-ca': valueOption('only take clients with a certificate of these authorities, PEM'),
  B: keyed('receive-buffer', valueOption('socket receive buffer in octets', '33554432')),
  f: keyed('captures', listOption('read datagrams from a capture file instead, several in order')),
  s: keyed('sampling', valueOption('sampling rate of exporters that tell none; negative: of all, whatever they tell')),
};

/** Who is heard. */
export const admissionOptions: OptionTable = {
  allow: listOption('address or block, such as 192.0.2.0/24, whose exporters are heard [default: all]'),
  'exporter-rate': valueOption('datagrams a second that are taken of one exporter; 0: any number', '0'),
};

type Receiving = InputOptions & Pick<CollectOptions, 'sampling'>;

/** Looks up the name that `-b` may be, and reads the files of TLS. */
export async function parseReceiving(values: OptionValues): Promise<Receiving> {
  const sampling = samplingOf(values.text('s'));
  const files = values.list('f');
  const host = await listenAddress(values.text('b'), values.flag('4'), values.flag('6'));
  const ofPorts = values.list('p').map((text) => parsePort(text, host));
  const listed = values.list('listen').map(parseEndpoint);
  if (files.length > 0 && (listed.length > 0 || ofPorts.some(({ transport }) => transport !== 'udp'))) {
    throw new UserError('-f reads captures instead of the network: leave out --listen, tcp: and tls:');
  }
  const given = [...ofPorts, ...listed];
  const listeners = given.length > 0 ? given : [{ transport: 'udp', host, port: DEFAULT_PORT } as const];
  const tls = readTls(values, listeners);
  return {
    files,
    ports: files.length === 0 ? [] : ofPorts.map(({ port }) => port),
    listeners: files.length === 0 ? listeners : [],
    ...(tls === undefined ? {} : { tls }),
    receiveBufferBytes: values.whole('B', 4096, 2 ** 30),
    ...(sampling === undefined ? {} : { sampling }),
  };
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
  if (v4 && v6) return listenAddress(host, false, false);
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
