import { formatAddress, isV4 } from '../../flow/address.ts';
import type { ColumnName, FieldName } from '../../flow/fields.ts';
import type { Chunk } from '../chunk.ts';
import { extendedEventName, firewallEventName, flagsText, longNatEventName } from '../names.ts';
import { networkText } from './cells.ts';
import { fragmentText } from './extra-cells.ts';
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
import { wide, writeWide } from './numbers.ts';
import { presence } from './presence.ts';
import type { TextBlock } from './text.ts';

/** What stands in the transport header: types and codes, or ports, flags and what became of the packets. */
const transport: Member = {
  needs: ['proto', 'srcPort', 'dstPort', 'tcpFlags', 'forwardingStatus', 'tos'],
  bind: (chunk, { ofKey, stored }) => {
    const proto = chunk.narrow('proto');
    const dstPort = chunk.narrow('dstPort');
    const flags = chunk.narrow('tcpFlags');
    const tos = chunk.narrow('tos');
    const isShown = (name: ColumnName) => !ofKey || stored(name);
    const [withProto, withFlags, withTos] = [isShown('proto'), isShown('tcpFlags'), isShown('tos')];
    const others = OF_PORTS.filter(([, name]) => isShown(name)).map(
      ([key, name]) => [key, chunk.narrow(name)] as const,
    );
    return (out, row, member) => {
      if (withProto) {
        member(out, 'proto');
        out.uint(proto[row]!);
      }
      if (proto[row] === 1 || proto[row] === 58) {
        member(out, 'icmp_type');
        out.uint(dstPort[row]! >> 8);
        member(out, 'icmp_code');
        out.uint(dstPort[row]! & 255);
      } else {
        if (withFlags) {
          member(out, 'tcp_flags');
          out.byte(0x22);
          out.ascii(flagsText(flags[row]!));
          out.byte(0x22);
        }
        for (const [key, cells] of others) {
          member(out, key);
          out.uint(cells[row]!);
        }
      }
      if (withTos) {
        member(out, 'src_tos');
        out.uint(tos[row]!);
      }
    };
  },
};

const OF_PORTS = [
  ['src_port', 'srcPort'],
  ['dst_port', 'dstPort'],
  ['fwd_status', 'forwardingStatus'],
] as const;

/** A text in quotes that `text` makes of a row. */
function quoted(key: string, needs: readonly ColumnName[], bind: (chunk: Chunk) => (row: number) => string): Member {
  return {
    needs,
    bind: (chunk) => {
      const text = bind(chunk);
      return (out, row, member) => {
        member(out, key);
        out.text(JSON.stringify(text(row)));
      };
    },
  };
}

/** The two words of each half of an address, and which of the families it is. */
function readAddress(chunk: Chunk, field: FieldName): (row: number) => readonly [number, number, number, number] {
  const [hi, lo] = [chunk.words(`${field}Hi`), chunk.words(`${field}Lo`)];
  return (row) => [hi[row * 2 + 1]!, hi[row * 2]!, lo[row * 2 + 1]!, lo[row * 2]!];
}

/** Where an address is, by the database of -G; an empty text without. */
function geography(field: FieldName, key4: string, key6: string): Member {
  return {
    needs: [`${field}Hi`, `${field}Lo`] as ColumnName[],
    ifStored: [`${field}Hi` as ColumnName],
    bind: (chunk, { places }) => {
      const [hi, lo] = [chunk.words(`${field}Hi`), chunk.words(`${field}Lo`)];
      return (out, row, member) => {
        const at = row * 2;
        const [w0, w1, w2, w3] = [hi[at + 1]!, hi[at]!, lo[at + 1]!, lo[at]!];
        if ((w0 | w1 | w2 | w3) === 0) return;
        member(out, isV4(w0, w1, w2) ? key4 : key6);
        if (places === undefined) out.ascii('""');
        else out.text(JSON.stringify(places.find(w0, w1, w2, w3).country));
      };
    },
  };
}

