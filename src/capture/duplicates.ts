import { addon } from '../addon/addon.ts';
import { EXTENSION_WORDS, X_FINGERPRINT } from '../addon/packet-extension-layout.ts';
import { P_INPUT, P_META, P_META_TTL_SHIFT, P_TIME, PACKET_WORDS } from '../addon/packet-layout.ts';
import { movePacket, type PacketSlot } from './source.ts';

/**
 * What makes a packet with a known fingerprint a duplicate. `same`: the same TTL, as a mirror port makes them that
 * delivers what comes in and what goes out. `forwarded`: a TTL that differs by one, or the same TTL on another interface,
 * as a router or bridge makes them that is captured from on both sides.
 */
export type DuplicateMode = 'same' | 'forwarded';

export interface DuplicateFilterOptions {
  readonly mode: DuplicateMode;
  /** Two sightings are this far apart at most, packet time; default 10 ms, `forwarded` 50 ms. */
  readonly windowMs?: number;
}

/** Docs/decisions/0121 says why. */
const WINDOW_MS = { same: 10, forwarded: 50 } as const;

/** A set is a cache line: its packets from the newest to the oldest, four words each. */
const WAYS = 4;
const E_FINGERPRINT = 0;
/** Microseconds, the low 32 bits. */
const E_TIME = 2;
/** TTL | input << 8. */
const E_TTL_INPUT = 3;
const ENTRY_WORDS = 4;
const SET_WORDS = WAYS * ENTRY_WORDS;
/** 262,144 packets in 4 MiB: a quarter of a second of a million packets a second, twice what slots may lag. */
const SETS = 1 << 16;

const TTL_MASK = 0xff;
const INPUT_SHIFT = 8;

/**
 * Drops packets that were seen before. It keeps the first of each, whatever the order of their times, and remembers a
 * fixed number of packets: what is forgotten too early counts twice, nothing worse.
 */
export class DuplicateFilter {
  /** Packets dropped so far. */
  duplicates = 0;
  readonly #isForwarded: boolean;
  readonly #windowUs: number;
  readonly #table: Uint32Array;

  constructor({ mode, windowMs = WINDOW_MS[mode] }: DuplicateFilterOptions) {
    this.#isForwarded = mode === 'forwarded';
    this.#windowUs = windowMs * 1000;
    const bytes = SETS * SET_WORDS * 4;
    const memory = addon().allocateHuge(bytes);
    this.#table = new Uint32Array(memory.buffer, memory.byteOffset, bytes >> 2);
  }

  /**
   * Takes the duplicates out of a slot, in place; the order of the rest is as before. The slot's source must be opened
   * `extended`: without extension records there is nothing to tell packets by, and all stay.
   */
  filter(slot: PacketSlot): void {
    const { words, doubles, extensions, count } = slot;
    if (extensions === undefined) return;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const x = i * EXTENSION_WORDS + X_FINGERPRINT;
      const p = i * PACKET_WORDS;
      const ttl = (words[p + P_META]! >>> P_META_TTL_SHIFT) & TTL_MASK;
      const ttlInput = (ttl | (words[p + P_INPUT]! << INPUT_SHIFT)) >>> 0;
      const timeUs = doubles[(p + P_TIME) >> 1]! >>> 0;
      if (this.#knows(extensions[x]!, extensions[x + 1]!, timeUs, ttlInput)) continue;
      if (kept !== i) movePacket(slot, i, kept);
      kept++;
    }
    slot.count = kept;
    this.duplicates += count - kept;
  }

  /** Whether this is a duplicate; if not it is remembered. */
  #knows(low: number, high: number, timeUs: number, ttlInput: number): boolean {
    const table = this.#table;
    const set = (low & (SETS - 1)) * SET_WORDS;
    for (let at = set; at < set + SET_WORDS; at += ENTRY_WORDS) {
      if (table[at + E_FINGERPRINT] !== low || table[at + E_FINGERPRINT + 1] !== high) continue;
      if (Math.abs((timeUs - table[at + E_TIME]!) | 0) > this.#windowUs) continue;
      if (this.#isDuplicate(table[at + E_TTL_INPUT]!, ttlInput)) return true;
    }
    table.copyWithin(set + ENTRY_WORDS, set, set + SET_WORDS - ENTRY_WORDS);
    table[set + E_FINGERPRINT] = low;
    table[set + E_FINGERPRINT + 1] = high;
    table[set + E_TIME] = timeUs;
    table[set + E_TTL_INPUT] = ttlInput;
    return false;
  }

  #isDuplicate(before: number, now: number): boolean {
    const difference = Math.abs((before & TTL_MASK) - (now & TTL_MASK));
    if (!this.#isForwarded) return difference === 0;
    return difference === 1 || (difference === 0 && before !== now);
  }
}
