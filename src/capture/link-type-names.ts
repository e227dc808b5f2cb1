/** Link types as the npm packages `pcap` and `cap` call them (with or without the prefix), and their numbers. */
const NUMBERS = new Map([
  ['NULL', 0],
  ['ETHERNET', 1],
  ['RAW', 101],
  ['LINUX_SLL', 113],
  ['IEEE802_11_RADIO', 127],
]);

/** The LINKTYPE_ number of a name; both packages call what they have no name for `Unknown linktype N`. */
export function linkTypeNumber(name: string): number {
  const number = NUMBERS.get(name.replace(/^LINKTYPE_/, ''));
  if (number !== undefined) return number;
  const unnamed = /^Unknown linktype (\d+)$/.exec(name);
  if (unnamed === null) throw new Error(`link type ${name} is not supported`);
  return Number(unnamed[1]);
}
