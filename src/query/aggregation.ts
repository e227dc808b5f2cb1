import type { ColumnName, FieldName } from '../flow/fields.ts';
import { nearest } from '../flow/suggest.ts';
import { UserError } from '../flow/user-error.ts';
import type { Statistic } from './statistics.ts';

/** One thing that flows are grouped by. */
export type GroupKey =
  | { readonly column: ColumnName }
  | {
      readonly address: FieldName;
      /** Prefix lengths; a family without one is not told apart (all its addresses become "none"). */
      readonly v4?: number;
      readonly v6?: number;
    }
  /** The network of an address by the prefix length in the record. */
  | { readonly address: FieldName; readonly maskColumn: ColumnName };

export interface Grouping {
  readonly keys: readonly GroupKey[];
  /** What becomes of columns that are no key: -a keeps those of the first record, -A clears them. */
  readonly others: 'first' | 'absent';
  /** -b: both directions of a conversation are one; -B: and the lower port is the server's. */
  readonly bidirectional?: 'merge' | 'guess';
  /** Tags of the key fields, for the format that -A makes by itself. */
  readonly tags: readonly string[];
}

const whole = (address: FieldName): GroupKey => ({ address, v4: 32, v6: 128 });

/** What -a and -s record group by. */
export const FIVE_TUPLE: Grouping = {
  keys: [whole('srcAddr'), whole('dstAddr'), { column: 'srcPort' }, { column: 'dstPort' }, { column: 'proto' }],
  others: 'first',
  tags: ['%pr', '%sa', '%sp', '%da', '%dp'],
};

/** What -b and -B group by, a conversation as its first record has it. */
export function conversations(bidirectional: 'merge' | 'guess'): Grouping {
  return { ...FIVE_TUPLE, bidirectional };
}

/** AS numbers and the addresses that they are of. */
const AS_OF: ReadonlyMap<string, { readonly column: ColumnName; readonly address: FieldName }> = new Map([
  ['srcAs', { column: 'srcAs', address: 'srcAddr' }],
  ['dstAs', { column: 'dstAs', address: 'dstAddr' }],
]);

/** Groupings of a statistic's sides by AS number and address; undefined if it is not about AS numbers. */
export function asGroupings({ sides }: Statistic, byProtocol: boolean): Grouping[] | undefined {
  const found = sides.map((side) => (typeof side === 'string' ? AS_OF.get(side) : undefined));
  const groupings = found.flatMap((as): Grouping[] => {
    if (as === undefined) return [];
    const keys: GroupKey[] = [{ column: as.column }, whole(as.address)];
    return [{ keys: byProtocol ? [...keys, { column: 'proto' }] : keys, others: 'absent', tags: [] }];
  });
  return groupings.length === sides.length ? groupings : undefined;
}

/** What groups have for the sake of other columns, and do not show: cleared by -A unless it is in the list. */
export function hiddenColumns({ keys, others }: Grouping): ReadonlySet<ColumnName> {
  if (others === 'first') return new Set();
  const inKey = (name: ColumnName) => keys.some((key) => 'column' in key && key.column === name);
  return new Set((['proto', 'tcpFlags'] as const).filter((name) => !inKey(name)));
}

/** What changes sides when a conversation is turned around. */
export const SIDES: readonly (readonly [ColumnName, ColumnName])[] = [
  ['srcAddrHi', 'dstAddrHi'],
  ['srcAddrLo', 'dstAddrLo'],
  ['srcPort', 'dstPort'],
  ['srcAs', 'dstAs'],
  ['srcMask', 'dstMask'],
  ['inIf', 'outIf'],
];
export const OTHER_SIDE: ReadonlyMap<ColumnName, ColumnName> = new Map(
  SIDES.flatMap(([a, b]) => [[a, b] as const, [b, a] as const]),
);

const columnKeys: readonly (readonly [name: string, column: ColumnName, tag: string])[] = [
  ['proto', 'proto', '%pr'],
  ['srcport', 'srcPort', '%sp'],
  ['dstport', 'dstPort', '%dp'],
  ['tos', 'tos', '%tos'],
  ['srctos', 'tos', '%stos'],
  ['dsttos', 'dstTos', '%dtos'],
  ['flags', 'tcpFlags', '%flg'],
  ['xsrcport', 'natSrcPort', '%xsp'],
  ['xdstport', 'natDstPort', '%xdp'],
  ['insrcmac', 'inSrcMac', '%ismc'],
  ['outdstmac', 'outDstMac', '%odmc'],
  ['indstmac', 'inDstMac', '%idmc'],
  ['outsrcmac', 'outSrcMac', '%osmc'],
  ['srcas', 'srcAs', '%sas'],
  ['dstas', 'dstAs', '%das'],
  ['nextas', 'nextAs', '%nas'],
  ['prevas', 'prevAs', '%pas'],
  ['inif', 'inIf', '%in'],
  ['outif', 'outIf', '%out'],
  ['srcmask', 'srcMask', '%smk'],
  ['dstmask', 'dstMask', '%dmk'],
  ['srcvlan', 'srcVlan', '%svln'],
  ['dstvlan', 'dstVlan', '%dvln'],
  ['odid', 'domain', '%odid'],
  ['ethertype', 'etherType', '%eth'],
  ['minttl', 'minTtl', '%minttl'],
  ['maxttl', 'maxTtl', '%maxttl'],
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => [`mpls${n}`, `mpls${n}` as ColumnName, `%mpls${n}`] as const),
];

