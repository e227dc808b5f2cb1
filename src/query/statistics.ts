import type { ColumnName, FieldName } from '../flow/fields.ts';
import { hasColumn, type Schema } from './sql/schema.ts';

/** How the key of a statistic prints. */
export type KeyForm =
  | 'number'
  | 'address'
  | 'mac'
  | 'mpls'
  | 'flags'
  | 'hex'
  | 'firewallEvent'
  | 'natEvent'
  | 'milliseconds'
  | 'application'
  | 'country'
  | 'organisation';

/**
 * A key out of elements that have no column (docs/decisions/0165): a number; one of an access list's three words: list,
 * entry, extended entry; an application's engine and selector as one number; microseconds of seconds, microseconds and
 * milliseconds.
 */
export interface ExtraKey {
  readonly members: readonly string[];
  readonly as: 'number' | 'accessList' | 'accessEntry' | 'extendedEntry' | 'application' | 'microseconds';
}

export interface Statistic {
  readonly name: string;
  /** As in the title and header lines. */
  readonly heading: string;
  readonly form: KeyForm;
  /** A flow counts once for each of these: columns, for `address` fields of two columns. */
  readonly sides: readonly (ColumnName | FieldName | ExtraKey)[];
  /** Split by protocol without being asked. */
  readonly byProtocol?: true;
  /** The key is the protocol that is shown. */
  readonly ofProtocols?: true;
}

function row(name: string, heading: string, form: KeyForm, ...sides: Statistic['sides']): Statistic {
  return { name, heading, form, sides };
}

function extra(as: ExtraKey['as'], ...members: string[]): ExtraKey {
  return { members, as };
}

/** Whether flows are told apart by elements without a column. */
export function keyIsExtra({ sides }: Statistic): boolean {
  return sides.some((side) => typeof side === 'object');
}

/** Over the name, of 45 characters, and the number. */
const AS_ORGANISATION = `${'Organisation'.padStart(45)} AS num  `;

