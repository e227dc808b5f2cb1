import { type ColumnName, type FieldName, fields } from '../../flow/fields.ts';
import { elementLabel } from '../../wire/elements.ts';
import { firewallEventByName, forwardingStatusByName, natEventByName, protocolByName } from '../names.ts';
import { type NumberNames, serviceNames } from '../service-names.ts';

/** A number that a flow carries or that is computed from what it carries. */
export type Operand =
  | {
      readonly column: ColumnName;
      /** The number is `(column >> shift) & mask`. */
      readonly shift?: number;
      readonly mask?: number;
      /** Zero means that the flow has no such number, so no comparison with it is true. */
      readonly zeroIsAbsent?: true;
      /** This bit of the column must be set for the comparison to be true. */
      readonly requiredBit?: number;
      /** What a flow without the column counts as: 0. */
      readonly absentIsZero?: true;
    }
  | { readonly computed: 'duration' | 'pps' | 'bps' | 'bpp' | 'flows' };

/** Condition on the flow without which a term is false. */
export type Guard = 'tcp' | 'icmp' | 'engine';

/** How the value of a number term is written. */
export type ValueForm = 'number' | 'time' | 'mac';

export interface NumberTerm {
  readonly operands: readonly Operand[];
  readonly max: number;
  readonly form: ValueForm;
  readonly guard?: Guard;
  readonly names?: NumberNames;
}

export interface AddressTerm {
  readonly fields: readonly FieldName[];
}

/** What the parser does once it has read the words of a phrase. */
export type Phrase =
  | { readonly is: 'number' | 'portBlock'; readonly term: string }
  | { readonly is: 'ip' | 'net' | 'geo'; readonly term: string }
  | { readonly is: 'flags' | 'ttlEqual' | 'any' | 'element' | 'ident' }
  /** An element without a column, see docs/decisions/0165. */
  | { readonly is: 'extra'; readonly name: string }
  | { readonly is: 'family'; readonly version: 4 | 6 }
  | { readonly is: 'fixed'; readonly term: string; readonly value: number }
  | { readonly is: 'refused'; readonly why: string };

const U8 = 0xff;
const U16 = 0xffff;
const U32 = 0xffff_ffff;

export const numberTerms = new Map<string, NumberTerm>();
export const addressTerms = new Map<string, AddressTerm>();
/** Every accepted phrase, words separated by one blank, lower case. */
export const phrases = new Map<string, Phrase>();

function number(
  spellings: string,
  operands: readonly (Operand | ColumnName)[],
  max: number,
  more: Partial<Pick<NumberTerm, 'form' | 'guard' | 'names'>> = {},
): void {
  const all = spellings.split('|');
  const term = all[0]!;
  numberTerms.set(term, {
    operands: operands.map((operand) => (typeof operand === 'string' ? { column: operand } : operand)),
    max,
    form: 'number',
    ...more,
  });
  for (const spelling of all) phrases.set(spelling, { is: 'number', term });
}

/** `prefixes` go before `ip`, `host` and `net`; the first one makes the canonical name. */
function address(prefixes: string, fields: readonly FieldName[]): void {
  const all = prefixes.split('|').map((prefix) => (prefix === '' ? '' : `${prefix} `));
  const term = `${all[0]}ip`;
  addressTerms.set(term, { fields });
  for (const prefix of all) {
    phrases.set(`${prefix}ip`, { is: 'ip', term });
    phrases.set(`${prefix}host`, { is: 'ip', term });
    phrases.set(`${prefix}net`, { is: 'net', term });
    phrases.set(`${prefix}geo`, { is: 'geo', term });
  }
}

/** A number that nfdump's records always have. */
function orZero(column: ColumnName): Operand {
  return { column, absentIsZero: true };
}

function alias(spelling: string, phrase: Phrase): void {
  phrases.set(spelling, phrase);
}

function refuse(why: string, ...spellings: string[]): void {
  for (const spelling of spellings) phrases.set(spelling, { is: 'refused', why });
}

// Addresses.
address('', ['srcAddr', 'dstAddr']);
address('src|source', ['srcAddr']);
address('dst|destination', ['dstAddr']);
address('next', ['nextHop']);
address('bgp next|bgpnext', ['bgpNextHop']);
address('router|exporter', ['exporter']);
address('nat|xlate', ['natSrcAddr', 'natDstAddr']);
address('src nat|src xlate', ['natSrcAddr']);
address('dst nat|dst xlate', ['natDstAddr']);
address('tun', ['tunSrcAddr', 'tunDstAddr']);
address('src tun', ['tunSrcAddr']);
address('dst tun', ['tunDstAddr']);
for (const side of ['', 'src ', 'dst ']) {
  alias(`${side}tunip`, { is: 'ip', term: `${side}tun ip` });
  alias(`${side}tunnet`, { is: 'net', term: `${side}tun ip` });
}
for (const [side, term] of [
  ['', 'nat ip'],
  ['src ', 'src nat ip'],
  ['dst ', 'dst nat ip'],
] as const) {
  alias(`${side}xip`, { is: 'ip', term });
  alias(`${side}nip`, { is: 'ip', term });
  alias(`${side}xnet`, { is: 'net', term });
  alias(`${side}nnet`, { is: 'net', term });
}
alias('any', { is: 'any' });
for (const [spelling, version] of [
  ['ipv4', 4],
  ['inet', 4],
  ['ipv6', 6],
  ['inet6', 6],
] as const) {
  alias(spelling, { is: 'family', version });
}

