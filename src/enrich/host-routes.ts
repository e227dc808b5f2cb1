/** The routes that the system has, as Linux tells them in /proc/net. */
import { createReadStream } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { V4_MAPPED_WORD } from '../flow/address.ts';
import { swapOctets } from '../flow/byte-order.ts';
import { parsePrefix } from '../flow/prefix.ts';
import { UserError } from '../flow/user-error.ts';
import { type Route, type RouteTable, RouteTableBuilder } from './route-table.ts';

const V4_ROUTES = '/proc/net/route';
const V6_ROUTES = '/proc/net/ipv6_route';

/** linux/route.h, linux/ipv6_route.h. */
const RTF_UP = 0x1;
const RTF_GATEWAY = 0x2;
const RTF_REJECT = 0x200;
const RTF_ANYCAST = 0x0010_0000;
const RTF_CACHE = 0x0100_0000;
const RTF_LOCAL = 0x8000_0000;

/** A full table of the Internet is about 1.2 million routes. */
const MOST_ROUTES = 8 << 20;

/** Gives the number of an interface, 0 when there is none of the name. */
export type IndexOf = (device: string) => number;

/**
 * Reads the routes of this host, of its main table, a piece at a time so that a full table holds nothing up for long.
 * Throws a `UserError` where the system does not tell them in this way.
 */
export async function readHostRoutes(indexOf: IndexOf): Promise<RouteTable> {
  const builder = new RouteTableBuilder();
  // A route of its own would be found for a group or all hosts of a link, if not the default route.
  for (const text of ['224.0.0.0/4', '255.255.255.255', 'ff00::/8', 'fe80::/10']) {
    const { words, bits } = parsePrefix(text)!;
    builder.exclude(words, bits);
  }
  for (const route of localRoutes()) builder.add(route);
  await readLines(V4_ROUTES, (line) => parseV4Route(line, indexOf), builder);
  await readLines(V6_ROUTES, (line) => parseV6Route(line, indexOf), builder);
  return builder.build();
}

/** Packets for this host do not leave it; the network that an address of ours is in is told as for its neighbours. */
function localRoutes(): Route[] {
  const routes: Route[] = [{ ...prefixOf('127.0.0.0/8'), outIf: 0, metric: 0 }];
  for (const entries of Object.values(networkInterfaces())) {
    for (const { address, cidr } of entries ?? []) {
      const own = parsePrefix(address.split('%')[0]!);
      const network = parsePrefix(cidr ?? '');
      if (own === undefined || network === undefined) continue;
      routes.push({ destination: own.words, bits: 128, outIf: 0, toldBits: network.bits, metric: 0 });
    }
  }
  return routes;
}

function prefixOf(text: string): Pick<Route, 'destination' | 'bits'> {
  const { words, bits } = parsePrefix(text)!;
  return { destination: words, bits };
}

async function readLines(
  path: string,
  parse: (line: string) => Route | undefined,
  builder: RouteTableBuilder,
): Promise<void> {
  let rest = '';
  let lines = 0;
  const take = (line: string) => {
    const route = parse(line);
    if (route !== undefined && ++lines <= MOST_ROUTES) builder.add(route);
  };
  try {
    for await (const chunk of createReadStream(path, { encoding: 'latin1' })) {
      const pieces = (rest + chunk).split('\n');
      rest = pieces.pop()!;
      pieces.forEach(take);
    }
    take(rest);
  } catch (cause) {
    // A kernel without IPv6 has no such file.
    if (path === V6_ROUTES && (cause as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw new UserError(`the routes of this host cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/** A line of /proc/net/route; undefined for the heading and for what is no route to anywhere. */
export function parseV4Route(line: string, indexOf: IndexOf): Route | undefined {
  const [device = '', destination = '', gateway = '', flagText = '', , , metric = '', mask = ''] = line.split('\t');
  const flags = Number.parseInt(flagText, 16);
  if (!/^[0-9A-F]{8}$/.test(destination) || !/^[0-9A-F]{8}$/.test(mask) || (flags & RTF_UP) === 0) return undefined;
  const rejects = (flags & RTF_REJECT) !== 0;
  return {
    destination: [0, 0, V4_MAPPED_WORD, inHostOrder(destination)],
    bits: 96 + Math.clz32(~inHostOrder(mask)),
    outIf: rejects ? 0 : indexOf(device),
    metric: Number(metric) >>> 0,
    ...((flags & RTF_GATEWAY) !== 0 ? { gateway: [0, 0, V4_MAPPED_WORD, inHostOrder(gateway)] } : {}),
  };
}

/** A line of /proc/net/ipv6_route; undefined for what is no route to anywhere, and for addresses of this host. */
export function parseV6Route(line: string, indexOf: IndexOf): Route | undefined {
  const match =
    /^([0-9a-f]{32}) ([0-9a-f]{2}) [0-9a-f]{32} ([0-9a-f]{2}) ([0-9a-f]{32}) ([0-9a-f]{8}) [0-9a-f]+ [0-9a-f]+ ([0-9a-f]{8}) +(\S+)/.exec(
      line,
    );
  if (match === null) return undefined;
  const [, destination = '', length = '', sourceLength = '', gateway = '', metric = '', flagText = '', device = ''] =
    match;
  const flags = Number.parseInt(flagText, 16);
  const bits = Number.parseInt(length, 16);
  const isOdd = (flags & (RTF_LOCAL | RTF_ANYCAST | RTF_CACHE)) !== 0 || sourceLength !== '00' || bits > 128;
  if ((flags & RTF_UP) === 0 || isOdd) return undefined;
  // Every interface has these two, which tell nothing about where a packet goes.
  if (/^f(f00|e80)/.test(destination) && bits >= 8) return undefined;
  const rejects = (flags & RTF_REJECT) !== 0;
  return {
    destination: wordsOf(destination),
    bits,
    outIf: rejects ? 0 : indexOf(device),
    metric: Number.parseInt(metric, 16),
    ...((flags & RTF_GATEWAY) !== 0 ? { gateway: wordsOf(gateway) } : {}),
  };
}

function wordsOf(hex: string): [number, number, number, number] {
  const word = (i: number) => Number.parseInt(hex.slice(i * 8, i * 8 + 8), 16);
  return [word(0), word(1), word(2), word(3)];
}

/** The file has an address as the number that its four bytes are on this machine; weir runs on little-endian ones. */
function inHostOrder(hex: string): number {
  return swapOctets(Number.parseInt(hex, 16)) >>> 0;
}
