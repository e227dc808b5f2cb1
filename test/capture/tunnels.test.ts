import { join } from 'node:path';
import { expect, it } from 'vitest';
import { address } from '../../pcaps/frames.mjs';
import {
  EXTENSION_WORDS,
  X_ETHERTYPE_LABELS_TUNNEL,
  X_TUNNEL_DST,
  X_TUNNEL_SRC,
} from '../../src/addon/packet-extension-layout.ts';
import { openPacketSource } from '../../src/capture/open.ts';
import { describeWith, ROOT, runOk, SHARED_DATA } from '../support/process.ts';
import { readAll } from './helpers.ts';

/** A packet inside of a tunnel: its addresses and octets, and the outermost addresses and protocol. */
type Tunnelled = string;

/** Captures with tunnels, and how many packets are in one. */
const CAPTURES: Record<string, number> = {
  'akv-gre-v4-key.pcap': 2,
  'mix-ndpi-a.pcap': 167,
  'mix-ndpi-a-snap96.pcap': 387,
  'ndpi-6in4tunnel.pcap': 127,
  'ndpi-vxlan.pcap': 127,
  'td-ipv6-srh-ext-header.pcap': 1,
  'zeek-4in6.pcap': 1,
  'zeek-6in4.pcap': 1,
  'zeek-Teredo.pcap': 4,
  'zeek-erspanII.pcap': 4,
  'zeek-geneve.pcap': 6,
  'zeek-gre-sample.pcap': 40,
  'zeek-gtp1_gn_normal_incl_fragmentation.pcap': 72,
};

async function byWeir(file: string): Promise<Tunnelled[]> {
  const reader = await openPacketSource({ files: [file], decapsulate: true });
  const { packets, extensions } = await readAll(reader);
  const words = new Uint32Array(Uint8Array.from(extensions).buffer);
  return packets.flatMap(({ src, dst, octets }, i) => {
    const at = i * EXTENSION_WORDS;
    const protocol = words[at + X_ETHERTYPE_LABELS_TUNNEL]! >>> 24;
    const outer = (word: number) => extensions.subarray((at + word) * 4, (at + word + 4) * 4).toString('hex');
    if (protocol === 0) return [];
    return [[src, dst, octets, outer(X_TUNNEL_SRC), outer(X_TUNNEL_DST), protocol].join(' ')];
  });
}

const FIELDS = [
  'frame.protocols',
  'ip.src',
  'ip.dst',
  'ip.len',
  'ip.proto',
  'ipv6.src',
  'ipv6.dst',
  'ipv6.plen',
  'ipv6.nxt',
  'ipv6.routing.nxt',
];
const PREFERENCES = ['ip.defragment', 'ipv6.defragment', 'tcp.desegment_tcp_streams', 'ip.try_heuristic_first'];

async function byTshark(file: string): Promise<Tunnelled[]> {
  const text = await runOk('tshark', [
    ...['-n', '-r', file, '-T', 'fields', '-E', 'occurrence=a', '-E', 'aggregator=;'],
    ...PREFERENCES.flatMap((name) => ['-o', `${name}:FALSE`]),
    ...FIELDS.flatMap((name) => ['-e', name]),
  ]);
  return text.split('\n').flatMap((line) => {
    const columns = line.split('\t').map((column) => column.split(';'));
    // Access points' tunnels (RFC 5415) stay closed.
    if (line.includes(':capwap')) return [];
    const [protocols, src4, dst4, length4, proto4, src6, dst6, length6, next6, routing] = columns;
    if (next6 === undefined || routing === undefined) return [];
    const layers = protocols![0]!.split(':');
    // What announces the inner header may stand in a routing header.
    if (next6[0] === '43') next6[0] = routing[0]!;
    // What an ICMP error quotes is no tunnel.
    const end = layers.findIndex((layer) => layer === 'icmp' || layer === 'icmpv6');
    const headers = { ip: 0, ipv6: 0 };
    const packets = (end < 0 ? layers : layers.slice(0, end)).flatMap((layer) => {
      if (layer !== 'ip' && layer !== 'ipv6') return [];
      const n = headers[layer]++;
      const [src, dst, octets, protocol] =
        layer === 'ip'
          ? [src4![n], dst4![n], Number(length4![n]), proto4![n]]
          : [src6![n], dst6![n], Number(length6![n]) + 40, next6[n]];
      // Cut by the snap length.
      if (!src || !dst) return [];
      return [{ src: hex(src), dst: hex(dst), octets, protocol }];
    });
    const [outer, inner] = [packets[0], packets.at(-1)];
    if (outer === undefined || inner === undefined || packets.length < 2) return [];
    return [[inner.src, inner.dst, inner.octets, outer.src, outer.dst, outer.protocol].join(' ')];
  });
}

/** As packet records have addresses. */
function hex(text: string): string {
  const bytes = address(text);
  return `${bytes.length === 4 ? '00000000000000000000ffff' : ''}${bytes.toString('hex')}`;
}

describeWith(['tshark'], 'packets in tunnels of every kind against tshark', () => {
  it('tunnels.pcap', async () => {
    const file = join(ROOT, 'pcaps/tunnels.pcap');
    const want = await byTshark(file);
    expect(await byWeir(file)).toEqual(want);
    expect(want.length).toBeGreaterThan(100);
  });
});

describeWith(['tshark', 'shared captures'], 'packets in tunnels against tshark', () => {
  for (const [name, packets] of Object.entries(CAPTURES)) {
    it(name, async () => {
      const file = join(SHARED_DATA, 'pcap', name);
      const want = await byTshark(file);
      expect(await byWeir(file)).toEqual(want);
      expect(want.length).toBe(packets);
    });
  }
});
