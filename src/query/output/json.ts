import type { ColumnName } from '../../flow/fields.ts';
import { jsonText } from '../../flow/json.ts';
import type { Chunk } from '../chunk.ts';
import { firewallEventName, flagsText, longNatEventName } from '../names.ts';
import { fragmentText } from './extra-cells.ts';
import { addressPair, geography, hostName, net } from './json-addresses.ts';
import { eventTime, FIREWALL, flowId, namedNumber, natEventTime, xevent } from './json-events.ts';
import { accessLists, latencies, natPool, observation, portBlock, userName } from './json-extra.ts';
import {
  address,
  extra,
  type JsonContext,
  type Member,
  mac,
  named,
  namedExtras,
  number,
  section,
  time,
  wideNumber,
} from './json-members.ts';
import { writeWide } from './numbers.ts';
import { presence } from './presence.ts';
import { Label, type TextBlock } from './text.ts';

/** What stands in the transport header: types and codes, or ports, flags and what became of the packets. */
const transport: Member = {
  needs: ['proto', 'srcPort', 'dstPort', 'tcpFlags', 'forwardingStatus', 'tos'],
  bind: (chunk, { before, ofKey, stored }) => {
    const proto = chunk.narrow('proto');
    const dstPort = chunk.narrow('dstPort');
    const flags = chunk.narrow('tcpFlags');
    const tos = chunk.narrow('tos');
    const isShown = (name: ColumnName) => !ofKey || stored(name);
    const [withProto, withFlags, withTos] = [isShown('proto'), isShown('tcpFlags'), isShown('tos')];
    const others = OF_PORTS.filter(([, name]) => isShown(name)).map(([key, name]) => ({
      start: before(key),
      cells: chunk.narrow(name),
    }));
    const [ofProto, ofType, ofCode, ofFlags, ofTos] = OF_TRANSPORT.map(before);
    return (out, row) => {
      if (withProto) {
        out.label(ofProto!);
        out.uint(proto[row]!);
      }
      if (proto[row] === 1 || proto[row] === 58) {
        out.label(ofType!);
        out.uint(dstPort[row]! >> 8);
        out.label(ofCode!);
        out.uint(dstPort[row]! & 255);
      } else {
        if (withFlags) {
          out.label(ofFlags!);
          out.byte(0x22);
          out.ascii(flagsText(flags[row]!));
          out.byte(0x22);
        }
        for (const { start, cells } of others) {
          out.label(start);
          out.uint(cells[row]!);
        }
      }
      if (withTos) {
        out.label(ofTos!);
        out.uint(tos[row]!);
      }
    };
  },
};

const OF_TRANSPORT = ['proto', 'icmp_type', 'icmp_code', 'tcp_flags', 'src_tos'] as const;
const OF_PORTS = [
  ['src_port', 'srcPort'],
  ['dst_port', 'dstPort'],
  ['fwd_status', 'forwardingStatus'],
] as const;

/** A text in quotes that `text` makes of a row. */
function quoted(key: string, needs: readonly ColumnName[], bind: (chunk: Chunk) => (row: number) => string): Member {
  return {
    needs,
    bind: (chunk, { before }) => {
      const text = bind(chunk);
      const start = before(key);
      return (out, row) => {
        out.label(start);
        out.text(jsonText(text(row)));
      };
    },
  };
}

const direction: Member = {
  needs: ['direction'],
  bind: (chunk, { before }) => {
    const cells = chunk.narrow('direction');
    const start = before('direction');
    return (out, row) => {
      if (cells[row]! > 1) return;
      out.label(start);
      out.uint(cells[row]!);
    };
  },
};

/** How many flows a flow stands for; one that does not say is one. */
const aggregatedFlows: Member = {
  needs: ['flows'],
  bind: (chunk, { before }) => {
    const words = chunk.words('flows');
    const start = before('aggr_flows');
    return (out, row) => {
      out.label(start);
      if ((words[row * 2]! | words[row * 2 + 1]!) === 0) out.byte(0x31);
      else writeWide(out, words, row);
    };
  },
};

