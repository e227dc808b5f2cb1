import { biflowKey, type KeyFields } from '../../cache/key-fields.ts';
import type { RecordField } from '../../wire/encode-record.ts';

/** What of a record tells its flow apart from others. */
type KeyValue = RecordField['value'];

const ALWAYS: readonly KeyValue[] = ['srcAddr', 'dstAddr', 'ipVersion', 'direction'];

const VALUES: Readonly<Record<keyof KeyFields, readonly KeyValue[]>> = {
  proto: ['proto'],
  // Those of ICMP are its type and code, under whatever name.
  ports: ['srcPort', 'dstPort', 'icmpTypeCode', 'icmpType', 'icmpCode'],
  tos: ['tos'],
  // By its direction a flow has one or the other from its packets.
  interface: ['inIf', 'outIf'],
  vlan: ['srcVlan', 'dstVlan', 'innerVlan'],
  mac: ['inSrcMac', 'inDstMac', 'outSrcMac', 'outDstMac'],
};

/** What the flow key of a meter is in records (flowKeyIndicator, IANA 173). */
export function keyValues(key: KeyFields, biflow: boolean): KeyValue[] {
  const metered = biflow ? biflowKey(key) : key;
  return [
    ...ALWAYS,
    ...Object.entries(VALUES).flatMap(([name, values]) => (metered[name as keyof KeyFields] ? values : [])),
  ];
}