const addressKeys: readonly (readonly [name: string, address: FieldName, tag: string])[] = [
  ['srcip', 'srcAddr', '%sa'],
  ['dstip', 'dstAddr', '%da'],
  ['xsrcip', 'natSrcAddr', '%xsa'],
  ['xdstip', 'natDstAddr', '%xda'],
  ['next', 'nextHop', '%nh'],
  ['bgpnext', 'bgpNextHop', '%nhb'],
  ['router', 'exporter', '%ra'],
];

const netKeys: readonly (readonly [name: string, address: FieldName, maskColumn: ColumnName, tag: string])[] = [
  ['srcnet', 'srcAddr', 'srcMask', '%sn'],
  ['dstnet', 'dstAddr', 'dstMask', '%dn'],
];

const keyNames = [
  ...columnKeys.map(([name]) => name),
  ...addressKeys.map(([name]) => name),
  ...netKeys.map(([name]) => name),
  'srcip4',
  'srcip6',
  'dstip4',
  'dstip6',
];

/** Fields of nfdump's that are no key here, and what to ask instead. */
const INSTEAD: Readonly<Record<string, string>> = {
  srcgeo: 'use -s srcgeo with -G FILE, or -A srcas',
  dstgeo: 'use -s dstgeo with -G FILE, or -A dstas',
  srcasn: 'use -A srcas, or -s srcasn with -G FILE',
  dstasn: 'use -A dstas, or -s dstasn with -G FILE',
  opid: 'use -s opid',
  exp: 'exporters have no numbers: use -A router',
};

/** Parses the list of -A: comma-separated names, `srcip4/24` and the like with a prefix length. */
export function parseGrouping(text: string): Grouping {
  const keys: GroupKey[] = [];
  const tags: string[] = [];
  const seen = new Set<string>();
  const items = text.toLowerCase().split(',');
  // A comma too many is no field, as in nfdump.
  const named = items.filter((item) => item !== '');
  for (const item of named.length === 0 ? items : named) {
    const [name = '', prefix] = item.split('/');
    if (seen.has(name)) throw new UserError(`-A ${text}: '${name}' is there twice`);
    seen.add(name);
    const tag = addKey(keys, name, prefix);
    if (tag === undefined) {
      const instead = INSTEAD[name];
      if (instead !== undefined) throw new UserError(`-A ${text}: flows are not grouped by '${name}': ${instead}`);
      const near = nearest(name, keyNames);
      throw new UserError(
        `-A ${text}: unknown field '${name}'${near === undefined ? `: use ${keyNames.join(' ')}` : `: did you mean '${near}'?`}`,
      );
    }
    if (!tags.includes(tag)) tags.push(tag);
  }
  return { keys, others: 'absent', tags };
}

/** Adds the key that `name` stands for, or joins srcip4 and srcip6 into one; returns its tag. */
function addKey(keys: GroupKey[], name: string, prefix: string | undefined): string | undefined {
  const family = /^(src|dst)ip([46])$/.exec(name);
  if (family !== null)
    return addFamilyKey(keys, family[1] === 'src' ? 'srcAddr' : 'dstAddr', family[2] === '4', name, prefix);
  if (prefix !== undefined)
    throw new UserError(`-A ${name}/${prefix}: only srcip4, dstip4, srcip6 and dstip6 take a prefix length`);
  const plain = columnKeys.find((row) => row[0] === name);
  if (plain !== undefined) {
    keys.push({ column: plain[1] });
    return plain[2];
  }
  const address = addressKeys.find((row) => row[0] === name);
  if (address !== undefined) {
    keys.push(whole(address[1]));
    return address[2];
  }
  const net = netKeys.find((row) => row[0] === name);
  if (net === undefined) return undefined;
  keys.push({ address: net[1], maskColumn: net[2] });
  return net[3];
}

function addFamilyKey(
  keys: GroupKey[],
  address: FieldName,
  v4: boolean,
  name: string,
  prefix: string | undefined,
): string {
  const most = v4 ? 32 : 128;
  const length = prefix === undefined ? most : /^\d{1,3}$/.test(prefix) ? Number(prefix) : 0;
  if (length < 1 || length > most) throw new UserError(`-A ${name}/${prefix}: the prefix length must be 1 to ${most}`);
  const at = keys.findIndex((key) => 'address' in key && key.address === address && !('maskColumn' in key));
  const added = v4 ? { v4: length } : { v6: length };
  if (at >= 0) keys[at] = { ...keys[at]!, ...added };
  else keys.push({ address, ...added });
  return address === 'srcAddr' ? '%sa' : '%da';
}
