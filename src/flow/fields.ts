/**
 * The one table of flow fields. Decoders, encoders, the flow cache, the segment schema, the filter language and the
 * output formats take names, widths and defaults from here; to add a field is to add a row.
 *
 * `type` is the width in memory:
 * - `u8`, `u16`, `u32`: a typed array of that width.
 * - `u64`: two 32-bit words a row, low word first, so that hot loops never touch BigInt.
 * - `timeMs`: milliseconds since 1970 as a double; whole numbers only.
 * - `text`: UTF-8 of any length, as a u32 column of numbers into the batch's `texts`, 0 for the empty text.
 * - `addr`: an IP address as two u64 columns `<name>Hi` and `<name>Lo`; IPv4 is stored v4-mapped (::ffff:a.b.c.d).
 *   Both zero means that the record has no such address.
 *
 * A cell that nobody wrote holds `absent`. Where `absent` is not 0, zero is a legal value of that field.
 */
export type FieldType = 'u8' | 'u16' | 'u32' | 'u64' | 'timeMs' | 'text' | 'addr';

export interface FieldRow {
  readonly name: string;
  readonly type: FieldType;
  /** IANA IPFIX information element that the field is exported as, 0 when it never leaves the collector. */
  readonly ie: number;
  /** Elements that are read into the same field besides `ie` (same meaning, other family or width). */
  readonly alsoRead?: readonly number[];
  /** Element for the IPv6 family where it differs from `ie`. */
  readonly ie6?: number;
  /** Written to every segment, whether or not a record carried it. */
  readonly core?: true;
  /** Value of a cell that nobody wrote, default 0. */
  readonly absent?: number;
  /** Parquet and SQL column (for `addr`: prefix of the `_hi` and `_lo` columns). */
  readonly column: string;
  /** For docs/format.md. */
  readonly doc: string;
}

/** Direction value for "not known" (IANA 61 knows 0 ingress and 1 egress). */
export const DIRECTION_UNKNOWN = 255;

