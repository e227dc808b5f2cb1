/** Short names of numbers as operators know them: in filters, in text output, in both directions from one table. */

/** Protocol names of at most five letters, by number; a number without a name has none. */
const PROTOCOL_NAMES: readonly (readonly [number, string])[] = [
  [1, 'ICMP'],
  [2, 'IGMP'],
  [3, 'GGP'],
  [4, 'IPIP'],
  [5, 'ST'],
  [6, 'TCP'],
  [7, 'CBT'],
  [8, 'EGP'],
  [9, 'IGP'],
  [10, 'BBN'],
  [11, 'NVPII'],
  [12, 'PUP'],
  [13, 'ARGUS'],
  [14, 'ENCOM'],
  [15, 'XNET'],
  [16, 'CHAOS'],
  [17, 'UDP'],
  [18, 'MUX'],
  [19, 'DCN'],
  [20, 'HMP'],
  [21, 'PRM'],
  [22, 'XNS'],
  [23, 'Trnk1'],
  [24, 'Trnk2'],
  [25, 'Leaf1'],
  [26, 'Leaf2'],
  [27, 'RDP'],
  [28, 'IRTP'],
  [29, 'ISO-4'],
  [30, 'NETBK'],
  [31, 'MFESP'],
  [32, 'MEINP'],
  [33, 'DCCP'],
  [34, '3PC'],
  [35, 'IDPR'],
  [36, 'XTP'],
  [37, 'DDP'],
  [38, 'IDPR'],
  [39, 'TP++'],
  [40, 'IL'],
  [41, 'IPv6'],
  [42, 'SDRP'],
  [43, 'Rte6'],
  [44, 'Frag6'],
  [45, 'IDRP'],
  [46, 'RSVP'],
  [47, 'GRE'],
  [48, 'MHRP'],
  [49, 'BNA'],
  [50, 'ESP'],
  [51, 'AH'],
  [52, 'INLSP'],
  [53, 'SWIPE'],
  [54, 'NARP'],
  [55, 'MOBIL'],
  [56, 'TLSP'],
  [57, 'SKIP'],
  [58, 'ICMP6'],
  [59, 'NOHE6'],
  [60, 'OPTS6'],
  [61, 'HOST'],
  [62, 'CFTP'],
  [63, 'NET'],
  [64, 'SATNT'],
  [65, 'KLAN'],
  [66, 'RVD'],
  [67, 'IPPC'],
  [68, 'FS'],
  [69, 'SATM'],
  [70, 'VISA'],
  [71, 'IPCV'],
  [72, 'CPNX'],
  [73, 'CPHB'],
  [74, 'WSN'],
  [75, 'PVP'],
  [76, 'BSATM'],
  [77, 'SUNND'],
  [78, 'WBMON'],
  [79, 'WBEXP'],
  [80, 'ISOIP'],
  [81, 'VMTP'],
  [82, 'SVMTP'],
  [83, 'VINES'],
  [84, 'TTP'],
  [85, 'NSIGP'],
  [86, 'DGP'],
  [87, 'TCF'],
  [88, 'EIGRP'],
  [89, 'OSPF'],
  [90, 'S-RPC'],
  [91, 'LARP'],
  [92, 'MTP'],
  [93, 'AX.25'],
  [94, 'OS'],
  [95, 'MICP'],
  [96, 'SCCSP'],
  [97, 'ETHIP'],
  [98, 'ENCAP'],
  [100, 'GMTP'],
  [101, 'IFMP'],
  [102, 'PNNI'],
  [103, 'PIM'],
  [104, 'ARIS'],
  [105, 'SCPS'],
  [106, 'QNX'],
  [107, 'A/N'],
  [108, 'IPcmp'],
  [109, 'SNP'],
  [110, 'CpqPP'],
  [111, 'IPXIP'],
  [112, 'VRRP'],
  [113, 'PGM'],
  [114, '0hop'],
  [115, 'L2TP'],
  [116, 'DDX'],
  [117, 'IATP'],
  [118, 'STP'],
  [119, 'SRP'],
  [120, 'UTI'],
  [121, 'SMP'],
  [122, 'SM'],
  [123, 'PTP'],
  [124, 'ISIS4'],
  [125, 'FIRE'],
  [126, 'CRTP'],
  [127, 'CRUDP'],
  [129, 'IPLT'],
  [130, 'SPS'],
  [131, 'PIPE'],
  [132, 'SCTP'],
  [133, 'FC'],
  [135, 'MHEAD'],
  [136, 'UDP-L'],
  [137, 'MPLS'],
];

const protocolText = new Map<number, string>(PROTOCOL_NAMES);

/** Names that filters accept besides the printed ones. */
const PROTOCOL_ALIASES: readonly (readonly [string, number])[] = [
  ['icmpv6', 58],
  ['ipv6-icmp', 58],
  ['udplite', 136],
];