/** What a host is called (--resolve); nothing without. */
function hostName(key: string, field: FieldName): Member {
  return {
    needs: [`${field}Hi`, `${field}Lo`] as ColumnName[],
    ifStored: [`${field}Hi` as ColumnName],
    bind: (chunk, { hosts }) => {
      if (hosts === undefined) return () => {};
      const words = readAddress(chunk, field);
      return (out, row, member) => {
        const name = hosts.find(...words(row));
        if (name === '') return;
        member(out, key);
        out.text(JSON.stringify(name));
      };
    },
  };
}

/** The network of an address; empty where neither prefix has a length. */
function net(key: string, field: FieldName, mask: 'srcMask' | 'dstMask'): Member {
  return {
    needs: [`${field}Hi`, `${field}Lo`, 'srcMask', 'dstMask'] as ColumnName[],
    bind: (chunk) => {
      const [hi, lo] = [chunk.words(`${field}Hi`), chunk.words(`${field}Lo`)];
      const [masks, source, destination] = [chunk.narrow(mask), chunk.narrow('srcMask'), chunk.narrow('dstMask')];
      return (out, row, member) => {
        member(out, key);
        out.byte(0x22);
        if ((source[row]! | destination[row]!) !== 0) {
          const at = row * 2;
          const length = masks[row]!;
          const [w0, w1, w2, w3] = [hi[at + 1]!, hi[at]!, lo[at + 1]!, lo[at]!];
          if (isV4(w0, w1, w2)) out.v4(length === 0 ? 0 : (w3 & (-1 << (32 - Math.min(length, 32)))) >>> 0);
          else out.ascii(networkText([w0, w1, w2, w3], length, false));
        }
        out.byte(0x22);
      };
    },
  };
}

const direction: Member = {
  needs: ['direction'],
  bind: (chunk) => {
    const cells = chunk.narrow('direction');
    return (out, row, member) => {
      if (cells[row]! > 1) return;
      member(out, 'direction');
      out.uint(cells[row]!);
    };
  },
};

