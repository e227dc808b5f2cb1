import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EXTENSION_WORDS, X_FINGERPRINT, X_VLANS } from '../../src/addon/packet-extension-layout.ts';
import { P_INPUT, P_META, P_META_TTL_SHIFT, P_PORTS, P_TIME, PACKET_WORDS } from '../../src/addon/packet-layout.ts';
import { DuplicateFilter, type DuplicateMode } from '../../src/capture/duplicates.ts';
import type { PacketSlot } from '../../src/capture/source.ts';

interface Sighting {
  /** What the fingerprint is made of. */
  packet: number;
  ms?: number;
  ttl?: number;
  input?: number;
}

const START_US = 1_700_000_000_000_000;

/** Each sighting's number stands in its ports and in its VLANs. */
function slotOf(sightings: readonly Sighting[], first = 0): PacketSlot {
  const words = new Uint32Array(sightings.length * PACKET_WORDS);
  const doubles = new Float64Array(words.buffer);
  const extensions = new Uint32Array(sightings.length * EXTENSION_WORDS);
  sightings.forEach(({ packet, ms = 0, ttl = 64, input = 1 }, i) => {
    const p = i * PACKET_WORDS;
    words[p + P_PORTS] = first + i;
    words[p + P_INPUT] = input;
    words[p + P_META] = 4 | (ttl << P_META_TTL_SHIFT) | (123 << 20);
    doubles[(p + P_TIME) / 2] = START_US + ms * 1000;
    extensions[i * EXTENSION_WORDS + X_VLANS] = first + i;
    extensions[i * EXTENSION_WORDS + X_FINGERPRINT] = Math.imul(packet, 0x9e37_79b1);
    extensions[i * EXTENSION_WORDS + X_FINGERPRINT + 1] = packet;
  });
  const bytes = new Uint8Array(words.buffer);
  return { index: 0, count: sightings.length, bytes, words, doubles, extensions };
}

function keptOf(slot: PacketSlot): number[] {
  const numbers = Array.from({ length: slot.count }, (_, i) => slot.words[i * PACKET_WORDS + P_PORTS]!);
  const extensions = numbers.map((_, i) => slot.extensions![i * EXTENSION_WORDS + X_VLANS]!);
  expect(extensions, 'extension records stay beside their packets').toEqual(numbers);
  return numbers;
}

function kept(mode: DuplicateMode, sightings: readonly Sighting[], windowMs?: number): number[] {
  const filter = new DuplicateFilter(windowMs === undefined ? { mode } : { mode, windowMs });
  const slot = slotOf(sightings);
  filter.filter(slot);
  expect(filter.duplicates).toBe(sightings.length - slot.count);
  return keptOf(slot);
}

describe('same', () => {
  test('drops every further sighting within the window, whichever interface and order of times', () => {
    const sightings = [{ packet: 1, ms: 5 }, { packet: 2 }, { packet: 1, ms: 4 }, { packet: 1, ms: 15, input: 2 }];
    expect(kept('same', [...sightings, { packet: 1, ms: 15.1 }])).toEqual([0, 1, 4]);
    expect(kept('same', [{ packet: 7 }, { packet: 7, ms: 99 }, { packet: 7, ms: 201 }], 100)).toEqual([0, 2]);
  });

  test('keeps what a router has sent on', () => {
    expect(
      kept('same', [
        { packet: 1, ttl: 64 },
        { packet: 1, ttl: 63 },
        { packet: 1, ttl: 63 },
      ]),
    ).toEqual([0, 1]);
  });
});

describe('forwarded', () => {
  test('drops what left with a TTL less by one, in either order, or by another interface', () => {
    expect(
      kept('forwarded', [
        { packet: 1, ttl: 64 },
        { packet: 1, ttl: 63, ms: 49, input: 2 },
      ]),
    ).toEqual([0]);
    expect(
      kept('forwarded', [
        { packet: 1, ttl: 63, input: 2 },
        { packet: 1, ttl: 64 },
      ]),
    ).toEqual([0]);
    expect(kept('forwarded', [{ packet: 1 }, { packet: 1, input: 2 }, { packet: 1, input: 3 }])).toEqual([0]);
    // In and out by the same interface.
    expect(
      kept('forwarded', [
        { packet: 1, ttl: 9 },
        { packet: 1, ttl: 8 },
      ]),
    ).toEqual([0]);
  });

  test('keeps repetitions on one interface, loops, and what comes too late', () => {
    expect(kept('forwarded', [{ packet: 1 }, { packet: 1 }])).toEqual([0, 1]);
    expect(
      kept('forwarded', [
        { packet: 1, ttl: 64 },
        { packet: 1, ttl: 62, input: 2 },
      ]),
    ).toEqual([0, 1]);
    expect(kept('forwarded', [{ packet: 1 }, { packet: 1, ms: 51, input: 2 }])).toEqual([0, 1]);
  });
});

test('remembers from slot to slot, and leaves slots without extension records alone', () => {
  const filter = new DuplicateFilter({ mode: 'same' });
  filter.filter(slotOf([{ packet: 1 }, { packet: 2 }]));
  const slot = slotOf([{ packet: 3 }, { packet: 2 }, { packet: 1 }, { packet: 4 }], 2);
  filter.filter(slot);
  expect(keptOf(slot)).toEqual([2, 5]);
  expect(filter.duplicates).toBe(2);
  const plain = { ...slotOf([{ packet: 1 }]), extensions: undefined };
  filter.filter(plain);
  expect(plain.count).toBe(1);
});

test('a hundred thousand packets twice, with slots of two interfaces in turn: each once', () => {
  const filter = new DuplicateFilter({ mode: 'forwarded' });
  let count = 0;
  for (let from = 0; from < 100_000; from += 5000) {
    for (const input of [1, 2]) {
      const slot = slotOf(
        Array.from({ length: 5000 }, (_, i) => ({ packet: from + i, ms: from / 100, ttl: 65 - input, input })),
      );
      filter.filter(slot);
      count += slot.count;
    }
  }
  // A few sets of the table may get more packets at a time than they hold.
  expect(count).toBeGreaterThanOrEqual(100_000);
  expect(count).toBeLessThan(100_100);
});

test('as a list that is searched for each packet says', () => {
  const sighting = fc.record({
    packet: fc.integer({ min: 1, max: 3 }),
    ms: fc.integer({ min: 0, max: 60 }),
    ttl: fc.integer({ min: 62, max: 64 }),
    input: fc.integer({ min: 1, max: 2 }),
  });
  fc.assert(
    fc.property(
      fc.constantFrom('same', 'forwarded'),
      fc.array(sighting, { maxLength: 4 }),
      (mode: DuplicateMode, sightings) => {
        const seen: Sighting[] = [];
        const want = sightings.flatMap((now, i) => {
          const isDuplicate = seen.some((before) => {
            const ttls = Math.abs(before.ttl! - now.ttl);
            const near = Math.abs(before.ms! - now.ms) <= (mode === 'same' ? 10 : 50);
            const alike = mode === 'same' ? ttls === 0 : ttls === 1 || (ttls === 0 && before.input !== now.input);
            return before.packet === now.packet && near && alike;
          });
          if (isDuplicate) return [];
          seen.push(now);
          return [i];
        });
        expect(kept(mode, sightings)).toEqual(want);
      },
    ),
    { numRuns: 200 },
  );
});