// Layers 3 and 4.
number('proto|protocol', ['proto'], U8, { names: protocolByName });
number('tun proto', [{ column: 'tunProto', zeroIsAbsent: true }], U8, { names: protocolByName });
number('port', ['srcPort', 'dstPort'], U16, { names: serviceNames });
number('src port|source port', ['srcPort'], U16, { names: serviceNames });
number('dst port|destination port', ['dstPort'], U16, { names: serviceNames });
number('icmp-type|icmp type', [{ column: 'dstPort', shift: 8, mask: U8 }], U8, { guard: 'icmp' });
number('icmp-code|icmp code', [{ column: 'dstPort', mask: U8 }], U8, { guard: 'icmp' });
alias('flags', { is: 'flags' });
number('flag byte', [{ column: 'tcpFlags', mask: U8 }], U8, { guard: 'tcp' });
number('tos|src tos', ['tos'], U8);
number('dst tos', [orZero('dstTos')], U8);
// No packet arrives with a TTL of 0.
const [minTtl, maxTtl] = (['minTtl', 'maxTtl'] as const).map((column) => ({ column, zeroIsAbsent: true }) as const);
number('ttl', [minTtl!, maxTtl!], U8);
number('min ttl', [minTtl!], U8);
number('max ttl', [maxTtl!], U8);
alias('ttl equal', { is: 'ttlEqual' });
number('flowlabel|flow label', ['flowLabel'], 0xf_ffff);

// Counters, rates and times.
number('packets|in packets', ['packets'], Number.MAX_SAFE_INTEGER);
number('out packets', ['outPackets'], Number.MAX_SAFE_INTEGER);
number('bytes|in bytes', ['octets'], Number.MAX_SAFE_INTEGER);
number('out bytes', ['outOctets'], Number.MAX_SAFE_INTEGER);
for (const computed of ['flows', 'duration', 'pps', 'bps', 'bpp'] as const) {
  number(computed, [{ computed }], Number.MAX_SAFE_INTEGER);
}
number('first seen', ['firstMs'], Number.MAX_SAFE_INTEGER, { form: 'time' });
number('last seen', ['lastMs'], Number.MAX_SAFE_INTEGER, { form: 'time' });

// Routing.
number('as', [orZero('srcAs'), orZero('dstAs')], U32);
number('src as', [orZero('srcAs')], U32);
number('dst as', [orZero('dstAs')], U32);
number('prev as|previous as', ['prevAs'], U32);
number('next as', ['nextAs'], U32);
number('mask', [orZero('srcMask'), orZero('dstMask')], U8);
number('src mask', [orZero('srcMask')], U8);
number('dst mask', [orZero('dstMask')], U8);
number('if', ['inIf', 'outIf'], U32);
number('in if', ['inIf'], U32);
number('out if', ['outIf'], U32);
number('ingress vrf', ['ingressVrf'], U32);
number('egress vrf', ['egressVrf'], U32);
number('flowdir|dir', ['direction'], U8, {
  names: new Map([
    ['ingress', 0],
    ['egress', 1],
  ]),
});
number('fwdstat', [orZero('forwardingStatus')], U8, { names: forwardingStatusByName });

// Link layer.
number('vlan', ['srcVlan', 'dstVlan'], U16);
number('src vlan', ['srcVlan'], U16);
number('dst vlan', ['dstVlan'], U16);
number('ethertype', ['etherType'], U16);
const mac = { form: 'mac' } as const;
number('mac', ['inSrcMac', 'inDstMac', 'outSrcMac', 'outDstMac'], 0xffff_ffff_ffff, mac);
number('src mac', ['inSrcMac', 'outSrcMac'], 0xffff_ffff_ffff, mac);
number('dst mac', ['inDstMac', 'outDstMac'], 0xffff_ffff_ffff, mac);
number('in mac', ['inSrcMac', 'inDstMac'], 0xffff_ffff_ffff, mac);
number('out mac', ['outSrcMac', 'outDstMac'], 0xffff_ffff_ffff, mac);
number('in src mac', ['inSrcMac'], 0xffff_ffff_ffff, mac);
number('in dst mac', ['inDstMac'], 0xffff_ffff_ffff, mac);
number('out src mac', ['outSrcMac'], 0xffff_ffff_ffff, mac);
number('out dst mac', ['outDstMac'], 0xffff_ffff_ffff, mac);
const mplsColumns = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => `mpls${n}` as ColumnName);
number(
  'mpls any',
  mplsColumns.map((column) => ({ column, shift: 4, zeroIsAbsent: true })),
  0xf_ffff,
);
number(
  'mpls eos',
  mplsColumns.map((column) => ({ column, shift: 4, requiredBit: 0 })),
  0xf_ffff,
);
mplsColumns.forEach((column, index) => {
  number(`mpls label${index + 1}`, [{ column, shift: 4, zeroIsAbsent: true }], 0xf_ffff);
  number(`mpls exp${index + 1}`, [{ column, shift: 1, mask: 7, zeroIsAbsent: true }], 7);
});

