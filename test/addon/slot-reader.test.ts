import { describe, expect, it } from 'vitest';
import { SlotReader } from '../../src/addon/slot-reader.ts';
import { SLOT_END, SLOT_NONE, type SlotSource } from '../../src/addon/slot-source.ts';

/** Says what it is told to, in order, then `SLOT_END`. */
class ScriptedSource implements SlotSource {
  readonly slots: Uint8Array[] = [];
  readonly released: number[] = [];
  readonly script: number[];
  readonly wake: () => void;

  constructor(script: number[], wake: () => void) {
    this.script = script;
    this.wake = wake;
  }
  next(): number {
    const code = this.script.shift() ?? SLOT_END;
    if (code === SLOT_NONE) setImmediate(this.wake);
    return code;
  }
  count(): number {
    return 1;
  }
  release(slot: number): void {
    this.released.push(slot);
  }
  stop(): void {
    this.script.length = 0;
  }
  failure(): string | null {
    return null;
  }
}

const reading = (script: number[]) => new SlotReader((wake) => new ScriptedSource(script, wake));

describe('SlotReader', () => {
  it('gives slots in order, waits where there is none, and ends', async () => {
    const reader = reading([0, 1, SLOT_NONE, SLOT_NONE, 2, SLOT_NONE]);
    const seen: number[] = [];
    for (;;) {
      const slot = reader.tryRead() ?? (await reader.read());
      if (slot === undefined) break;
      seen.push(slot);
      reader.release(slot);
    }
    expect(seen).toEqual([0, 1, 2]);
    expect(reader.source.released).toEqual([0, 1, 2]);
    expect(await reader.read()).toBeUndefined();
  });

  it('survives a wake that nobody waits for', async () => {
    const reader = reading([SLOT_NONE, SLOT_NONE, 3]);
    expect(reader.tryRead()).toBeUndefined();
    reader.source.wake();
    expect(await reader.read()).toBe(3);
  });

  it('lets the event loop turn though the source is never empty', async () => {
    const reader = reading(new Array<number>(1e6).fill(0));
    let fired = false;
    setTimeout(() => {
      fired = true;
    }, 1);
    let reads = 0;
    while (!fired && (reader.tryRead() ?? (await reader.read())) !== undefined) {
      reads++;
      const until = performance.now() + 0.5;
      while (performance.now() < until);
    }
    expect(fired).toBe(true);
    expect(reads).toBeGreaterThan(0);
  });

  it('refuses two readers at a time', async () => {
    const reader = reading([SLOT_NONE, 0]);
    const first = reader.read();
    await expect(reader.read()).rejects.toThrow('another read waits');
    expect(await first).toBe(0);
  });
});