const rows = [
  // When and from whom.
  {
    name: 'receivedMs',
    type: 'timeMs',
    ie: 0,
    core: true,
    column: 'received',
    doc: 'when the collector got the datagram (packet clock in replay)',
  },
  { name: 'firstMs', type: 'timeMs', ie: 152, core: true, column: 'first', doc: 'first packet of the flow' },
  { name: 'lastMs', type: 'timeMs', ie: 153, core: true, column: 'last', doc: 'last packet of the flow' },
  {
    name: 'firstNs',
    type: 'u32',
    ie: 0,
    column: 'first_ns',
    doc: 'nanoseconds of the first packet below its millisecond',
  },
  {
    name: 'lastNs',
    type: 'u32',
    ie: 0,
    column: 'last_ns',
    doc: 'nanoseconds of the last packet below its millisecond',
  },
  {
    name: 'exportMs',
    type: 'timeMs',
    ie: 0,
    core: true,
    column: 'exported',
    doc: 'export time in the datagram header',
  },
  {
    name: 'exporter',
    type: 'addr',
    ie: 130,
    ie6: 131,
    core: true,
    column: 'exporter',
    doc: 'address that sent the datagram; the agent address that an sFlow datagram names',
  },
  {
    name: 'domain',
    type: 'u32',
    ie: 149,
    core: true,
    column: 'domain',
    doc: 'v9 source id, IPFIX observation domain, v5 engine type * 256 + engine id, sFlow sub-agent',
  },
  {
    name: 'exportVersion',
    type: 'u8',
    ie: 0,
    core: true,
    column: 'export_version',
    doc: '1, 5, 7, 9, 10, 105 (sFlow version 5) or 0 (metered by weir itself)',
  },
  // The key.
  { name: 'srcAddr', type: 'addr', ie: 8, ie6: 27, core: true, column: 'src_addr', doc: 'source address' },
  { name: 'dstAddr', type: 'addr', ie: 12, ie6: 28, core: true, column: 'dst_addr', doc: 'destination address' },
  {
    name: 'srcPort',
    type: 'u16',
    ie: 7,
    alsoRead: [180, 182],
    core: true,
    column: 'src_port',
    doc: 'source port, 0 without one',
  },
  {
    name: 'dstPort',
    type: 'u16',
    ie: 11,
    alsoRead: [181, 183],
    core: true,
    column: 'dst_port',
    doc: 'destination port; ICMP: type * 256 + code',
  },
  { name: 'proto', type: 'u8', ie: 4, core: true, column: 'proto', doc: 'IP protocol number' },
  { name: 'tos', type: 'u8', ie: 5, core: true, column: 'tos', doc: 'type of service or traffic class byte' },
  { name: 'inIf', type: 'u32', ie: 10, alsoRead: [252], core: true, column: 'in_if', doc: 'input ifIndex, 0 unknown' },
  {
    name: 'outIf',
    type: 'u32',
    ie: 14,
    alsoRead: [253],
    core: true,
    column: 'out_if',
    doc: 'output ifIndex, 0 unknown',
  },
  // The counters: as exported, never multiplied by the sampling rate.
  { name: 'packets', type: 'u64', ie: 2, alsoRead: [86, 298], core: true, column: 'packets', doc: 'packets (delta)' },
  {
    name: 'octets',
    type: 'u64',
    ie: 1,
    alsoRead: [85, 231, 352],
    core: true,
    column: 'octets',
    doc: 'IP octets (delta)',
  },
  {
    name: 'outPackets',
    type: 'u64',
    ie: 24,
    alsoRead: [299],
    column: 'out_packets',
    doc: 'packets after the observation point, or of the reverse flow',
  },
  {
    name: 'outOctets',
    type: 'u64',
    ie: 23,
    alsoRead: [232],
    column: 'out_octets',
    doc: 'octets after the observation point, or of the reverse flow',
  },
  {
    name: 'reverseFirstMs',
    type: 'timeMs',
    ie: 0,
    column: 'reverse_first',
    doc: 'first packet of the reverse flow of a biflow (RFC 5103); 0 none',
  },
  { name: 'reverseLastMs', type: 'timeMs', ie: 0, column: 'reverse_last', doc: 'last packet of the same' },
  { name: 'reverseTcpFlags', type: 'u16', ie: 0, column: 'reverse_tcp_flags', doc: 'union of TCP flags of the same' },
  { name: 'reverseTos', type: 'u8', ie: 0, column: 'reverse_tos', doc: 'type of service or traffic class of the same' },
  {
    name: 'biflowDirection',
    type: 'u8',
    ie: 239,
    column: 'biflow_direction',
    doc: 'who began a biflow: 0 not known, or one way alone, 1 its source, 2 its destination',
  },
  { name: 'flows', type: 'u64', ie: 3, column: 'flows', doc: 'aggregated flows; 0 means one' },
  {
    name: 'sampling',
    type: 'u32',
    ie: 34,
    core: true,
    column: 'sampling',
    doc: 'one of so many packets was counted; 0 unknown, 1 all',
  },
  { name: 'tcpFlags', type: 'u16', ie: 6, core: true, column: 'tcp_flags', doc: 'union of TCP flags' },
  {
    name: 'endReason',
    type: 'u8',
    ie: 136,
    core: true,
    column: 'end_reason',
    doc: '1 idle, 2 active, 3 end of flow, 4 forced, 5 lack of resources; 0 unknown',
  },
  {
    name: 'direction',
    type: 'u8',
    ie: 61,
    absent: DIRECTION_UNKNOWN,
    core: true,
    column: 'direction',
    doc: '0 ingress, 1 egress, 255 unknown',
  },
  // Routing.
  { name: 'dstTos', type: 'u8', ie: 55, column: 'dst_tos', doc: 'type of service after the observation point' },
  { name: 'srcMask', type: 'u8', ie: 9, ie6: 29, column: 'src_mask', doc: 'source prefix length' },
  { name: 'dstMask', type: 'u8', ie: 13, ie6: 30, column: 'dst_mask', doc: 'destination prefix length' },
  { name: 'srcAs', type: 'u32', ie: 16, column: 'src_as', doc: 'source AS number' },
  { name: 'dstAs', type: 'u32', ie: 17, column: 'dst_as', doc: 'destination AS number' },
  { name: 'nextAs', type: 'u32', ie: 128, column: 'next_as', doc: 'next adjacent AS number' },
  { name: 'prevAs', type: 'u32', ie: 129, column: 'prev_as', doc: 'previous adjacent AS number' },
  { name: 'nextHop', type: 'addr', ie: 15, ie6: 62, column: 'next_hop', doc: 'next hop address' },
  { name: 'bgpNextHop', type: 'addr', ie: 18, ie6: 63, column: 'bgp_next_hop', doc: 'BGP next hop address' },
  { name: 'forwardingStatus', type: 'u8', ie: 89, column: 'forwarding_status', doc: 'IANA 89, 0 unknown' },
  { name: 'ingressVrf', type: 'u32', ie: 234, column: 'ingress_vrf', doc: 'ingress VRF id' },
  { name: 'egressVrf', type: 'u32', ie: 235, column: 'egress_vrf', doc: 'egress VRF id' },
  // IP and link layer.
  { name: 'minTtl', type: 'u8', ie: 52, alsoRead: [192], column: 'min_ttl', doc: 'smallest TTL or hop limit' },
  { name: 'maxTtl', type: 'u8', ie: 53, column: 'max_ttl', doc: 'largest TTL or hop limit' },
  { name: 'minLength', type: 'u16', ie: 25, column: 'min_length', doc: 'shortest IP packet in octets' },
  { name: 'maxLength', type: 'u16', ie: 26, column: 'max_length', doc: 'longest IP packet in octets' },
  { name: 'flowLabel', type: 'u32', ie: 31, column: 'flow_label', doc: 'IPv6 flow label' },
  { name: 'srcVlan', type: 'u16', ie: 58, alsoRead: [243], column: 'src_vlan', doc: 'VLAN id on the way in' },
  { name: 'dstVlan', type: 'u16', ie: 59, alsoRead: [254], column: 'dst_vlan', doc: 'VLAN id on the way out' },
  {
    name: 'innerVlan',
    type: 'u16',
    ie: 245,
    column: 'inner_vlan',
    doc: 'VLAN id of the customer tag, behind another (QinQ)',
  },
  { name: 'inSrcMac', type: 'u64', ie: 56, column: 'in_src_mac', doc: 'source MAC as received' },
  { name: 'inDstMac', type: 'u64', ie: 80, column: 'in_dst_mac', doc: 'destination MAC as received' },
  { name: 'outSrcMac', type: 'u64', ie: 81, column: 'out_src_mac', doc: 'source MAC after the device' },
  { name: 'outDstMac', type: 'u64', ie: 57, column: 'out_dst_mac', doc: 'destination MAC after the device' },
  { name: 'etherType', type: 'u16', ie: 256, column: 'ether_type', doc: 'ethertype' },
  {
    name: 'fragmentFlags',
    type: 'u8',
    ie: 197,
    column: 'fragment_flags',
    doc: 'union over packets: 64 do not fragment, 32 more fragments',
  },
  { name: 'mpls1', type: 'u32', ie: 70, column: 'mpls_1', doc: 'top MPLS entry: label << 4 | exp << 1 | bottom' },
  { name: 'mpls2', type: 'u32', ie: 71, column: 'mpls_2', doc: 'second MPLS entry' },
  { name: 'mpls3', type: 'u32', ie: 72, column: 'mpls_3', doc: 'third MPLS entry' },
  { name: 'mpls4', type: 'u32', ie: 73, column: 'mpls_4', doc: 'fourth MPLS entry' },
  { name: 'mpls5', type: 'u32', ie: 74, column: 'mpls_5', doc: 'fifth MPLS entry' },
  { name: 'mpls6', type: 'u32', ie: 75, column: 'mpls_6', doc: 'sixth MPLS entry' },
  { name: 'mpls7', type: 'u32', ie: 76, column: 'mpls_7', doc: 'seventh MPLS entry' },
  { name: 'mpls8', type: 'u32', ie: 77, column: 'mpls_8', doc: 'eighth MPLS entry' },
  { name: 'mpls9', type: 'u32', ie: 78, column: 'mpls_9', doc: 'ninth MPLS entry' },
  { name: 'mpls10', type: 'u32', ie: 79, column: 'mpls_10', doc: 'tenth MPLS entry' },
  // Tunnels (weir export --decap). IANA has no element that says "outer": these do not leave in NetFlow or IPFIX.
  { name: 'tunSrcAddr', type: 'addr', ie: 0, column: 'tun_src_addr', doc: 'source address of the outermost IP header' },
  { name: 'tunDstAddr', type: 'addr', ie: 0, column: 'tun_dst_addr', doc: 'destination address of the same' },
  {
    name: 'tunProto',
    type: 'u8',
    ie: 0,
    column: 'tun_proto',
    doc: 'IP protocol of the same: 4, 17, 41, 47, ...; 0 none',
  },
  // Address translation and events.
  { name: 'eventMs', type: 'timeMs', ie: 323, column: 'event', doc: 'time of a firewall or NAT event' },
  { name: 'natEvent', type: 'u8', ie: 230, column: 'nat_event', doc: 'NAT event (RFC 8158)' },
  { name: 'firewallEvent', type: 'u8', ie: 233, column: 'firewall_event', doc: 'firewall event' },
  { name: 'firewallExtEvent', type: 'u16', ie: 33002, column: 'firewall_ext_event', doc: 'extended firewall event' },
  { name: 'natSrcAddr', type: 'addr', ie: 225, ie6: 281, column: 'nat_src_addr', doc: 'translated source address' },
  {
    name: 'natDstAddr',
    type: 'addr',
    ie: 226,
    ie6: 282,
    column: 'nat_dst_addr',
    doc: 'translated destination address',
  },
  { name: 'natSrcPort', type: 'u16', ie: 227, column: 'nat_src_port', doc: 'translated source port' },
  { name: 'natDstPort', type: 'u16', ie: 228, column: 'nat_dst_port', doc: 'translated destination port' },
  { name: 'flowId', type: 'u64', ie: 148, column: 'flow_id', doc: 'flow or connection id' },
  // All the rest.
  {
    name: 'extra',
    type: 'text',
    ie: 0,
    column: 'extra',
    doc: 'JSON object of the elements that have no column, by name or enterprise/id; empty without any',
  },
] as const satisfies readonly FieldRow[];

