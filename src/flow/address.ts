/** Second word of the low half of a v4-mapped IPv6 address (::ffff:a.b.c.d). */
export const V4_MAPPED_WORD = 0x0000ffff;

/** Octets of the longest IPv6 text. */
export const LONGEST_V6 = 39;
const COLON = 0x3a;

/** An address as a FlowBatch has it: four 32-bit words, most significant first. */
export type AddressWords = readonly [number, number, number, number];

/** Parses IPv4 or IPv6 text; undefined when it is neither. */
export function parseAddress(text: string): AddressWords | undefined {
  return text.includes(':') ? parseV6(text) : parseV4(text);
}

/** Text of an address; IPv4 and v4-mapped as a.b.c.d, IPv6 as RFC 5952 has it. */
export function formatAddress(w0: number, w1: number, w2: number, w3: number): string {
  if (isV4(w0, w1, w2)) return formatV4(w3);
  return formatV6(w0, w1, w2, w3);
}

/** Whether an address with these three first words is a v4-mapped one, so that the last word is an IPv4 address. */
export function isV4(w0: number, w1: number, w2: number): boolean {
  return w0 === 0 && w1 === 0 && w2 === V4_MAPPED_WORD;
}

function formatV4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

const scratch = Buffer.alloc(LONGEST_V6);

function formatV6(w0: number, w1: number, w2: number, w3: number): string {
  return scratch.toString('latin1', 0, putV6(scratch, 0, w0, w1, w2, w3));
}

/** Writes IPv6 text, at most `LONGEST_V6` octets of ASCII, at a place; returns the place behind it. */
export function putV6(bytes: Uint8Array, start: number, w0: number, w1: number, w2: number, w3: number): number {
  // Which of the eight groups are 0, the first one in the highest bit.
  let zeros = 0;
  for (let group = 0; group < 8; group++) if (groupOf(group, w0, w1, w2, w3) === 0) zeros |= 0x80 >> group;
  let bestStart = 8;
  let bestLength = 1;
  for (let first = 0; zeros !== 0 && first < 8; first++) {
    let length = 0;
    while ((zeros << (first + length)) & 0x80) length++;
    if (length > bestLength) {
      bestStart = first;
      bestLength = length;
    }
  }
  let at = start;
  for (let group = 0; group < 8; group++) {
    if (group === bestStart) {
      bytes[at++] = COLON;
      group += bestLength;
      if (group === 8) bytes[at++] = COLON;
    }
    if (group === 8) break;
    if (group > 0) bytes[at++] = COLON;
    at = putHex(bytes, at, groupOf(group, w0, w1, w2, w3));
  }
  return at;
}

function groupOf(group: number, w0: number, w1: number, w2: number, w3: number): number {
  const word = group < 4 ? (group < 2 ? w0 : w1) : group < 6 ? w2 : w3;
  return group & 1 ? word & 0xffff : word >>> 16;
}

/** Up to four digits without leading zeros. */
function putHex(bytes: Uint8Array, start: number, value: number): number {
  let at = start;
  let shift = value > 0xff ? (value > 0xfff ? 12 : 8) : value > 0xf ? 4 : 0;
  for (; shift >= 0; shift -= 4) {
    const digit = (value >>> shift) & 15;
    bytes[at++] = digit < 10 ? 0x30 + digit : 0x57 + digit;
  }
  return at;
}

function parseV4(text: string): AddressWords | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let word = 0;
  for (let i = 1; i <= 4; i++) {
    const octet = Number(match[i]);
    if (octet > 255) return undefined;
    word = word * 256 + octet;
  }
  return [0, 0, V4_MAPPED_WORD, word];
}

function parseV6(text: string): AddressWords | undefined {
  let rest = text;
  let tail: number[] = [];
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(rest);
  if (dotted !== null) {
    const v4 = parseV4(dotted[2]!);
    if (v4 === undefined) return undefined;
    tail = [v4[3] >>> 16, v4[3] & 0xffff];
    rest = dotted[1]!;
    rest = rest.endsWith('::') ? rest : rest.slice(0, -1);
  }
  const halves = rest.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!);
  const end = halves.length === 2 ? parseGroups(halves[1]!) : [];
  if (head === undefined || end === undefined) return undefined;
  const given = head.length + end.length + tail.length;
  if (halves.length === 2 ? given > 7 : given !== 8) return undefined;
  const groups = [...head, ...new Array<number>(8 - given).fill(0), ...end, ...tail];
  const word = (i: number) => groups[i]! * 0x10000 + groups[i + 1]!;
  return [word(0), word(2), word(4), word(6)];
}

function parseGroups(text: string): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  for (const part of text.split(':')) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
    groups.push(Number.parseInt(part, 16));
  }
  return groups;
}
