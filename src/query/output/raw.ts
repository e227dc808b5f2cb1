import type { ColumnName } from '../../flow/fields.ts';
import type { Chunk } from '../chunk.ts';
import { extendedEventName, firewallEventName, flagsText, longNatEventName, protocolName } from '../names.ts';
import { ExtraReader } from './exporter-name.ts';
import { wholeOf } from './extra-cells.ts';
import { presence } from './presence.ts';
import {
  acl,
  addressLine,
  BIFLOW_DIRECTIONS,
  counter,
  described,
  END_REASONS,
  hexByte,
  hexNamed,
  interval,
  isIcmp,
  type Line,
  latency,
  line,
  mac,
  mask,
  mplsLine,
  number,
  ofExtra,
  plain,
  type RawContext,
  remembered,
  right,
  type Section,
  TCP,
  textLine,
  time,
  VALUE_WIDTH,
  withPorts,
  writeNumber,
} from './raw-lines.ts';
import { Label, type TextBlock } from './text.ts';
import { toldText } from './told-text.ts';

const NEWLINE = 0x0a;
const HEAD = new Label('\nFlow Record: \n  RecordCount  = ');

const FIREWALL: readonly ColumnName[] = ['firewallEvent', 'firewallExtEvent'];

/** Firewalls' events have one time, at the place of the first and last packet of flows. */
const isEvent = (chunk: Chunk, { stored }: RawContext) => presence(chunk, ['firewallEvent'], stored);
const isFlow: typeof isEvent = (chunk, context) => {
  const is = isEvent(chunk, context);
  return (row) => !is(row);
};

const flags: Line = line('Flags', ['exportVersion', 'sampling', 'firewallEvent'], (chunk, context) => {
  const [versions, sampling] = [chunk.narrow('exportVersion'), chunk.narrow('sampling')];
  const event = isEvent(chunk, context);
  return (out, row) => {
    const bits = (event(row) ? 1 : 0) | (sampling[row]! > 1 ? 2 : 0);
    out.ascii(remembered(FLAGS, versions[row]! * 4 + bits, flagsOf));
    return true;
  };
});

const FLAGS = new Map<number, string>();

/** `word`: the version of the export, and in the lowest bits whether it is an event (1), and sampled (2). */
function flagsOf(word: number): string {
  const version = word >> 2;
  const kind = version === 0 ? 'FLOW' : version > 100 ? `SFLOW v${version - 100}` : `NETFLOW v${version}`;
  return `${hexByte(word & 3)} ${word & 1 ? 'EVENT' : kind}, ${word & 2 ? 'Sampled' : 'Unsampled'}`;
}

/** Half of the engine: in v5 in the header, in v9 what its source id has there. */
function engine(name: string, shift: number): Line {
  return line(name, ['domain', 'exportVersion'], (chunk) => {
    const [domains, versions] = [chunk.narrow('domain'), chunk.narrow('exportVersion')];
    return (out, row) => writeNumber(out, versions[row]! <= 9 ? (domains[row]! >>> shift) & 255 : 0, 5);
  });
}

/** Element 148: a connection's in v9, a flow's elsewhere. */
function flowId(name: string, isV9: boolean): Line {
  return textLine(name, ['flowId', 'exportVersion'], (chunk) => {
    const [words, versions] = [chunk.words('flowId'), chunk.narrow('exportVersion')];
    return (row) => {
      const value =
        (versions[row] === 9) === isV9 ? (BigInt(words[row * 2 + 1]!) << 32n) | BigInt(words[row * 2]!) : 0n;
      if (isV9) return right(String(value), 10);
      return value === 0n ? undefined : `0x${value.toString(16)}`.padStart(VALUE_WIDTH);
    };
  });
}

const TCP_FLAGS = Array.from({ length: 256 }, (_, value) => `${hexByte(value)} ${flagsText(value)}`);

