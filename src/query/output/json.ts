import type { ExporterNames, NameKind } from '../../flow/exporter-names.ts';
import type { ColumnName, FieldName } from '../../flow/fields.ts';
import type { Chunk } from '../chunk.ts';
import { formatMac } from '../filter/values.ts';
import { extendedEventName, firewallEventName, flagsText, natEventName } from '../names.ts';
import { type AddressWriter, addressWriter } from './cells.ts';
import type { Clock } from './clock.ts';
import { extraNames, nameReader } from './exporter-name.ts';
import { wide, writeWide } from './numbers.ts';
import type { TextBlock } from './text.ts';

/** Writes the members of one flow: each a key, a separator and a value; `member` writes what comes before the value. */
type MemberWriter = (out: TextBlock, row: number, member: (out: TextBlock, key: string) => void) => void;

interface JsonContext {
  readonly clock: Clock;
  readonly firstRow: number;
  readonly stored: (name: ColumnName) => boolean;
  readonly names?: ExporterNames | undefined;
}

interface Member {
  readonly needs: readonly ColumnName[];
  /** Written only if the files have these columns; undefined: always. */
  readonly ifStored?: ColumnName;
  readonly bind: (chunk: Chunk, context: JsonContext) => MemberWriter;
}

function number(key: string, name: ColumnName, ifStored?: ColumnName): Member {
  return {
    needs: [name],
    ...(ifStored === undefined ? {} : { ifStored }),
    bind: (chunk) => {
      const cells = chunk.narrow(name);
      return (out, row, member) => {
        member(out, key);
        out.uint(cells[row]!);
      };
    },
  };
}

function wideNumber(key: string, name: ColumnName, ifStored?: ColumnName): Member {
  return {
    needs: [name],
    ...(ifStored === undefined ? {} : { ifStored }),
    bind: (chunk) => {
      const words = chunk.words(name);
      return (out, row, member) => {
        member(out, key);
        writeWide(out, words, row);
      };
    },
  };
}

function time(key: string, name: ColumnName): Member {
  return {
    needs: [name],
    ifStored: name,
    bind: (chunk, { clock }) => {
      const words = chunk.words(name);
      return (out, row, member) => {
        member(out, key);
        out.byte(0x22);
        clock.writeRfc3339(out, wide(words, row));
        out.byte(0x22);
      };
    },
  };
}

/** An address under `key4` or `key6`; nothing if the flow has none. */
function address(field: FieldName, key4: string, key6: string, ifStored?: ColumnName): Member {
  const needs = [`${field}Hi`, `${field}Lo`] as ColumnName[];
  return {
    needs,
    ...(ifStored === undefined ? {} : { ifStored }),
    bind: (chunk) => {
      const hi = chunk.words(needs[0]!);
      const lo = chunk.words(needs[1]!);
      const write: AddressWriter = addressWriter(chunk, field);
      return (out, row, member) => {
        const at = row * 2;
        const mapped = (hi[at]! | hi[at + 1]!) === 0 && lo[at + 1] === 0xffff;
        if (!mapped && (hi[at]! | hi[at + 1]! | lo[at]! | lo[at + 1]!) === 0) return;
        member(out, mapped ? key4 : key6);
        out.byte(0x22);
        write(out, row, 0, false);
        out.byte(0x22);
      };
    },
  };
}

function mac(key: string, name: ColumnName): Member {
  return {
    needs: [name],
    ifStored: name,
    bind: (chunk) => {
      const words = chunk.words(name);
      return (out, row, member) => {
        member(out, key);
        out.ascii(`"${formatMac(wide(words, row))}"`);
      };
    },
  };
}

/** What stands in the transport header: types and codes, or ports and flags. */
const transport: Member = {
  needs: ['proto', 'srcPort', 'dstPort', 'tcpFlags', 'forwardingStatus', 'tos'],
  bind: (chunk, { stored }) => {
    const proto = chunk.narrow('proto');
    const dstPort = chunk.narrow('dstPort');
    const flags = chunk.narrow('tcpFlags');
    const others = (
      [
        ['src_port', 'srcPort'],
        ['dst_port', 'dstPort'],
        ['fwd_status', 'forwardingStatus'],
      ] as const
    )
      .filter(([, name]) => stored(name))
      .map(([key, name]) => [key, chunk.narrow(name)] as const);
    const tos = stored('tos') ? chunk.narrow('tos') : undefined;
    const withProto = stored('proto');
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
        member(out, 'tcp_flags');
        out.ascii(`"${flagsText(flags[row]!)}"`);
        for (const [key, cells] of others) {
          member(out, key);
          out.uint(cells[row]!);
        }
      }
      if (tos !== undefined) {
        member(out, 'src_tos');
        out.uint(tos[row]!);
      }
    };
  },
};

function mplsMember(index: number): Member {
  const name = `mpls${index}` as ColumnName;
  return {
    needs: [name],
    ifStored: 'mpls1',
    bind: (chunk) => {
      const cells = chunk.narrow(name);
      return (out, row, member) => {
        const entry = cells[row]!;
        member(out, `mpls_${index}`);
        out.ascii(`"${entry >>> 4}-${(entry & 15) >> 1}-${entry & 1}"`);
      };
    },
  };
}

