import { describe, expect, test } from 'vitest';
import { addressOf } from '../support/collect-rows.ts';
import { concat, uint } from '../support/flow-datagrams.ts';
import {
  addressV4,
  addressV6,
  ethernetFrame,
  flowSample,
  headerRecord,
  ipv4Packet,
  sflowDatagram,
  tagged,
  udpHeader,
  words,
} from '../support/sflow-datagrams.ts';
import { decodeAll, ends, rowOf, UDP_ENDS, udp } from './sflow-rows.ts';

describe('rows of flow samples', () => {
  test('one packet with its rate, at the time of receipt, from the agent', () => {
    const sample = flowSample({ rate: 4096, records: [headerRecord(1, ethernetFrame(0x800, udp), 60, 4)] });
    const { rows } = decodeAll(sflowDatagram({ subAgent: 9, samples: [sample] }));
    expect(rows[0]).toMatchObject({
      packets: 1n,
      octets: 28n,
      sampling: 4096,
      receivedMs: 1_700_000_000_000,
      firstMs: 1_700_000_000_000,
      lastMs: 1_700_000_000_000,
      domain: 9,
      exportVersion: 105,
      inSrcMac: 0x02000000000an,
      inDstMac: 0x02000000000bn,
      etherType: 0x800,
      minTtl: 61,
      maxTtl: 61,
    });
    expect([ends(rows[0]!), addressOf(rows[0]!, 'exporter')]).toEqual([UDP_ENDS, '192.0.2.7']);
  });

  test('every header protocol that leads to IP', () => {
    const ppp = new Uint8Array([0, 0x21]);
    const label = words(0x00010140);
    const headers: [number, Uint8Array][] = [
      [1, ethernetFrame(0x800, udp)],
      [1, ethernetFrame(0x800, udp, [100])],
      [1, ethernetFrame(0x8847, concat(label, udp))],
      [7, concat(ppp, udp)],
      [11, udp],
      [13, concat(label, udp)],
      [14, concat(new Uint8Array([0xff, 3]), ppp, udp)],
    ];
    const samples = headers.map(([protocol, header]) => flowSample({ records: [headerRecord(protocol, header)] }));
    const { rows, decode } = decodeAll(sflowDatagram({ samples }));
    expect(rows.map(ends)).toEqual(headers.map(() => UDP_ENDS));
    expect(rows.map(({ octets }) => octets)).toEqual(headers.map(() => 28n));
    expect([decode.headersWithoutIp, decode.unknownHeaders]).toEqual([0, 0]);
    expect(rows.map(({ srcVlan, mpls1 }) => [srcVlan, mpls1])).toEqual(
      headers.map((_, i) => [i === 1 ? 100 : 0, i === 2 || i === 5 ? 0x101 : 0]),
    );
  });

  test('IPv6 with its flow label', () => {
    const header = concat(words(0x60012345), uint(8, 2), new Uint8Array([17, 60]));
    const addresses = concat(words(0x20010db8, 0, 0, 1), words(0x20010db8, 0, 0, 2));
    const packet = concat(header, addresses, udpHeader(1, 2));
    for (const record of [headerRecord(12, packet), headerRecord(1, ethernetFrame(0x86dd, packet, [5, 6]))]) {
      expect(ends(rowOf(record))).toBe('17 2001:db8::1:1 2001:db8::2:2');
    }
    expect(rowOf(headerRecord(1, ethernetFrame(0x86dd, packet, [5, 6])))).toMatchObject({
      flowLabel: 0x12345,
      srcVlan: 5,
      innerVlan: 6,
      etherType: 0x86dd,
      octets: 48n,
      tos: 0,
    });
  });

  test('the tag behind another is the inner VLAN, also where the agent tells the outer one', () => {
    const qinq = headerRecord(1, ethernetFrame(0x800, udp, [100, 200]));
    const told = tagged(1001, words(300, 0, 400, 0));
    expect(rowOf(qinq)).toMatchObject({ srcVlan: 100, dstVlan: 0, innerVlan: 200 });
    expect(rowOf(told, qinq)).toMatchObject({ srcVlan: 300, dstVlan: 400, innerVlan: 200 });
    expect(rowOf(headerRecord(1, ethernetFrame(0x800, udp, [100])))).toMatchObject({ srcVlan: 100, innerVlan: 0 });
    expect(rowOf(headerRecord(1, ethernetFrame(0x800, udp, [1, 2, 3])))).toMatchObject({ srcVlan: 1, innerVlan: 2 });
  });

  test('what is no IP keeps its frame, and refused headers do not shift those behind them', () => {
    const arp = headerRecord(1, ethernetFrame(0x806, new Uint8Array(28)), 64, 4);
    const good = (port: number) =>
      headerRecord(1, ethernetFrame(0x800, ipv4Packet({ payload: udpHeader(port, port) })));
    const samples = [good(1), arp, good(2), headerRecord(15, new Uint8Array(30), 90), arp, good(3)].map((record) =>
      flowSample({ records: [record] }),
    );
    const { rows, decode } = decodeAll(sflowDatagram({ samples }));
    expect(rows.map(({ srcPort, octets, etherType }) => [srcPort, octets, etherType])).toEqual([
      [1, 28n, 0x800],
      [0, 60n, 0x806],
      [2, 28n, 0x800],
      [0, 90n, 0],
      [0, 60n, 0x806],
      [3, 28n, 0x800],
    ]);
    expect([decode.records, decode.headersWithoutIp, decode.unknownHeaders]).toEqual([6, 2, 1]);
  });

  test('the length in the IP header counts, whatever the frame length says', () => {
    const packet = ipv4Packet({ total: 1500, payload: udpHeader(1, 2) });
    for (const frame of [0, 64, 1518, 2 ** 32 - 1]) {
      expect(rowOf(headerRecord(1, ethernetFrame(0x800, packet), frame, 4)).octets).toBe(1500n);
    }
    // Left 0 by segmentation offload: what the frame has behind the Ethernet header.
    const offloaded = ipv4Packet({ total: 0, payload: udpHeader(1, 2) });
    expect(rowOf(headerRecord(1, ethernetFrame(0x800, offloaded), 64_014)).octets).toBe(64_000n);
    expect(rowOf(headerRecord(11, offloaded, 70_018, 18)).octets).toBe(70_000n);
    // A jumbogram tells its length in a hop-by-hop option.
    const option = concat(new Uint8Array([17, 0, 0xc2, 4]), words(100_000));
    const jumbogram = concat(words(0x60000000), new Uint8Array(4), new Uint8Array(32).fill(1), option, udpHeader(1, 2));
    expect(rowOf(headerRecord(12, jumbogram, 500)).octets).toBe(100_040n);
  });

  test('Ethernet, IPv4 and IPv6 records stand in where there is no header', () => {
    const mac = (last: number) => new Uint8Array([2, 0, 0, 0, 0, last, 0, 0]);
    const ethernet = tagged(2, concat(words(64), mac(1), mac(2), words(0x806)));
    expect(rowOf(ethernet)).toMatchObject({
      octets: 64n,
      inSrcMac: 0x020000000001n,
      inDstMac: 0x020000000002n,
      etherType: 0x806,
    });
    const v4 = tagged(3, words(40, 6, 0x0a000003, 0x0a000004, 80, 443, 0x12, 0x28));
    expect(ends(rowOf(ethernet, v4))).toBe('6 10.0.0.3:80 10.0.0.4:443');
    expect(rowOf(v4, ethernet)).toMatchObject({ octets: 40n, tcpFlags: 0x12, tos: 0x28 });
    const v6 = tagged(4, words(60, 58, 1, 0, 0, 1, 2, 0, 0, 2, 0, 0, 0, 7));
    expect(ends(rowOf(v6))).toBe('58 0:1::1:0 0:2::2:0');
    // The packet itself knows better, but for what was cut off it.
    expect(ends(rowOf(v4, headerRecord(11, udp)))).toBe(UDP_ENDS);
    const cut = ipv4Packet({ total: 40, proto: 6, payload: new Uint8Array(2) });
    expect(ends(rowOf(v4, headerRecord(11, cut)))).toBe('6 10.0.0.1:80 10.0.0.2:443');
  });

  test('switch, router, gateway, MPLS and NAT records', () => {
    const row = rowOf(
      headerRecord(1, ethernetFrame(0x800, udp, [77])),
      tagged(1001, words(100, 0, 0xffff_ffff, 0)),
      tagged(1002, concat(addressV4('10.9.9.9'), words(24, 200))),
      tagged(
        1003,
        concat(
          addressV6(0x20010db8, 9),
          words(64_500, 64_501, 64_502, 2),
          words(2, 3, 11, 12, 13),
          words(1, 2, 14, 15),
          words(1, 0xabcd, 100),
        ),
      ),
      tagged(1006, concat(addressV4('0.0.0.0'), words(2, 0x00010040, 0x00020140, 0))),
      tagged(1007, concat(addressV4('198.51.100.1'), addressV4('198.51.100.2'))),
      tagged(1020, words(1111, 2222)),
    );
    expect(row).toMatchObject({ srcVlan: 100, dstVlan: 0, srcMask: 24, dstMask: 128 });
    expect(row).toMatchObject({ srcAs: 64_501, dstAs: 15, prevAs: 64_502, nextAs: 11 });
    expect(row).toMatchObject({ mpls1: 0x100, mpls2: 0x201, natSrcPort: 1111, natDstPort: 2222 });
    const addresses = ['nextHop', 'bgpNextHop', 'natSrcAddr', 'natDstAddr'].map((field) => addressOf(row, field));
    expect(addresses).toEqual(['10.9.9.9', '2001:db8::9', '198.51.100.1', '198.51.100.2']);
  });

  test('of two records of a kind the first counts', () => {
    expect(rowOf(tagged(1001, words(5, 0, 6, 0)), tagged(1001, words(7, 0, 8, 0)))).toMatchObject({
      srcVlan: 5,
      dstVlan: 6,
    });
  });

  test("the router's own AS is meant by 0 and by an empty path", () => {
    const row = rowOf(tagged(1003, concat(addressV4('0.0.0.0'), words(64_500, 0, 0, 0, 0, 100))));
    expect(row).toMatchObject({ srcAs: 64_500, dstAs: 64_500, prevAs: 0, nextAs: 0 });
    expect(addressOf(row, 'bgpNextHop')).toBe('::');
  });
});
