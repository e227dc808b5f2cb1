import { expect, it } from 'vitest';
import { P_META_DIRECTION_KNOWN, P_META_EGRESS } from '../../src/addon/packet-layout.ts';
import { parseTrack } from '../../src/cache/key-fields.ts';
import { collecting, type TestPacket } from './packets.ts';

const columns = ['outPackets', 'outOctets', 'biflowDirection', 'inSrcMac', 'minTtl'] as const;
const LOW: [number, number, number, number] = [0, 0, 0xffff, 0x0a000001];
const HIGH: [number, number, number, number] = [0, 0, 0xffff, 0x0a000002];
const there: TestPacket = { src: HIGH, dst: LOW, srcPort: 999, dstPort: 80, timeUs: 1e15, flags: 0x10 };
const back: TestPacket = { src: LOW, dst: HIGH, srcPort: 80, dstPort: 999, timeUs: 1e15 + 5, flags: 0x10 };

function meter(...packets: TestPacket[]) {
  const { cache, records, extras, add } = collecting({ biflow: true, columns });
  add(...packets);
  cache.flush();
  return records.map((record, i) => ({ ...record, ...extras[i]! }));
}

it('an answer goes back to who asked, though its question was not seen', () => {
  const synAck = { ...there, flags: 0x12, srcMac: 5, ttl: 10 };
  const ack = { ...back, srcMac: 6, ttl: 20 };
  expect(meter(synAck, ack, ack)).toMatchObject([
    { srcPort: 80, dstPort: 999, packets: 2, outPackets: 1, biflowDirection: 1, inSrcMac: 6, minTtl: 20 },
  ]);
  // Alone it is a flow of its own way.
  expect(meter(synAck)).toMatchObject([
    { srcPort: 999, packets: 1, outPackets: 0, biflowDirection: 0, flags: 0x12, inSrcMac: 5 },
  ]);
});

it('a connection without a beginning has a source all the same', () => {
  expect(meter(there, back)).toMatchObject([{ srcPort: 999, packets: 1, outPackets: 1, biflowDirection: 0 }]);
});

it('ports tell the ends of one host apart', () => {
  const self = { ...there, dst: HIGH };
  const answer = { ...back, src: HIGH };
  expect(meter(self, answer, answer)).toMatchObject([{ srcPort: 999, dstPort: 80, packets: 1, outPackets: 2 }]);
});

it('the ToS of each way is its own and tells no flows apart', () => {
  expect(meter({ ...there, tos: 8 }, { ...back, tos: 16 })).toMatchObject([{ tos: 8, packets: 1, outPackets: 1 }]);
});

it('joins ICMP requests and answers, and nothing else of ICMP', () => {
  const icmp = (type: number, packet: TestPacket, proto = 1) => ({
    ...packet,
    srcPort: 0,
    dstPort: type << 8,
    proto,
    flags: 0,
  });
  expect(meter(icmp(8, there), icmp(0, back))).toMatchObject([{ dstPort: 8 << 8, packets: 1, outPackets: 1 }]);
  expect(meter(icmp(0, back), icmp(8, there))).toMatchObject([
    { src: '0:0:ffff:a000002', dstPort: 8 << 8, packets: 1, outPackets: 1, biflowDirection: 1 },
  ]);
  expect(meter(icmp(0, back))).toMatchObject([{ src: '0:0:ffff:a000001', dstPort: 0, packets: 1, outPackets: 0 }]);
  expect(meter(icmp(129, back, 58))).toMatchObject([{ dstPort: 129 << 8, packets: 1 }]);
  expect(meter(icmp(3, there), icmp(3, back))).toMatchObject([{ outPackets: 0 }, { outPackets: 0 }]);
});

it('has the direction of its source', () => {
  const out = { ...there, input: 3, meta: P_META_DIRECTION_KNOWN | P_META_EGRESS };
  const comesIn = { ...back, input: 3, meta: P_META_DIRECTION_KNOWN };
  expect(meter(out, comesIn)).toMatchObject([{ direction: 1, input: 0, output: 3, packets: 1, outPackets: 1 }]);
  expect(meter({ ...comesIn, flags: 0x12 }, out)).toMatchObject([{ srcPort: 999, direction: 1, output: 3 }]);
  expect(meter({ ...comesIn, flags: 0x12 })).toMatchObject([{ srcPort: 80, direction: 0, input: 3, output: 0 }]);
});

it('is not told apart by MAC addresses', () => {
  expect(() => collecting({ biflow: true, key: parseTrack('ether') })).toThrow(/MAC/);
});
