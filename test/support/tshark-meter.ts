import { canonical } from './flow.ts';
import type { MeteredPacket } from './flow-meter.ts';
import { run } from './process.ts';

const FIELDS = [
  'frame.time_epoch',
  'frame.len',
  'frame.section_number',
  'frame.interface_id',
  'frame.packet_flags_direction',
  'sll.pkttype',
  'frame.protocols',
  'ip.src',
  'ip.dst',
  'ip.proto',
  'ip.len',
  'ip.hdr_len',
  'ip.dsfield',
  'ip.flags.mf',
  'ip.frag_offset',
  'ip.id',
  'ipv6.src',
  'ipv6.dst',
  'ipv6.plen',
  'ipv6.nxt',
  'ipv6.tclass',
  'ipv6.opt.jumbo',
  'ipv6.fraghdr.offset',
  'ipv6.fraghdr.more',
  'ipv6.fraghdr.ident',
  'ipv6.hopopts.nxt',
  'ipv6.routing.nxt',
  'ipv6.dstopts.nxt',
  'ipv6.fraghdr.nxt',
  'ah.next_header',
  'tcp.srcport',
  'tcp.dstport',
  'tcp.flags',
  'udp.srcport',
  'udp.dstport',
  'sctp.srcport',
  'sctp.dstport',
  'dccp.srcport',
  'dccp.dstport',
  'icmp.type',
  'icmp.code',
  'icmpv6.type',
  'icmpv6.code',
] as const;
type FieldName = (typeof FIELDS)[number];

export interface TsharkPackets {
  packets: MeteredPacket[];
  /** Not metered: the IP header says more octets than the frame has. */
  malformed: MeteredPacket[];
  /** Not metered: IP behind a link layer or in a tunnel that weir does not go into. */
  beyond: MeteredPacket[];
  /** Packets not metered because there is no IP in them, or because they end within its header. */
  notIp: number;
  cutHeader: number;
  /** The file ends in the middle of something; the packets are those before. */
  damaged: boolean;
}

/** Extension headers of IPv6 by the number that announces them, and the field with what comes next. */
const EXTENSIONS: Record<number, FieldName> = {
  0: 'ipv6.hopopts.nxt',
  43: 'ipv6.routing.nxt',
  44: 'ipv6.fraghdr.nxt',
  51: 'ah.next_header',
  60: 'ipv6.dstopts.nxt',
};

/** Extension headers gone through at most; what announces the next one is then the protocol. */
const MAX_EXTENSIONS = 16;

/** Octets of the layers below IP that weir knows, by tshark's names. */
const LINK_OCTETS: Record<string, number> = {
  eth: 14,
  vlan: 4,
  ieee8021ad: 4,
  mpls: 4,
  pwethheuristic: 0,
  pwethcw: 4,
  pppoes: 6,
  ppp: 2,
  sll: 16,
  raw: 0,
  null: 4,
  chdlc: 4,
};

/**
 * The packets of a capture as tshark sees them, reduced to what a meter needs: the outermost IP header and the transport
 * header right behind it. Packets without IP, with an IP header that is cut or does not fit its frame are counted.
 */
export async function packetsByTshark(file: string): Promise<TsharkPackets> {
  const preferences = [
    'ip.defragment',
    'ipv6.defragment',
    'tcp.desegment_tcp_streams',
    'tcp.relative_sequence_numbers',
  ];
  const { status, stdout, stderr } = await run('tshark', [
    '-n',
    ...['-r', file],
    ...preferences.flatMap((name) => ['-o', `${name}:FALSE`]),
    ...['-T', 'fields', '-E', 'occurrence=a', '-E', 'aggregator=;', '-E', 'separator=/t'],
    ...FIELDS.flatMap((name) => ['-e', name]),
  ]);
  const damaged = /damaged or corrupt|cut short/.test(stderr);
  if (status !== 0 && !damaged) throw new Error(`tshark -r ${file}: exit code ${status}\n${stderr}`);
  const seen: TsharkPackets = { packets: [], malformed: [], beyond: [], notIp: 0, cutHeader: 0, damaged };
  let lastEpoch = '0';
  for (const line of stdout.split('\n')) {
    const texts = line.split('\t');
    if (texts.length !== FIELDS.length || texts[FIELDS.indexOf('frame.len')] === '') continue;
    const row = Object.fromEntries(FIELDS.map((name, i) => [name, texts[i] === '' ? [] : texts[i]!.split(';')]));
    // A pcapng packet without a time has that of the packet before.
    lastEpoch = texts[0] === '' ? lastEpoch : texts[0]!;
    const { packet, room } = readPacket({ ...(row as Record<FieldName, string[]>), 'frame.time_epoch': [lastEpoch] });
    if (typeof packet === 'string') seen[packet] += 1;
    else if (room === undefined) seen.beyond.push(packet);
    else if (packet.octets > room) seen.malformed.push(packet);
    else seen.packets.push(packet);
  }
  return seen;
}