/** How many flows a flow stands for; one that does not say is one. */
const aggregatedFlows: Member = {
  needs: ['flows'],
  bind: (chunk) => {
    const words = chunk.words('flows');
    return (out, row, member) => {
      member(out, 'aggr_flows');
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

/** Both ends of a pair of addresses, where one of them is there: 0.0.0.0 for one that is not. */
function addressPair(ends: readonly (readonly [field: FieldName, key4: string, key6: string])[]): Member {
  const needs = ends.flatMap(([field]) => [`${field}Hi`, `${field}Lo`]) as ColumnName[];
  const none = { v4: '0.0.0.0', v6: '::' };
  return {
    needs,
    ifStored: needs,
    bind: (chunk) => {
      const words = ends.map(([field]) => readAddress(chunk, field));
      return (out, row, member) => {
        const both = words.map((read) => read(row));
        const known = both.find(([w0, w1, w2, w3]) => (w0 | w1 | w2 | w3) !== 0);
        if (known === undefined) return;
        const isV4 = (known[0] | known[1]) === 0 && known[2] === 0xffff;
        for (const [i, [, key4, key6]] of ends.entries()) {
          const one = both[i]!;
          member(out, isV4 ? key4 : key6);
          const text = (one[0] | one[1] | one[2] | one[3]) === 0 ? none[isV4 ? 'v4' : 'v6'] : formatAddress(...one);
          out.ascii(`"${text}"`);
        }
      };
    },
  };
}

/** When an event was; nothing where nobody said. */
const eventTime: Member = {
  needs: ['eventMs'],
  bind: (chunk, { clock }) => {
    const words = chunk.words('eventMs');
    return (out, row, member) => {
      if ((words[row * 2]! | words[row * 2 + 1]!) === 0) return;
      member(out, 't_event');
      out.byte(0x22);
      clock.writeRfc3339(out, wide(words, row));
      out.byte(0x22);
    };
  },
};

/** A number, and its name. */
function namedNumber(key: string, nameKey: string, name: ColumnName, text: (value: number) => string): Member {
  return {
    needs: [name],
    bind: (chunk) => {
      const cells = chunk.narrow(name);
      return (out, row, member) => {
        member(out, key);
        out.uint(cells[row]!);
        member(out, nameKey);
        out.ascii(`"${text(cells[row]!)}"`);
      };
    },
  };
}

/** Element 148, which is a connection's in v9 and a flow's elsewhere. */
function flowId(key: string, isV9: boolean): Member {
  return {
    needs: ['flowId', 'exportVersion'],
    ifStored: ['flowId'],
    bind: (chunk) => {
      const [words, versions] = [chunk.words('flowId'), chunk.narrow('exportVersion')];
      return (out, row, member) => {
        const isOurs = (versions[row] === 9) === isV9;
        if (!isV9 && (!isOurs || (words[row * 2]! | words[row * 2 + 1]!) === 0)) return;
        member(out, key);
        if (isOurs) writeWide(out, words, row);
        else out.byte(0x30);
      };
    },
  };
}

const fragment: Member = {
  needs: ['fragmentFlags'],
  ifStored: ['fragmentFlags'],
  bind: (chunk) => {
    const cells = chunk.narrow('fragmentFlags');
    return (out, row, member) => {
      const flags = cells[row]!;
      if (flags === 0) return;
      member(out, 'ip_fragment');
      // Nothing stands for a second flag that is not set.
      out.ascii(`"${fragmentText(flags).replace(/--$/, '') || '--'}"`);
    };
  },
};

const xevent: Member = {
  needs: ['firewallExtEvent'],
  ifStored: ['firewallExtEvent'],
  bind: (chunk) => {
    const cells = chunk.narrow('firewallExtEvent');
    return (out, row, member) => {
      if (cells[row] === 0) return;
      member(out, 'xevent');
      out.ascii(`"${extendedEventName(cells[row]!)}"`);
    };
  },
};

const FIREWALL: readonly ColumnName[] = ['firewallEvent', 'firewallExtEvent'];

/** Of flows that are no event of a firewall's, which have their time already. */
const natEventTime: Member = {
  needs: [...eventTime.needs, ...FIREWALL],
  bind: (chunk, context) => {
    const isFirewall = presence(chunk, FIREWALL, context.stored);
    const write = eventTime.bind(chunk, context);
    return (out, row, member) => {
      if (!isFirewall(row)) write(out, row, member);
    };
  },
};

/** Keys in nfdump's order, then what nfdump does not have. */
const members: readonly Member[] = [
  {
    needs: ['firewallEvent'],
    bind: (chunk, { firstRow, stored }) => {
      const isEvent = presence(chunk, FIREWALL.slice(0, 1), stored);
      return (out, row, member) => {
        member(out, 'cnt');
        out.uint(firstRow + row + 1);
        member(out, 'type');
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
    bind: (chunk) => {
      const cells = chunk.narrow('sampling');
      return (out, row, member) => {
        member(out, 'sampled');
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
    bind: (chunk) => {
      const chain = chunk.words('chain');
      const step = chunk.narrow('step');
      return (out, row, member) => {
        member(out, 'chain');
        writeWide(out, chain, row);
        member(out, 'step');
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
  form: 'json' | 'ndjson',
  chosen: readonly Member[],
  chunk: Chunk,
  context: JsonContext,
): (out: TextBlock, row: number) => void {
  const { firstRow } = context;
  const writers = chosen.map(({ bind }) => bind(chunk, context));
  let first = true;
  const member =
    form === 'json'
      ? (out: TextBlock, key: string) => {
          out.ascii(first ? '  "' : ',\n  "');
          first = false;
          out.ascii(key);
          out.ascii('" : ');
        }
      : (out: TextBlock, key: string) => {
          out.ascii(first ? '"' : ',"');
          first = false;
          out.ascii(key);
          out.ascii('":');
        };
  return (out, row) => {
    first = true;
    if (form === 'json') out.ascii(firstRow + row === 0 ? ' {\n' : ',\n {\n');
    else out.byte(0x7b);
    for (const write of writers) write(out, row, member);
    out.ascii(form === 'json' ? '\n }' : '}\n');
  };
}