const MPLS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((index) => [index, `mpls${index}` as ColumnName] as const);

const mplsMembers = MPLS.map(([index, name]) =>
  quoted(`mpls_${index}`, [name], (chunk) => {
    const cells = chunk.narrow(name);
    return (row) => `${cells[row]! >>> 4}-${(cells[row]! & 15) >> 1}-${cells[row]! & 1}`;
  }),
);

const fragment: Member = {
  needs: ['fragmentFlags'],
  ifStored: ['fragmentFlags'],
  bind: (chunk, { before }) => {
    const cells = chunk.narrow('fragmentFlags');
    const start = before('ip_fragment');
    return (out, row) => {
      const flags = cells[row]!;
      if (flags === 0) return;
      out.label(start);
      // Nothing stands for a second flag that is not set.
      out.ascii(`"${fragmentText(flags).replace(/--$/, '') || '--'}"`);
    };
  },
};

/** Keys in nfdump's order, then what nfdump does not have. */
const members: readonly Member[] = [
  {
    needs: ['firewallEvent'],
    bind: (chunk, { before, firstRow, stored }) => {
      const isEvent = presence(chunk, FIREWALL.slice(0, 1), stored);
      const [ofCount, ofType] = [before('cnt'), before('type')];
      return (out, row) => {
        out.label(ofCount);
        out.uint(firstRow + row + 1);
        out.label(ofType);
        out.ascii(isEvent(row) ? '"EVENT"' : '"FLOW"');
      };
    },
  },
  time('first', 'firstMs'),
  time('last', 'lastMs'),
  time('received', 'receivedMs'),
  wideNumber('in_packets', 'packets'),
  wideNumber('in_bytes', 'octets'),
  transport,
  address('srcAddr', 'src4_addr', 'src6_addr'),
  address('dstAddr', 'dst4_addr', 'dst6_addr'),
  geography('srcAddr', 'src4_geo', 'src6_geo'),
  geography('dstAddr', 'dst4_geo', 'dst6_geo'),
  section(
    ['inIf', 'outIf', 'srcMask', 'dstMask', 'direction', 'dstTos', 'endReason'],
    [
      number('input_snmp', 'inIf'),
      number('output_snmp', 'outIf'),
      number('src_mask', 'srcMask'),
      number('dst_mask', 'dstMask'),
      net('src_net', 'srcAddr', 'srcMask'),
      net('dst_net', 'dstAddr', 'dstMask'),
      direction,
      number('dst_tos', 'dstTos'),
    ],
  ),
  section(
    ['outPackets', 'outOctets', 'flows'],
    [wideNumber('out_packets', 'outPackets'), wideNumber('out_bytes', 'outOctets'), aggregatedFlows],
  ),
  section(['srcVlan', 'dstVlan'], [number('src_vlan', 'srcVlan'), number('dst_vlan', 'dstVlan')]),
  section(['srcAs', 'dstAs'], [number('src_as', 'srcAs'), number('dst_as', 'dstAs')]),
  address('bgpNextHop', 'bgp4_next_hop', 'bgp6_next_hop'),
  address('nextHop', 'ip4_next_hop', 'ip6_next_hop'),
  address('exporter', 'ip4_router', 'ip6_router'),
  section(
    MPLS.map(([, name]) => name),
    mplsMembers,
  ),
  section(
    ['inSrcMac', 'outDstMac', 'inDstMac', 'outSrcMac'],
    [
      mac('in_src_mac', 'inSrcMac'),
      mac('out_dst_mac', 'outDstMac'),
      mac('in_dst_mac', 'inDstMac'),
      mac('out_src_mac', 'outSrcMac'),
    ],
  ),
  section(['nextAs', 'prevAs'], [number('next_as', 'nextAs'), number('prev_as', 'prevAs')]),
  latencies,
  section(FIREWALL, [
    flowId('connect_id', true),
    namedNumber('event_id', 'event', 'firewallEvent', firewallEventName),
    number('xevent_id', 'firewallExtEvent'),
    eventTime,
  ]),
  addressPair([
    ['natSrcAddr', 'src4_xlt_ip', 'src6_xlt_ip'],
    ['natDstAddr', 'dst4_xlt_ip', 'dst6_xlt_ip'],
  ]),
  section(['natSrcPort', 'natDstPort'], [number('src_xlt_port', 'natSrcPort'), number('dst_xlt_port', 'natDstPort')]),
  accessLists,
  userName,
  section(
    ['natEvent'],
    [namedNumber('nat_event_id', 'nat_event', 'natEvent', longNatEventName), natPool, natEventTime],
  ),
  portBlock,
  section(['tunProto'], [number('tun_proto', 'tunProto')]),
  addressPair([
    ['tunSrcAddr', 'src4_tun_ip', 'src6_tun_ip'],
    ['tunDstAddr', 'dst4_tun_ip', 'dst6_tun_ip'],
  ]),
  observation,
  section(['ingressVrf', 'egressVrf'], [number('ingress_vrf', 'ingressVrf'), number('egress_vrf', 'egressVrf')]),
  section(['etherType'], [number('ethertype', 'etherType')]),
  flowId('flowID', false),
  fragment,
  section(['minTtl', 'maxTtl'], [number('ip_minttl', 'minTtl'), number('ip_maxttl', 'maxTtl')]),
  {
    needs: ['sampling'],
    ifStored: ['sampling'],
    bind: (chunk, { before }) => {
      const cells = chunk.narrow('sampling');
      const start = before('sampled');
      return (out, row) => {
        out.label(start);
        out.byte(cells[row]! > 1 ? 0x31 : 0x30);
      };
    },
  },
  xevent,
  hostName('src_host', 'srcAddr'),
  hostName('dst_host', 'dstAddr'),
  named('input_name', 'interfaces', 'inIf'),
  named('output_name', 'interfaces', 'outIf'),
  named('ingress_vrf_name', 'vrfs', 'ingressVrf'),
  named('egress_vrf_name', 'vrfs', 'egressVrf'),
  namedExtras,
  extra,
];

