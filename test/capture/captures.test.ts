import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openPacketSource } from '../../src/capture/open.ts';
import { CAPTURES, expected, haveCaptures, readAll, summarize } from './helpers.ts';

/** Files whose figures differ from those of `expected.json` (measured with tshark), and why. */
interface Difference {
  why: string;
  /** Text in the reader's failure. */
  failure?: string;
  /** No packet can be read at all. */
  unreadable?: true;
  /** IP packets that are not metered. */
  notMetered?: number;
  octets?: number;
  tuples?: number;
  protocols?: Record<string, number>;
  /** First and last time are not those of tshark. */
  times?: true;
}

const beyond = 'the total length goes beyond the frame: malformed, not metered';
const DIFFERENCES: Record<string, Difference> = {
  'zeek-radiotap.pcap': {
    why: '802.11',
    unreadable: true,
    failure: 'link type 127 (IEEE802_11_RADIOTAP) is not supported',
  },
  'zeek-nflog-http.pcap': { why: 'NFLOG', unreadable: true, failure: 'link type 239 (NFLOG) is not supported' },
  'zeek-llc.pcap': { why: 'FDDI', unreadable: true, failure: 'link type 10 (FDDI) is not supported' },
  'td-LINKTYPE_PKTAP.pcap': { why: 'PKTAP', unreadable: true, failure: 'link type 258 (PKTAP) is not supported' },
  'suri-http-mime-truncated.pcap': { why: 'cut', failure: 'capture cut at byte 2715460 (packet 2697)' },
  'suri-bug-1450-04-tls_DER-incomplete-header.pcap': {
    why: 'damaged after 6 packets',
    failure: 'impossible packet length 4325376 at byte 5035 (packet 7)',
  },
  'td-ipv6_jumbogram_1.pcap': { why: 'the jumbo payload option counts', octets: 65576 },
  'tcpreplay-test.pcap': {
    why: `in 1 ${beyond}`,
    notMetered: 1,
    octets: 64422,
    tuples: 46,
    protocols: { 1: 27, 2: 3, 6: 116, 17: 28, 88: 1 },
  },
  'suri-ipv6-malformed-fragments-11-frag-11.pcap': {
    why: 'one packet has a chain of 150 fragment headers; the walk ends after 16',
    tuples: 8,
    protocols: { 44: 1, 58: 10 },
  },
  'zeek-ip6-ext-trunc.pcap': { why: beyond, notMetered: 1, octets: 0, tuples: 0, protocols: {} },
  'td-ipv4_invalid_total_length.pcap': { why: beyond, notMetered: 1, octets: 0, tuples: 0, protocols: {} },
  'ndpi-fuzz-2006-06-26-2594.pcap': {
    why: `26 times ${beyond} (header length or version are wrong in the 7 others, which tshark does not count either)`,
    notMetered: 26,
    octets: 78343,
    tuples: 286,
    protocols: { 0: 3, 6: 49, 17: 518, 19: 1, 37: 2, 118: 1, 120: 1, 127: 1, 170: 3, 240: 1 },
  },
  'mix-ndpi-a.pcap': {
    why: `in 6 packets ${beyond}; 7 later fragments have the ports of their first`,
    notMetered: 6,
    octets: 7084049,
    tuples: 5081,
    protocols: { ...expected['mix-ndpi-a.pcap']?.ipProtocols, 6: 24486 },
  },
  'mix-ndpi-a-snap96.pcap': {
    why: `in 99 packets ${beyond}; 7 later fragments have the ports of their first`,
    notMetered: 99,
    octets: 20955839,
    tuples: 6699,
    protocols: { ...expected['mix-ndpi-a-snap96.pcap']?.ipProtocols, 6: 40171, 17: 17645 },
  },
  'td-timestamp_invalid_micro.pcap': { why: 'a fraction of 2147 s counts as one second', times: true },
  'png-le-advanced-test100.pcapng': { why: 'packets without a time stamp count, as of 1970', times: true },
  'png-be-basic-test010.pcapng': { why: 'packets without a time stamp count, as of 1970', times: true },
  'png-le-basic-test016.pcapng': { why: 'packets without a time stamp count, as of 1970', times: true },
};

describe.skipIf(!haveCaptures)('real captures against tshark (skipped without ../shared/data/pcap)', () => {
  test('every difference is of a file that is there', () => {
    expect(Object.keys(DIFFERENCES).filter((name) => !(name in expected))).toEqual([]);
  });

  for (const [name, want] of Object.entries(expected)) {
    const difference = DIFFERENCES[name];
    test(difference === undefined ? name : `${name}: ${difference.why}`, async () => {
      const { packets, stats, failure } = await readAll(await openPacketSource({ files: [join(CAPTURES, name)] }));
      if (difference?.failure === undefined) expect(failure).toBeNull();
      else expect(failure).toContain(difference.failure);
      expect(stats.packets).toBe(stats.metered + stats.notIp + stats.malformed + stats.cutHeader);
      expect(stats.metered).toBe(packets.length);
      if (difference?.unreadable) {
        expect(packets).toEqual([]);
        return;
      }
      const got = summarize(packets);
      expect(stats.packets).toBe(want.packets);
      expect(packets.length).toBe(want.ipPackets - (difference?.notMetered ?? 0));
      expect(got.octets).toBe(difference?.octets ?? want.ipBytes);
      expect(got.protocols).toEqual(difference?.protocols ?? want.ipProtocols ?? {});
      expect(got.tuples).toBe(difference?.tuples ?? want.fiveTuplesWithIcmpType - tuplesOfLaterFragments(name));
      if (packets.length === want.packets && packets.length > 0 && !difference?.times) {
        expect([got.firstNs, got.lastNs].map(String)).toEqual([want.firstPacketNs, want.lastPacketNs]);
      }
    });
  }
});

/**
 * tshark's five-tuples of later fragments, which have no ports there: with the ports of their first they are none of
 * their own.
 */
function tuplesOfLaterFragments(name: string): number {
  const { laterFragments, flows } = expected[name]!;
  if (laterFragments === undefined) return 0;
  return flows!.filter(([, , protocol, srcPort, dstPort]) => [6, 17].includes(protocol) && srcPort + dstPort === 0)
    .length;
}