/** A numbered event and its name; nothing for a flow that is no event. */
function event(numberKey: string, nameKey: string, name: ColumnName, text: (event: number) => string): Member {
  return {
    needs: [name],
    ifStored: name,
    bind: (chunk) => {
      const cells = chunk.narrow(name);
      return (out, row, member) => {
        const value = cells[row]!;
        if (value === 0) return;
        member(out, numberKey);
        out.uint(value);
        member(out, nameKey);
        out.ascii(`"${text(value)}"`);
      };
    },
  };
}

/** What is JSON already. */
const extra: Member = {
  needs: ['extra'],
  ifStored: 'extra',
  bind: (chunk) => (out, row, member) => {
    const object = chunk.text('extra', row);
    if (object.length === 0) return;
    member(out, 'extra');
    out.copy(object);
  },
};

/** What the exporter calls a number; nothing when it did not say. */
function named(key: string, kind: NameKind, name: ColumnName): Member {
  return {
    needs: ['exporterHi', 'exporterLo', name],
    ifStored: name,
    bind: (chunk, { names }) => {
      if (names === undefined || names.isEmpty) return () => {};
      const read = nameReader(chunk, names, kind, name);
      return (out, row, member) => {
        const text = read(row);
        if (text === '') return;
        member(out, key);
        out.text(JSON.stringify(text));
      };
    },
  };
}

/** Numbers in `extra` that have names. */
const namedExtras: Member = {
  needs: ['exporterHi', 'exporterLo', 'extra'],
  ifStored: 'extra',
  bind: (chunk, { names }) => {
    if (names === undefined || names.isEmpty) return () => {};
    const read = extraNames(chunk, names);
    return (out, row, member) => {
      for (const [key, text] of read(row)) {
        member(out, key);
        out.text(JSON.stringify(text));
      }
    };
  },
};

/** Keys in nfdump's order, then what nfdump does not have. */
const members: readonly Member[] = [
  {
    needs: [],
    bind:
      (_chunk, { firstRow }) =>
      (out, row, member) => {
        member(out, 'cnt');
        out.uint(firstRow + row + 1);
        member(out, 'type');
        out.ascii('"FLOW"');
      },
  },
  time('first', 'firstMs'),
  time('last', 'lastMs'),
  time('received', 'receivedMs'),
  wideNumber('in_packets', 'packets'),
  wideNumber('in_bytes', 'octets'),
  transport,
  address('srcAddr', 'src4_addr', 'src6_addr', 'srcAddrHi'),
  address('dstAddr', 'dst4_addr', 'dst6_addr', 'dstAddrHi'),
  number('input_snmp', 'inIf', 'inIf'),
  number('output_snmp', 'outIf', 'outIf'),
  number('src_mask', 'srcMask', 'srcMask'),
  number('dst_mask', 'dstMask', 'dstMask'),
  {
    needs: ['direction'],
    ifStored: 'direction',
    bind: (chunk) => {
      const cells = chunk.narrow('direction');
      return (out, row, member) => {
        if (cells[row]! > 1) return;
        member(out, 'direction');
        out.uint(cells[row]!);
      };
    },
  },
  number('dst_tos', 'dstTos', 'dstTos'),
  wideNumber('out_packets', 'outPackets', 'outPackets'),
  wideNumber('out_bytes', 'outOctets', 'outOctets'),
  wideNumber('aggr_flows', 'flows', 'flows'),
  number('src_vlan', 'srcVlan', 'srcVlan'),
  number('dst_vlan', 'dstVlan', 'dstVlan'),
  number('src_as', 'srcAs', 'srcAs'),
  number('dst_as', 'dstAs', 'dstAs'),
  address('bgpNextHop', 'bgp4_next_hop', 'bgp6_next_hop', 'bgpNextHopHi'),
  address('nextHop', 'ip4_next_hop', 'ip6_next_hop', 'nextHopHi'),
  address('exporter', 'ip4_router', 'ip6_router', 'exporterHi'),
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(mplsMember),
  mac('in_src_mac', 'inSrcMac'),
  mac('out_dst_mac', 'outDstMac'),
  mac('in_dst_mac', 'inDstMac'),
  mac('out_src_mac', 'outSrcMac'),
  number('next_as', 'nextAs', 'nextAs'),
  number('prev_as', 'prevAs', 'prevAs'),
  number('ip_minttl', 'minTtl', 'minTtl'),
  number('ip_maxttl', 'maxTtl', 'maxTtl'),
  address('natSrcAddr', 'src4_xlt_ip', 'src6_xlt_ip', 'natSrcAddrHi'),
  address('natDstAddr', 'dst4_xlt_ip', 'dst6_xlt_ip', 'natDstAddrHi'),
  number('src_xlt_port', 'natSrcPort', 'natSrcPort'),
  number('dst_xlt_port', 'natDstPort', 'natDstPort'),
  event('event_id', 'event', 'firewallEvent', firewallEventName),
  event('xevent_id', 'xevent', 'firewallExtEvent', extendedEventName),
  event('nat_event_id', 'nat_event', 'natEvent', natEventName),
  number('ingress_vrf', 'ingressVrf', 'ingressVrf'),
  number('egress_vrf', 'egressVrf', 'egressVrf'),
  number('ethertype', 'etherType', 'etherType'),
  {
    needs: ['sampling'],
    ifStored: 'sampling',
    bind: (chunk) => {
      const cells = chunk.narrow('sampling');
      return (out, row, member) => {
        member(out, 'sampled');
        out.uint(cells[row]! > 1 ? 1 : 0);
      };
    },
  },
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
  return members.filter(({ ifStored }) => ifStored === undefined || stored(ifStored));
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