/** Before the members of a flow that is part of a chain. */
export const chainMembers: readonly Member[] = [
  {
    needs: [],
    bind: (chunk, { before }) => {
      const chain = chunk.words('chain');
      const step = chunk.narrow('step');
      const [ofChain, ofStep] = [before('chain'), before('step')];
      return (out, row) => {
        out.label(ofChain);
        writeWide(out, chain, row);
        out.label(ofStep);
        out.uint(step[row]!);
      };
    },
  },
];

/** The members for files that have the columns `stored`. */
export function jsonMembers(stored: (name: ColumnName) => boolean): readonly Member[] {
  return members.filter(({ ifStored }) => ifStored === undefined || ifStored.some(stored));
}

/** Writes flows as JSON objects: `json` as elements of an array, a member a line; `ndjson` an object a line. */
export function bindJson(
  form: JsonForm,
  chosen: readonly Member[],
  chunk: Chunk,
  context: Omit<JsonContext, 'before'>,
): (out: TextBlock, row: number) => void {
  const { firstRow } = context;
  const writers = chosen.map(({ bind }) => bind(chunk, { ...context, before: BEFORE[form] }));
  return (out, row) => {
    if (form === 'json') out.ascii(firstRow + row === 0 ? ' ' : ',\n ');
    const start = out.length;
    for (const write of writers) write(out, row);
    // The first member, which every flow has, begins with a comma as all others do.
    out.bytes[start] = OPENING_BRACE;
    out.ascii(form === 'json' ? '\n }' : '}\n');
  };
}

type JsonForm = 'json' | 'ndjson';

const OPENING_BRACE = 0x7b;

const BEFORE: Readonly<Record<JsonForm, JsonContext['before']>> = {
  json: remembered((key) => `,\n  "${key}" : `),
  ndjson: remembered((key) => `,"${key}":`),
};

/** There are few keys, and much is written of each. */
function remembered(text: (key: string) => string): JsonContext['before'] {
  const known = new Map<string, Label>();
  return (key) => {
    const label = known.get(key) ?? new Label(text(key));
    known.set(key, label);
    return label;
  };
}