/** Protocol number by lower-case name; where two numbers share a name the smaller one has it. */
export const protocolByName: ReadonlyMap<string, number> = new Map([
  ...[...PROTOCOL_NAMES].reverse().map(([number, name]) => [name.toLowerCase(), number] as const),
  ...PROTOCOL_ALIASES,
]);

/** Text of a protocol number: its name, else the number. */
export function protocolName(number: number): string {
  return protocolText.get(number) ?? String(number);
}

/** Forwarding status by lower-case name (IANA element 89). */
export const forwardingStatusByName: ReadonlyMap<string, number> = new Map([
  ['ukwn', 0],
  ['forw', 64],
  ['frag', 65],
  ['notfrag', 66],
  ['drop', 128],
  ['dacld', 129],
  ['daclp', 130],
  ['noroute', 131],
  ['dadj', 132],
  ['dfrag', 133],
  ['dbadh', 134],
  ['dbadtlen', 135],
  ['dbadhlen', 136],
  ['dbadttl', 137],
  ['dpolicy', 138],
  ['dwred', 139],
  ['drpf', 140],
  ['dforus', 141],
  ['dbadof', 142],
  ['dhw', 143],
  ['term', 192],
  ['tadj', 193],
  ['tincadj', 194],
  ['tforus', 195],
]);

/** NAT events in the order of their numbers, with their names in RFC 8158, section 4.3. */
const NAT_EVENTS = [
  ['INVALID', 'INVALID'],
  ['ADD', 'NAT translation create'],
  ['DELETE', 'NAT translation delete'],
  ['EXHAUST', 'NAT Addresses exhausted'],
  ['ADD44', 'NAT44 session create'],
  ['DEL44', 'NAT44 session delete'],
  ['ADD64', 'NAT64 session create'],
  ['DEL64', 'NAT64 session delete'],
  ['ADD44BIB', 'NAT44 BIB create'],
  ['DEL44BIB', 'NAT44 BIB delete'],
  ['ADD64BIB', 'NAT64 BIB create'],
  ['DEL64BIB', 'NAT64 BIB delete'],
  ['PEXHAUST', 'NAT ports exhausted'],
  ['QUOTAEXH', 'Quota Exceeded'],
  ['ADDADDR', 'Address binding create'],
  ['DELADDR', 'Address binding delete'],
  ['ADDPBLK', 'Port block allocation'],
  ['DELPBLK', 'Port block de-allocation'],
  ['THRESHLD', 'Threshold Reached'],
] as const;

export const natEventByName: ReadonlyMap<string, number> = new Map(
  NAT_EVENTS.map(([name], index) => [name.toLowerCase(), index]),
);

export function natEventName(number: number): string {
  return NAT_EVENTS[number]?.[0] ?? `${number}-Unknown`;
}

export function longNatEventName(number: number): string {
  return NAT_EVENTS[number]?.[1] ?? `${number}-Unknown`;
}

const FIREWALL_EVENTS = ['IGNORE', 'CREATE', 'DELETE', 'DENIED', 'ALERT', 'UPDATE'] as const;

/** Firewall event by lower-case name (IANA element 233), with the spellings of older filters. */
export const firewallEventByName: ReadonlyMap<string, number> = new Map([
  ...FIREWALL_EVENTS.map((name, index) => [name.toLowerCase(), index] as const),
  ['term', 2],
  ['deny', 3],
]);

export function firewallEventName(number: number): string {
  return FIREWALL_EVENTS[number] ?? `${number}-Unknw`;
}

/** Of TCP flags, highest bit first. */
export const FLAG_LETTERS = 'CEUAPRSF';

/** TCP flags as eight characters, highest bit first, a dot for a bit that is not set. */
export function flagsText(flags: number): string {
  return FLAG_TEXTS[flags & 255]!;
}

const FLAG_TEXTS = Array.from({ length: 256 }, (_, flags) =>
  [...FLAG_LETTERS].map((letter, index) => ((flags << index) & 0x80 ? letter : '.')).join(''),
);

const EXTENDED_EVENTS = new Map([
  [0, 'IGNORE'],
  [1001, 'I-ACL'],
  [1002, 'E-ACL'],
  [1003, 'DENY'],
  [1004, 'NOSYN'],
]);

/** Extended firewall event (Cisco 33002), else its number. */
export function extendedEventName(number: number): string {
  return EXTENDED_EVENTS.get(number) ?? String(number);
}

/** Bits of flag letters (any order); undefined when a letter is none. `X` is FSRPAU. */
export function flagBits(letters: string): number | undefined {
  let bits = 0;
  for (const letter of letters) {
    const index = FLAG_LETTERS.indexOf(letter);
    if (letter === 'X') bits |= 0x3f;
    else if (index < 0) return undefined;
    else bits |= 0x80 >> index;
  }
  return letters === '' ? undefined : bits;
}
