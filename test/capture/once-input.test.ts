import { describe, expect, it } from 'vitest';
import { EXTENSION_WORDS, X_FINGERPRINT, X_VLANS } from '../../src/addon/packet-extension-layout.ts';
import { P_META, P_PORTS, PACKET_WORDS } from '../../src/addon/packet-layout.ts';
import { DuplicateFilter } from '../../src/capture/duplicates.ts';
import { LocalVlans } from '../../src/capture/local-vlans.ts';
import { OnceInput } from '../../src/capture/once-input.ts';
import type { PacketInput, PacketSlot } from '../../src/capture/source.ts';
import { encode } from '../cache/packets.ts';

const INGRESS = 0x40;
const EGRESS = 0xc0;

interface Sighting {
  id: number;
  ttl: number;
  direction: number;
}

function slotOf(input: number, sightings: Sighting[]): PacketSlot {
  const { words, times } = encode(
    sightings.map(({ id, ttl, direction }) => ({
      timeUs: 1e15,
      input,
      srcPort: id,
      ttl,
      meta: direction,
    })),
  );
  const extensions = new Uint32Array(sightings.length * EXTENSION_WORDS);
  sightings.forEach(({ id }, i) => {
    extensions[i * EXTENSION_WORDS + X_FINGERPRINT] = id * 7919;
    extensions[i * EXTENSION_WORDS + X_FINGERPRINT + 1] = id;
  });
  return {
    index: 0,
    count: sightings.length,
    bytes: new Uint8Array(words.buffer),
    words,
    doubles: times,
    extensions,
  };
}

/** An input that gives slots as they are pushed, and ends. */
function feed() {
  const waiting: PacketSlot[] = [];
  let wake: (() => void) | undefined;
  let ended = false;
  const released: PacketSlot[] = [];
  const input: PacketInput = {
    tryRead: () => waiting.shift(),
    read: async () => {
      while (waiting.length === 0 && !ended) await new Promise<void>((resolve) => (wake = resolve));
      return waiting.shift();
    },
    release: (slot) => released.push(slot),
    stop: () => {
      ended = true;
      wake?.();
    },
    stats: () => ({}) as ReturnType<PacketInput['stats']>,
    failure: () => null,
  };
  const push = (slot: PacketSlot) => {
    waiting.push(slot);
    wake?.();
  };
  return { input, push, released };
}

const idsOf = (slot: PacketSlot) =>
  Array.from({ length: slot.count }, (_, i) => slot.words[i * PACKET_WORDS + P_PORTS]! & 0xffff);

async function readAll(input: PacketInput): Promise<number[]> {
  const ids: number[] = [];
  for (;;) {
    const slot = input.tryRead() ?? (await input.read());
    if (slot === undefined) return ids;
    ids.push(...idsOf(slot));
    input.release(slot);
  }
}

describe('packets that count once', () => {
  it('count where they came in, though the sighting on the way out is handed over first', async () => {
    const filter = new DuplicateFilter({ mode: 'forwarded' });
    const [left, right] = [feed(), feed()];
    let nowMs = 0;
    const [r0, r1] = [left, right].map(({ input }) => new OnceInput(input, filter, () => nowMs)) as [
      OnceInput,
      OnceInput,
    ];
    // 1 is forwarded, 2 is the router's own, 3 is for the router.
    right.push(
      slotOf(2, [
        { id: 1, ttl: 63, direction: EGRESS },
        { id: 2, ttl: 64, direction: EGRESS },
      ]),
    );
    const first = r1.tryRead()!;
    expect(idsOf(first)).toEqual([]);
    r1.release(first);
    nowMs = 199;
    expect(r1.tryRead()).toBeUndefined();
    left.push(
      slotOf(1, [
        { id: 1, ttl: 64, direction: INGRESS },
        { id: 3, ttl: 64, direction: INGRESS },
      ]),
    );
    expect(idsOf(r0.tryRead()!)).toEqual([1, 3]);
    nowMs = 200;
    expect(idsOf(r1.tryRead()!)).toEqual([2]);
    expect(filter.duplicates).toBe(1);
    expect([left.released.length, right.released.length]).toEqual([0, 1]);
  });

  it('come out of a source that is silent, and of one that has ended', async () => {
    const { input, push, released } = feed();
    const once = new OnceInput(input, new DuplicateFilter({ mode: 'forwarded' }));
    const silent = once.read();
    push(slotOf(2, [{ id: 1, ttl: 64, direction: EGRESS }]));
    once.release((await silent)!);
    expect(idsOf((await once.read())!)).toEqual([1]);
    push(slotOf(2, [{ id: 2, ttl: 64, direction: EGRESS }]));
    input.stop();
    expect(await readAll(once)).toEqual([2]);
    expect(released.length).toBe(2);
  });

  it('are held back no longer than needed, in memory that is used again', async () => {
    let nowMs = 0;
    const { input, push } = feed();
    const once = new OnceInput(input, new DuplicateFilter({ mode: 'forwarded' }), () => nowMs);
    const seen = new Set<PacketSlot>();
    for (let id = 1; id <= 20; id++) {
      const slot = slotOf(2, [{ id, ttl: 64, direction: EGRESS }]);
      push(slot);
      expect(idsOf(once.tryRead()!)).toEqual([]);
      nowMs += 199;
      expect(once.tryRead()).toBeUndefined();
      nowMs += 1;
      const held = once.tryRead()!;
      expect(idsOf(held)).toEqual([id]);
      seen.add(held);
      once.release(held);
    }
    expect(seen.size).toBe(1);
    input.stop();
    expect(await once.read()).toBeUndefined();
  });

  it('come out early when too much is held back', () => {
    const { input, push } = feed();
    const once = new OnceInput(input, new DuplicateFilter({ mode: 'forwarded' }), () => 0);
    const early: number[] = [];
    for (let id = 1; id <= 200; id++) {
      push(slotOf(2, [{ id, ttl: 64, direction: EGRESS }]));
      for (let slot = once.tryRead(); slot !== undefined; slot = once.tryRead()) early.push(...idsOf(slot));
    }
    expect(early).toEqual(Array.from({ length: 200 - 128 }, (_, i) => i + 1));
  });

  it('a failure of the input reaches the reader', async () => {
    const { input } = feed();
    const broken = { ...input, read: () => Promise.reject(new Error('gone')) };
    await expect(new OnceInput(broken, new DuplicateFilter({ mode: 'forwarded' })).read()).rejects.toThrow('gone');
  });
});

describe('--local-vlan', () => {
  it('tells this side by the outer tag', () => {
    const slot = slotOf(
      1,
      [1, 2, 3, 4].map((id) => ({ id, ttl: 64, direction: id % 2 === 0 ? EGRESS : 0 })),
    );
    [100, 200, 0, 300 | (100 << 16)].forEach((vlans, i) => {
      slot.extensions![i * EXTENSION_WORDS + X_VLANS] = vlans;
    });
    new LocalVlans([100, 300]).tell(slot.words, slot.extensions!, slot.count);
    const directions = Array.from({ length: 4 }, (_, i) => slot.words[i * PACKET_WORDS + P_META]! & EGRESS);
    expect(directions).toEqual([EGRESS, INGRESS, INGRESS, EGRESS]);
  });
});
