import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { SamplingSetting } from '../collect/sampling.ts';
import { flagOption, keyed, listOption, type OptionTable, valueOption } from '../config/option.ts';
import { type OptionValues, wholeNumber } from '../config/option-values.ts';
import { UserError } from '../flow/user-error.ts';
import type { CollectOptions } from '../pipeline/collect.ts';

/** Where datagrams come from, and how they are read. */
export const receivingOptions: OptionTable = {
  p: keyed('ports', listOption('UDP port [default: 9995; with -f: only datagrams to these ports]')),
  b: keyed('listen', valueOption('address to listen on [default: all, IPv4 and IPv6]')),
  '4': keyed('ipv4', flagOption('listen on IPv4 only')),
  '6': keyed('ipv6', flagOption('listen on the IPv6 address, which takes IPv4 as well')),
  B: keyed('receive-buffer', valueOption('socket receive buffer in octets', '33554432')),
  f: keyed('captures', listOption('read datagrams from a capture file instead, several in order')),
  s: keyed('sampling', valueOption('sampling rate of exporters that tell none; negative: of all, whatever they tell')),
};

type Receiving = Pick<CollectOptions, 'files' | 'ports' | 'host' | 'receiveBufferBytes' | 'sampling'>;

/** Looks up the name that `-b` may be. */
export async function parseReceiving(values: OptionValues): Promise<Receiving> {
  const sampling = samplingOf(values.text('s'));
  return {
    files: values.list('f'),
    ports: values.list('p').map((port) => wholeNumber('-p', port, 0, 65_535)),
    host: await listenAddress(values.text('b'), values.flag('4'), values.flag('6')),
    receiveBufferBytes: values.whole('B', 4096, 2 ** 30),
    ...(sampling === undefined ? {} : { sampling }),
  };
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