/** Fields in the order of nfdump's extensions. */
const sections: readonly Section[] = [
  {
    lines: [
      flags,
      engine('engine type', 8),
      engine('engine ID', 0),
      time('first', 'firstMs', isFlow),
      time('last', 'lastMs', isFlow),
      time('Event time', 'eventMs', isEvent),
      time('received at', 'receivedMs'),
      described('proto', 'proto', (proto) => `${right(String(proto), 3)} ${protocolName(proto)}`),
      line('tcp flags', ['tcpFlags', 'proto'], (chunk) => {
        const [cells, proto] = [chunk.narrow('tcpFlags'), chunk.narrow('proto')];
        return (out, row) => {
          out.ascii(TCP_FLAGS[proto[row] === TCP ? cells[row]! & 255 : 0]!);
          return true;
        };
      }),
      textLine('ICMP', ['proto', 'dstPort'], (chunk) => {
        const [proto, port] = [chunk.narrow('proto'), chunk.narrow('dstPort')];
        return (row) => {
          const [type, code] = [port[row]! >> 8, port[row]! & 255];
          return isIcmp(proto[row]!)
            ? `${' '.repeat(14)}${String(type).padStart(2)}.${String(code).padEnd(2)} type.code`
            : undefined;
        };
      }),
      withPorts('src port', 'srcPort', 5),
      withPorts('dst port', 'dstPort', 5),
      withPorts('src tos', 'tos', 3),
      withPorts('fwd status', 'forwardingStatus', 3),
      counter('in packets', 'packets'),
      counter('in bytes', 'octets'),
      addressLine('src addr', 'srcAddr', true),
      addressLine('dst addr', 'dstAddr', true),
    ],
  },
  {
    keys: ['inIf', 'outIf', 'srcMask', 'dstMask', 'dstTos', 'direction', 'biflowDirection', 'endReason'],
    lines: [
      plain('input', 'inIf', 12),
      plain('output', 'outIf', 12),
      mask('src mask', 'srcMask', 'srcAddr'),
      mask('dst mask', 'dstMask', 'dstAddr'),
      plain('dst tos', 'dstTos'),
      // As %dir has it: flows that do not say count as ingress.
      described('direction', 'direction', (value) => right(value > 1 ? '0' : String(value), 3)),
      hexNamed('biFlow Dir', 'biflowDirection', BIFLOW_DIRECTIONS),
      hexNamed('end reason', 'endReason', END_REASONS),
    ],
  },
  {
    keys: ['outPackets', 'outOctets', 'flows'],
    lines: [
      counter('out packets', 'outPackets'),
      counter('out bytes', 'outOctets'),
      counter('aggr flows', 'flows', true),
    ],
  },
  { keys: ['srcVlan', 'dstVlan'], lines: [plain('src vlan', 'srcVlan'), plain('dst vlan', 'dstVlan')] },
  { keys: ['srcAs', 'dstAs'], lines: [plain('src as', 'srcAs', 6), plain('dst as', 'dstAs', 6)] },
  {
    lines: [
      addressLine('bgp next hop', 'bgpNextHop'),
      addressLine('ip next hop', 'nextHop'),
      addressLine('ip exporter', 'exporter'),
    ],
  },
  { keys: ['mpls1'], lines: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(mplsLine) },
  {
    keys: ['inSrcMac', 'outDstMac', 'inDstMac', 'outSrcMac'],
    lines: [
      mac('in src mac', 'inSrcMac'),
      mac('out dst mac', 'outDstMac'),
      mac('in dst mac', 'inDstMac'),
      mac('out src mac', 'outSrcMac'),
    ],
  },
  { keys: ['nextAs', 'prevAs'], lines: [plain('bgp next as', 'nextAs'), plain('bgp prev as', 'prevAs')] },
  ofExtra(
    ['57554', '57555', '57595', '57556', '57557', '57596', '57558', '57559', '57597'],
    [
      latency('cli latency', '57554', '57555', '57595'),
      latency('srv latency', '57556', '57557', '57596'),
      latency('app latency', '57558', '57559', '57597'),
    ],
  ),
  ofExtra(
    ['samplerId', 'selectorId'],
    [['samplingID', (member) => number(member('samplerId') || member('selectorId'))]],
  ),
  // The rate, in the words of a sampler that counts one packet and skips the next ones.
  { keys: ['extra'], lines: [interval('pk Interval', () => 1), interval('sp Interval', (rate) => rate - 1)] },
  {
    keys: FIREWALL,
    lines: [
      flowId('connect ID', true),
      described('fw event', 'firewallEvent', (event) => `${right(String(event), 5)}: ${firewallEventName(event)}`),
      described(
        'fw ext event',
        'firewallExtEvent',
        (event) => `${right(String(event), 5)}: ${extendedEventName(event)}`,
      ),
      time('Event time', 'eventMs'),
    ],
  },
  {
    keys: ['natSrcAddrHi', 'natSrcAddrLo', 'natDstAddrHi', 'natDstAddrLo'],
    lines: [addressLine('src xlt ip', 'natSrcAddr', true), addressLine('dst xlt ip', 'natDstAddr', true)],
  },
  {
    keys: ['natSrcPort', 'natDstPort'],
    lines: [plain('src xlt port', 'natSrcPort'), plain('dst xlt port', 'natDstPort')],
  },
  ofExtra(['33000', '33001'], [acl('Ingress ACL', '33000'), acl('Egress ACL', '33001')]),
  ofExtra(['40000'], [['username', (member) => `       ${toldText(member('40000'), false)}`]]),
  {
    keys: ['natEvent'],
    lines: [
      described('nat event', 'natEvent', (event) => `${right(String(event), 5)}: ${longNatEventName(event)}`),
      textLine('nat pool ID', ['extra'], (chunk, { stored }) => {
        const extras = stored('extra') ? new ExtraReader(chunk) : undefined;
        return (row) => number(extras?.member(row, 'natPoolId') ?? '');
      }),
    ],
  },
  ofExtra(
    ['portRangeStart', 'portRangeEnd', 'portRangeStepSize', 'portRangeNumPorts'],
    [
      ['pblock start', (member) => number(member('portRangeStart'))],
      ['pblock end', (member) => number(member('portRangeEnd'))],
      ['pblock step', (member) => number(member('portRangeStepSize'))],
      ['pblock size', (member) => number(member('portRangeNumPorts'))],
    ],
  ),
  {
    keys: ['tunProto'],
    lines: [
      described('tun proto', 'tunProto', (proto) => `${right(String(proto), 3)} ${protocolName(proto)}`),
      addressLine('tun src addr', 'tunSrcAddr', true),
      addressLine('tun dst addr', 'tunDstAddr', true),
    ],
  },
  {
    keys: ['extra'],
    lines: [
      textLine('obs domainID', ['domain', 'extra'], (chunk) => {
        const domains = chunk.narrow('domain');
        const extras = new ExtraReader(chunk);
        return (row) => {
          const own = extras.member(row, 'observationDomainId');
          if (own === '' && extras.member(row, 'observationPointId') === '') return undefined;
          return right(
            `0x${wholeOf(own || String(domains[row]))
              .toString(16)
              .padStart(5, '0')}`,
            7,
          );
        };
      }),
    ],
  },
  ofExtra(
    ['observationDomainId', 'observationPointId'],
    [
      [
        'obs pointID',
        (member) => right(`0x${wholeOf(member('observationPointId')).toString(16).padStart(10, '0')}`, 12),
      ],
    ],
  ),
  {
    keys: ['ingressVrf', 'egressVrf'],
    lines: [plain('ingress VRF', 'ingressVrf', 10), plain('egress VRF', 'egressVrf', 10)],
  },
  {
    keys: ['etherType'],
    lines: [described('ethertype', 'etherType', (type) => right(`0x${type.toString(16).padStart(4, '0')}`, 6))],
  },
  { keys: ['flowId'], lines: [flowId('flow ID', false)] },
  {
    keys: ['fragmentFlags'],
    lines: [
      described(
        'ip fragment',
        'fragmentFlags',
        (value) => `${hexByte(value)} ${value & 0x40 ? 'DF' : '  '} ${value & 0x20 ? 'MF' : '  '}`,
      ),
    ],
  },
  { keys: ['minTtl', 'maxTtl'], lines: [plain('ip minTTL', 'minTtl'), plain('ip maxTTL', 'maxTtl')] },
];