const rows: readonly Statistic[] = [
  row('srcip', 'Src IP Addr', 'address', 'srcAddr'),
  row('dstip', 'Dst IP Addr', 'address', 'dstAddr'),
  row('ip', '    IP Addr', 'address', 'srcAddr', 'dstAddr'),
  row('srcgeo', 'Src Geo', 'country', 'srcAddr'),
  row('dstgeo', 'Dst Geo', 'country', 'dstAddr'),
  row('geo', ' Geo', 'country', 'srcAddr', 'dstAddr'),
  row('nhip', 'Nexthop IP', 'address', 'nextHop'),
  row('nhbip', 'Nexthop BGP IP', 'address', 'bgpNextHop'),
  row('router', 'Router IP', 'address', 'exporter'),
  row('srcport', 'Src Port', 'number', 'srcPort'),
  row('dstport', 'Dst Port', 'number', 'dstPort'),
  row('port', 'Port', 'number', 'srcPort', 'dstPort'),
  { ...row('proto', 'Protocol', 'number', 'proto'), byProtocol: true },
  row('flags', 'TCPflags', 'flags', 'tcpFlags'),
  row('srctos', 'Src Tos', 'number', 'tos'),
  row('dsttos', 'Dst Tos', 'number', 'dstTos'),
  row('tos', 'Tos', 'number', 'tos', 'dstTos'),
  row('dir', 'Dir', 'number', 'direction'),
  row('srcas', 'Src AS', 'number', 'srcAs'),
  row('dstas', 'Dst AS', 'number', 'dstAs'),
  row('as', 'AS', 'number', 'srcAs', 'dstAs'),
  row('srcasn', AS_ORGANISATION, 'organisation', 'srcAs'),
  row('dstasn', AS_ORGANISATION, 'organisation', 'dstAs'),
  row('asn', AS_ORGANISATION, 'organisation', 'srcAs', 'dstAs'),
  row('prevas', 'Prev AS', 'number', 'prevAs'),
  row('nextas', 'Next AS', 'number', 'nextAs'),
  row('inif', 'Input If', 'number', 'inIf'),
  row('outif', 'Output If', 'number', 'outIf'),
  row('if', 'Interface', 'number', 'inIf', 'outIf'),
  row('srcmask', 'Src Mask', 'number', 'srcMask'),
  row('dstmask', 'Dst Mask', 'number', 'dstMask'),
  row('mask', 'Mask', 'number', 'srcMask', 'dstMask'),
  { ...row('tunproto', 'Tun proto', 'number', 'tunProto'), ofProtocols: true },
  row('srcvlan', 'Src Vlan', 'number', 'srcVlan'),
  row('dstvlan', 'Dst Vlan', 'number', 'dstVlan'),
  row('vlan', 'Vlan', 'number', 'srcVlan', 'dstVlan'),
  row('insrcmac', 'In Src Mac', 'mac', 'inSrcMac'),
  row('outdstmac', 'Out Dst Mac', 'mac', 'outDstMac'),
  row('indstmac', 'In Dst Mac', 'mac', 'inDstMac'),
  row('outsrcmac', 'Out Src Mac', 'mac', 'outSrcMac'),
  row('ethertype', 'Ethertype', 'number', 'etherType'),
  row('srcmac', 'Src Mac', 'mac', 'inSrcMac', 'outSrcMac'),
  row('dstmac', 'Dst Mac', 'mac', 'inDstMac', 'outDstMac'),
  row('inmac', 'In Mac', 'mac', 'inSrcMac', 'inDstMac'),
  row('outmac', 'Out Mac', 'mac', 'outDstMac', 'outSrcMac'),
  row('mac', 'Mac Addr', 'mac', 'inSrcMac', 'outDstMac', 'inDstMac', 'outSrcMac'),
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => row(`mpls${n}`, `MPLS label ${n}`, 'mpls', `mpls${n}` as ColumnName)),
  row('cl', 'Client Latency', 'milliseconds', extra('microseconds', '57554', '57555', '57595')),
  row('sl', 'Server Latency', 'milliseconds', extra('microseconds', '57556', '57557', '57596')),
  row('al', 'Application Latency', 'milliseconds', extra('microseconds', '57558', '57559', '57597')),
  row('nbar', 'Nbar', 'application', extra('application', 'applicationId')),
  row('odid', 'Obs DomainID', 'hex', 'domain'),
  row('opid', 'Obs PointID', 'hex', extra('number', 'observationPointId')),
  row('event', ' Event', 'firewallEvent', 'firewallEvent'),
  row('xevent', ' Event', 'number', 'firewallExtEvent'),
  row('nat', 'NAT Event', 'natEvent', 'natEvent'),
  row('natsrcip', 'X-Src IP Addr', 'address', 'natSrcAddr'),
  row('natdstip', 'X-Dst IP Addr', 'address', 'natDstAddr'),
  row('natip', 'X-IP Addr', 'address', 'natSrcAddr', 'natDstAddr'),
  row('natsrcport', 'X-Src Port', 'number', 'natSrcPort'),
  row('natdstport', 'X-Dst Port', 'number', 'natDstPort'),
  row('natport', 'X-Port', 'number', 'natSrcPort', 'natDstPort'),
  row('iacl', 'Ingress ACL', 'hex', extra('accessList', '33000')),
  row('eacl', 'Egress ACL', 'hex', extra('accessList', '33001')),
  row('iace', 'Ingress ACE', 'hex', extra('accessEntry', '33000')),
  row('eace', 'Egress ACE', 'hex', extra('accessEntry', '33001')),
  row('ixace', 'Ingress xACE', 'hex', extra('extendedEntry', '33000')),
  row('exace', 'Egress xACE', 'hex', extra('extendedEntry', '33001')),
  row('ivrf', 'I-vrf ID', 'number', 'ingressVrf'),
  row('evrf', 'E-vrf ID', 'number', 'egressVrf'),
  row('minttl', 'minTTL', 'number', 'minTtl'),
  row('maxttl', 'maxTTL', 'number', 'maxTtl'),
];

/** Statistics of nfdump's about data that weir does not store, and why. */
export const absentStatistics: ReadonlyMap<string, string> = new Map(
  ['ja3', 'ja4', 'ja3s', 'ja4s', 'sni', 'tls'].map((name) => [name, 'flows are stored without payload']),
);

/** Names up to nfdump 1.7.4, and what they became. */
const OLDER_NAMES: Readonly<Record<string, string>> = {
  nevent: 'nat',
  xsrcip: 'natsrcip',
  nsrcip: 'natsrcip',
  xdstip: 'natdstip',
  ndstip: 'natdstip',
  xsrcport: 'natsrcport',
  nsrcport: 'natsrcport',
  xdstport: 'natdstport',
  ndstport: 'natdstport',
};

export const statisticByName: ReadonlyMap<string, Statistic> = new Map(
  rows.flatMap((one) => {
    const older = Object.keys(OLDER_NAMES).filter((name) => OLDER_NAMES[name] === one.name);
    return [one.name, ...older].map((name) => [name, one] as const);
  }),
);

/** Flows without the element are left out, except in statistics of numbers, where they count under 0. */
export function skipsZero(statistic: Statistic, schema: Schema): boolean {
  const { form, sides } = statistic;
  if (form === 'number' || form === 'organisation' || form === 'country' || keyIsExtra(statistic)) return false;
  // A record without addresses of link layers has all of them 0, which is the address of nobody.
  if (form === 'mac' || form === 'address' || form === 'hex' || form === 'natEvent' || form === 'firewallEvent')
    return true;
  return sides.some((side) => !hasColumn(schema, side as ColumnName));
}