function readPacket(row: Record<FieldName, string[]>): {
  packet: MeteredPacket | 'notIp' | 'cutHeader';
  room: number | undefined;
} {
  const layers = row['frame.protocols'][0]!.split(':').filter((name) => name !== 'ethertype');
  const at = layers.findIndex((name) => name === 'ip' || name === 'ipv6');
  if (at < 0) return { packet: 'notIp', room: 0 };
  const link = layers.slice(0, at);
  const isKnown = link.every((name) => name in LINK_OCTETS);
  const below = link.reduce((sum, name) => sum + (LINK_OCTETS[name] ?? 0), 0);
  const room = isKnown ? Number(row['frame.len'][0]) - below : undefined;
  const us = microseconds(row['frame.time_epoch'][0]!);
  const read = layers[at] === 'ip' ? readIpv4 : readIpv6;
  return { packet: read(row, layers.slice(at + 1), us), room };
}

function readIpv4(row: Record<FieldName, string[]>, above: string[], us: number) {
  const dst = row['ip.dst'][0];
  if (dst === undefined) return 'cutHeader' as const;
  const octets = Number(row['ip.len'][0]);
  const offset = Number(row['ip.frag_offset'][0]);
  const isFragment = offset > 0 || isSet(row['ip.flags.mf'][0]);
  const proto = Number(row['ip.proto'][0]);
  return {
    us,
    src: row['ip.src'][0]!,
    dst,
    proto,
    tos: Number(row['ip.dsfield'][0]),
    octets,
    interfaceId: interfaceOf(row),
    isEgress: isEgress(row),
    ...transport(row, proto, above, offset === 0),
    ...(isFragment && { fragment: { id: row['ip.id'][0]!, first: offset === 0 } }),
  };
}

function readIpv6(row: Record<FieldName, string[]>, above: string[], us: number) {
  const dst = row['ipv6.dst'][0];
  if (dst === undefined) return 'cutHeader' as const;
  let proto = Number(row['ipv6.nxt'][0]);
  const payload = Number(row['ipv6.plen'][0]);
  const jumbo = row['ipv6.opt.jumbo'][0];
  const octets = 40 + (payload === 0 && proto === 0 && jumbo !== undefined ? Number(jumbo) : payload);
  const used = new Map<number, number>();
  for (let headers = 0; headers < MAX_EXTENSIONS; headers++) {
    const position = used.get(proto) ?? 0;
    used.set(proto, position + 1);
    const field = EXTENSIONS[proto];
    const next = field === undefined ? undefined : row[field][position];
    if (next === undefined) break;
    const isLaterFragment = proto === 44 && Number(row['ipv6.fraghdr.offset'][0]) > 0;
    proto = Number(next);
    if (isLaterFragment) break;
  }
  const offset = Number(row['ipv6.fraghdr.offset'][0] ?? 0);
  const isFragment = offset > 0 || isSet(row['ipv6.fraghdr.more'][0]);
  const behind = above.filter((name) => !name.startsWith('ipv6.') && name !== 'ah');
  return {
    us,
    src: canonical(row['ipv6.src'][0]!),
    dst: canonical(dst),
    proto,
    tos: Number(row['ipv6.tclass'][0]),
    octets,
    interfaceId: interfaceOf(row),
    isEgress: isEgress(row),
    ...transport(row, proto, behind, offset === 0),
    ...(isFragment && { fragment: { id: row['ipv6.fraghdr.ident'][0]!, first: offset === 0 } }),
  };
}

/** Ports and flags of the header right behind IP: fields of headers further in (in an ICMP error) are not the packet's. */
function transport(row: Record<FieldName, string[]>, proto: number, above: string[], hasHeader: boolean) {
  const name = { 1: 'icmp', 6: 'tcp', 17: 'udp', 33: 'dccp', 58: 'icmpv6', 132: 'sctp', 136: 'udplite' }[proto];
  const none = { srcPort: 0, dstPort: 0, tcpFlags: 0 };
  if (name === undefined || !hasHeader || above[0] !== name) return none;
  const number = (field: FieldName) => Number(row[field][0] ?? 0);
  switch (name) {
    case 'icmp':
      return { ...none, dstPort: number('icmp.type') * 256 + number('icmp.code') };
    case 'icmpv6':
      return { ...none, dstPort: number('icmpv6.type') * 256 + number('icmpv6.code') };
    case 'tcp':
      return { srcPort: number('tcp.srcport'), dstPort: number('tcp.dstport'), tcpFlags: number('tcp.flags') & 0xff };
    case 'sctp':
      return { ...none, srcPort: number('sctp.srcport'), dstPort: number('sctp.dstport') };
    case 'dccp':
      return { ...none, srcPort: number('dccp.srcport'), dstPort: number('dccp.dstport') };
    default:
      return { ...none, srcPort: number('udp.srcport'), dstPort: number('udp.dstport') };
  }
}

/** Interfaces are numbered anew in each section of a pcapng file. */
function interfaceOf(row: Record<FieldName, string[]>): number {
  return Number(row['frame.section_number'][0] ?? 0) * 1000 + Number(row['frame.interface_id'][0] ?? 0);
}

/** Whether the capture says that the packet left: flags of pcapng (2 is outbound), cooked packet type (4 is from here). */
function isEgress(row: Record<FieldName, string[]>): boolean {
  return Number(row['frame.packet_flags_direction'][0] ?? 0) === 2 || row['sll.pkttype'][0] === '4';
}

function isSet(text: string | undefined): boolean {
  return text === '1' || text === 'True';
}

/** Seconds with nine decimals to whole microseconds, without going through a double that cannot hold them. */
function microseconds(epoch: string): number {
  const [seconds = '0', decimals = ''] = epoch.split('.');
  return Number(seconds) * 1_000_000 + Number(decimals.padEnd(6, '0').slice(0, 6));
}