/** The sections that files with the columns `stored` have lines of. */
export function rawSections(stored: (name: ColumnName) => boolean): readonly Section[] {
  return sections.filter(({ keys }) => keys === undefined || keys.some(stored));
}

/** Columns that sections read. */
export function rawNeeds(chosen: readonly Section[]): ColumnName[] {
  return chosen.flatMap(({ keys = [], lines }) => [...keys, ...lines.flatMap(({ needs }) => needs)]);
}

/** Writes a block of lines a flow. */
export function bindRaw(
  chosen: readonly Section[],
  chunk: Chunk,
  context: RawContext,
  firstRow: number,
): (out: TextBlock, row: number) => void {
  const parts = chosen.map(({ keys, lines }) => ({
    isThere: keys === undefined || keys[0] === 'extra' ? () => true : presence(chunk, keys, context.stored),
    values: lines
      .filter(({ needs }) => !context.ofKey || needs.every(context.stored))
      .map(({ name, bind }) => ({ name: new Label(`  ${name.padEnd(12)} = `), value: bind(chunk, context) })),
  }));
  return (out, row) => {
    out.label(HEAD);
    writeNumber(out, firstRow + row + 1, 5);
    out.byte(NEWLINE);
    for (const { isThere, values } of parts) {
      if (!isThere(row)) continue;
      for (const { name, value } of values) {
        const start = out.length;
        out.label(name);
        if (value(out, row)) out.byte(NEWLINE);
        else out.length = start;
      }
    }
  };
}
