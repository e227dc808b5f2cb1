import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { PacketStats } from '../../src/addon/packet-source.ts';
import { MergedReader } from '../../src/capture/merged-reader.ts';
import { ReopeningInput, type ReopeningOptions } from '../../src/capture/reopening-input.ts';
import type { PacketInput, PacketSlot } from '../../src/capture/source.ts';
import { sumStats } from '../../src/capture/stats.ts';

/** A capture that gives `slots` slots and then ends for this reason, or when it is stopped. */
class Capture implements PacketInput {
  readonly released: PacketSlot[] = [];
  private left: number;
  private readonly why: string | null;
  private given = 0;
  private end: () => void = () => {};
  private readonly ended = new Promise<void>((resolve) => {
    this.end = resolve;
  });

  constructor(slots: number, why: string | null) {
    this.left = slots;
    this.why = why;
  }

  tryRead(): PacketSlot | undefined {
    if (this.left === 0) return undefined;
    this.left--;
    this.given++;
    const bytes = new Uint8Array(8);
    const [words, doubles] = [new Uint32Array(bytes.buffer), new Float64Array(bytes.buffer)];
    return { index: this.left, count: 1, bytes, words, doubles, extensions: undefined };
  }

  async read(): Promise<PacketSlot | undefined> {
    const slot = this.tryRead();
    if (slot === undefined && this.why === null) await this.ended;
    return slot;
  }

  release(slot: PacketSlot): void {
    this.released.push(slot);
  }

  stop(): void {
    this.left = 0;
    this.end();
  }

  stats(): PacketStats {
    return { ...sumStats([]), packets: this.given };
  }

  failure(): string | null {
    return this.why;
  }
}

function reopening(first: Capture | undefined, options: Partial<ReopeningOptions>) {
  const told: string[] = [];
  const input = new ReopeningInput(first, {
    open: () => Promise.reject(new Error('not asked for')),
    exists: () => true,
    refusal: () => null,
    onGone: (failure) => told.push(failure),
    onTrouble: (why) => told.push(why),
    onBack: () => told.push('back'),
    ...options,
  });
  return { input, told };
}

async function drain(input: PacketInput, onSlot: (slot: PacketSlot) => void = () => {}): Promise<number> {
  let count = 0;
  for (;;) {
    const slot = input.tryRead() ?? (await input.read());
    if (slot === undefined) return count;
    count++;
    onSlot(slot);
    input.release(slot);
  }
}

it('goes on with what is opened once the interface is there, counters and all, telling each once', async () => {
  const second = new Capture(2, null);
  let looked = 0;
  let failures = 1;
  const first = new Capture(3, 'tun0: went away');
  const { input, told } = reopening(first, {
    exists: () => ++looked > 1,
    open: () => (failures-- > 0 ? Promise.reject(new Error('tun0 is not up')) : Promise.resolve(second)),
  });
  const seen: [number, number | undefined][] = [];
  const count = await drain(input, () => {
    seen.push([input.stats().packets, input.awaySinceMs]);
    if (seen.length === 5) input.stop();
  });
  expect(count).toBe(5);
  expect(seen.map(([packets]) => packets)).toEqual([1, 2, 3, 4, 5]);
  expect(seen.every(([, away]) => away === undefined)).toBe(true);
  expect(told).toEqual(['tun0: went away', 'back']);
  expect([first.released.length, second.released.length]).toEqual([3, 2]);
  expect([input.timesGone, input.failure(), looked]).toEqual([1, null, 3]);
});

it('what is not to be opened at first is away until it is', async () => {
  const [capture, late] = [new Capture(2, null), performance.now() + 150];
  const { input, told } = reopening(undefined, {
    exists: () => performance.now() > late,
    open: () => Promise.resolve(capture),
  });
  expect([input.tryRead(), input.awaySinceMs !== undefined, input.stats().packets]).toEqual([undefined, true, 0]);
  const count = await drain(input, () => {
    if (input.stats().packets === 2) input.stop();
  });
  expect([count, told, input.timesGone, input.awaySinceMs, input.failure()]).toEqual([2, ['back'], 0, undefined, null]);
  const never = reopening(undefined, { exists: () => false });
  const end = drain(never.input);
  never.input.stop();
  expect([await end, never.input.failure()]).toEqual([0, null]);
});

it('a slot of a capture that has ended goes back there', async () => {
  const [first, second] = [new Capture(1, 'gone'), new Capture(1, null)];
  const { input } = reopening(first, { open: () => Promise.resolve(second) });
  const held = await input.read();
  const next = await input.read();
  input.release(held!);
  input.release(next!);
  expect([first.released, second.released]).toEqual([[held], [next]]);
  input.stop();
});

it('stop ends the search at once, and one that is away then is no failure', async () => {
  const { input, told } = reopening(new Capture(0, 'gone'), { exists: () => false });
  const end = drain(input);
  await sleep(150);
  expect(input.awaySinceMs).toBeLessThan(performance.now());
  expect(input.stats().packets).toBe(0);
  input.stop();
  expect(await end).toBe(0);
  expect([told, input.failure()]).toEqual([['gone'], null]);
});

it('ends when it may not open what is back; the others go on', async () => {
  const { input } = reopening(new Capture(1, 'gone'), {
    open: () => Promise.reject(new Error('not permitted')),
    refusal: (error) => `eth9 is back: ${(error as Error).message}`,
  });
  const other = new Capture(1, null);
  const lines: string[] = [];
  const merged = new MergedReader([input, other], (line) => {
    lines.push(line);
    other.stop();
  });
  expect(await drain(merged)).toBe(2);
  expect(lines).toEqual(['eth9 is back: not permitted']);
  expect(merged.failure()).toBe('eth9 is back: not permitted');
});

it('tells why it is not to be opened once, when that lasts', async () => {
  let tries = 0;
  const { input, told } = reopening(new Capture(0, 'gone'), {
    open: () => Promise.reject(new Error(++tries < 3 ? 'not up' : 'filter "ether host a": no such link type')),
  });
  const end = drain(input);
  while (tries < 6) await sleep(20);
  expect(told).toEqual(['gone', 'filter "ether host a": no such link type']);
  input.stop();
  await end;
}, 20_000);

it('a stop while the interface is being opened ends what comes of it', async () => {
  const second = new Capture(0, null);
  const { input } = reopening(new Capture(0, 'gone'), {
    open: async () => {
      input.stop();
      await sleep(5);
      return second;
    },
  });
  expect(await drain(input)).toBe(0);
});

it('an input that ends without a failure ends', async () => {
  const first = new Capture(2, null);
  const { input, told } = reopening(first, {});
  await input.read();
  input.stop();
  expect(await input.read()).toBe(undefined);
  expect(told).toEqual([]);
});
