import fc from 'fast-check';
import { expect, it } from 'vitest';
import { packet, plain, settings, toTest } from './arbitrary-packets.ts';
import { collecting, encode, type TestColumns, type TestPacket, type TestRecord } from './packets.ts';
import { type PlainPacket, type PlainRecord, type ReferenceOptions, referenceCache } from './reference-cache.ts';

const columns = [
  'outPackets',
  'outOctets',
  'reverseFirstMs',
  'reverseLastMs',
  'reverseTcpFlags',
  'reverseTos',
  'biflowDirection',
  'firstNs',
  'lastNs',
] as const;

const TCP = 6;

const twoWay = fc.tuple(packet, fc.boolean()).map(([one, isBack]) => ({ ...one, isBack, vlan: 0, mac: 0 }));

const withoutMac = settings.filter(({ key }) => !key.mac && !key.vlan);

function turned(one: PlainPacket, hash: number): TestPacket {
  const test = toTest(one, hash);
  if (one.isBack !== true) return test;
  return { ...test, src: test.dst!, dst: test.src!, srcPort: test.dstPort!, dstPort: test.srcPort! };
}

/** A record of the reference as the cache has to tell it: from the way of who began, if there is any of it. */
function expected(record: PlainRecord): object {
  const { addresses, ports, proto, input, packets, reason } = record;
  const hasForward = record.ways[record.beganBack ? 1 : 0].packets > 0;
  const isBack = record.beganBack === hasForward;
  const [forward, reverse] = isBack ? [record.ways[1], record.ways[0]] : record.ways;
  const isKnown = hasForward && reverse.packets > 0 && (proto !== TCP || record.isBeginKnown);
  const ms = (us: number) => Math.floor(us / 1000);
  const nanoseconds = (us: number) => (us % 1000) * 1000;
  return {
    addresses: addresses & 3,
    ports,
    proto,
    input,
    reason,
    isBack,
    all: packets,
    packets: forward.packets,
    octets: forward.octets,
    flags: forward.flags,
    tos: forward.tos,
    firstMs: ms(forward.firstUs),
    lastMs: ms(forward.lastUs),
    firstNs: nanoseconds(forward.firstUs),
    lastNs: nanoseconds(forward.lastUs),
    outPackets: reverse.packets,
    outOctets: reverse.octets,
    reverseTcpFlags: reverse.flags,
    reverseTos: reverse.tos,
    reverseFirstMs: reverse.packets > 0 ? ms(reverse.firstUs) : 0,
    reverseLastMs: ms(reverse.lastUs),
    biflowDirection: isKnown ? 1 : 0,
    endMs: ms(record.endUs),
  };
}

function comparable(record: TestRecord, extras: TestColumns): object {
  const { src, dst, srcPort, dstPort, output: _, direction: __, ...rest } = record;
  const isBack = !src.includes(':a00000');
  const [from, to] = isBack ? [dst, src] : [src, dst];
  return {
    ...rest,
    ...extras,
    isBack,
    all: record.packets + extras.outPackets!,
    addresses: (from.endsWith('1') ? 1 : 0) | (to.endsWith('f') ? 2 : 0),
    ports: isBack ? dstPort | (srcPort << 16) : srcPort | (dstPort << 16),
  };
}

function run(packets: PlainPacket[], options: ReferenceOptions, portions: number[]): object[] {
  const { cache, records, extras } = collecting({ ...options, columns }, 7);
  const tests = packets.map((one) => turned(one, 1));
  for (let at = 0, turn = 0; at < tests.length; turn++) {
    const part = tests.slice(at, at + portions[turn % portions.length]!);
    const { words, times, extensions } = encode(part);
    cache.addPackets(words, times, part.length, extensions);
    at += part.length;
  }
  cache.flush();
  return records.map((record, i) => comparable(record, extras[i]!));
}

it('a biflow has of each way what the plain reference has', () => {
  fc.assert(
    fc.property(
      fc.array(twoWay, { minLength: 1, maxLength: 150 }),
      withoutMac,
      fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 4 }),
      (steps, options, portions) => {
        const packets = plain(steps);
        const { records } = referenceCache(packets, { ...options, biflow: true });
        expect(run(packets, { ...options, biflow: true }, portions)).toEqual(records.map(expected));
      },
    ),
    { numRuns: 1000 },
  );
});