export type Field = (typeof rows)[number];
export type FieldName = Field['name'];

/** One typed array a field: addresses are two. */
export type ColumnName<F extends Field = Field> = F extends { type: 'addr' }
  ? `${F['name']}Hi` | `${F['name']}Lo`
  : F['name'];
export type ColumnType = Exclude<FieldType, 'addr'>;

export interface Column {
  readonly name: ColumnName;
  readonly type: ColumnType;
  readonly field: FieldName;
  /** Name in Parquet and SQL. */
  readonly sql: string;
  readonly absent: number;
  readonly core: boolean;
  /** Position in `columns`. */
  readonly index: number;
}

export const fields: readonly (Field & FieldRow)[] = rows;

/** Every physical column in segment order. */
export const columns: readonly Column[] = rows.flatMap(expand).map((column, index) => ({ ...column, index }));

export const columnByName: ReadonlyMap<string, Column> = new Map(columns.map((column) => [column.name, column]));

const fieldByNameMap = new Map<string, Field & FieldRow>(rows.map((row) => [row.name, row]));

/** The row of a field. */
export function fieldByName(name: FieldName): Field & FieldRow {
  return fieldByNameMap.get(name)!;
}

function expand(row: Field & FieldRow): Omit<Column, 'index'>[] {
  const common = { field: row.name, absent: row.absent ?? 0, core: row.core ?? false };
  if (row.type === 'addr') {
    return [
      { name: `${row.name}Hi` as ColumnName, type: 'u64', sql: `${row.column}_hi`, ...common },
      { name: `${row.name}Lo` as ColumnName, type: 'u64', sql: `${row.column}_lo`, ...common },
    ];
  }
  return [{ name: row.name as ColumnName, type: row.type, sql: row.column, ...common }];
}
