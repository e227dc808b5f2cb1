/** Second word of the low half of a v4-mapped IPv6 address (::ffff:a.b.c.d). */
export const V4_MAPPED_WORD = 0x0000ffff;

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

function formatV6(w0: number, w1: number, w2: number, w3: number): string {
  const groups = [w0 >>> 16, w0 & 0xffff, w1 >>> 16, w1 & 0xffff, w2 >>> 16, w2 & 0xffff, w3 >>> 16, w3 & 0xffff];
  let bestStart = -1;
  let bestLength = 1;
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > bestLength) {
      bestStart = start;
      bestLength = length;
    }
  }
  const hex = groups.map((group) => group.toString(16));
  if (bestStart < 0) return hex.join(':');
  return `${hex.slice(0, bestStart).join(':')}::${hex.slice(bestStart + bestLength).join(':')}`;
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