// Who sent it.
alias('ident', { is: 'ident' });
number('engine-type|engine type', [{ column: 'domain', shift: 8, mask: U8 }], U8, { guard: 'engine' });
number('engine-id|engine id', [{ column: 'domain', mask: U8 }], U8, { guard: 'engine' });
number('observation domain id', ['domain'], U32);
number('nfversion', ['exportVersion'], U8);

// Address translation and firewalls.
number('nat port|xlate port|xport|nport', ['natSrcPort', 'natDstPort'], U16, { names: serviceNames });
number('src nat port|src xlate port|src xport|src nport', ['natSrcPort'], U16, { names: serviceNames });
number('dst nat port|dst xlate port|dst xport|dst nport', ['natDstPort'], U16, { names: serviceNames });
number('nat event', [{ column: 'natEvent', zeroIsAbsent: true }], U8, { names: natEventByName });
number('asa event', [{ column: 'firewallEvent', zeroIsAbsent: true }], U8, { names: firewallEventByName });
number('asa xevent', [{ column: 'firewallExtEvent', zeroIsAbsent: true }], U16);
for (const [word, value] of [
  ['ingress', 1001],
  ['egress', 1002],
  ['interface', 1003],
  ['access', 1003],
  ['nosyn', 1004],
] as const) {
  alias(`asa denied ${word}`, { is: 'fixed', term: 'asa xevent', value });
  alias(`asa event denied ${word}`, { is: 'fixed', term: 'asa xevent', value });
}

// Information elements by name.
alias('ie', { is: 'element' });
/** The term of every element that has a column, by the element's name. */
export const elementTerms = new Map<string, string>();
const WIDEST = { u8: U8, u16: U16, u32: U32, u64: Number.MAX_SAFE_INTEGER, timeMs: Number.MAX_SAFE_INTEGER } as const;
for (const { name, type, ie, ie6, alsoRead } of fields) {
  if (ie === 0) continue;
  const term = `ie ${elementLabel(ie)}`;
  if (type === 'addr') addressTerms.set(term, { fields: [name] });
  else {
    const column = name as ColumnName;
    const operand: Operand = name === 'flows' ? { computed: 'flows' } : { column };
    const form = type === 'timeMs' ? 'time' : name.endsWith('Mac') ? 'mac' : 'number';
    numberTerms.set(term, { operands: [operand], max: form === 'mac' ? 0xffff_ffff_ffff : WIDEST[type], form });
  }
  for (const id of [ie, ...(ie6 === undefined ? [] : [ie6]), ...(alsoRead ?? [])]) {
    elementTerms.set(elementLabel(id), term);
  }
}
for (const [term, ids] of [
  // The same point in time in other units, or since the start of the device.
  ['first seen', [150, 154, 156, 158, 22]],
  ['last seen', [151, 155, 157, 159, 21]],
  ['icmp-type', [176, 178]],
  ['icmp-code', [177, 179]],
] as const) {
  for (const id of ids) elementTerms.set(elementLabel(id), term);
}

// Elements without a column that have words of their own.
for (const [spellings, name] of [
  ['observation point id', 'observationPointId'],
  ['nat pblock start|pblock start', 'portRangeStart'],
  ['nat pblock end|pblock end', 'portRangeEnd'],
  ['nat pblock step|pblock step', 'portRangeStepSize'],
  ['nat pblock size|pblock size', 'portRangeNumPorts'],
  ['asa user', '40000'],
  ['ingress acl', '33000'],
  ['egress acl', '33001'],
  // nProbe's microseconds in v9.
  ['client latency', '57555'],
  ['server latency', '57557'],
  ['app latency', '57559'],
] as const) {
  for (const spelling of spellings.split('|')) alias(spelling, { is: 'extra', name });
}

// nfdump asks about ports before the translation; the ports of a block (RFC 8158) are those after it.
for (const [spelling, phrase] of [...phrases]) {
  if (phrase.is !== 'number' || !spelling.endsWith('port')) continue;
  for (const block of ['nat pblock', 'pblock']) {
    alias(`${spelling} in ${block}`, { is: 'portBlock', term: phrase.term });
  }
}

// In nfdump's language, but about data that weir does not store.
refuse('flows are stored without payload', 'payload', 'in payload', 'out payload');
refuse(
  'entries are among the three numbers of an access list: use "ingress acl N" or "egress acl N"',
  'ingress ace',
  'egress ace',
  'ingress xace',
);
refuse('pf log records are not read', 'pf action', 'pf reason', 'pf dir', 'pf interface', 'pf rule');
refuse('exporters have no numbers here: use "router ip ADDRESS"', 'exporter id', 'exporter sysid', 'sysid');
refuse('records are not numbered: use -c', 'count', 'cnt');
