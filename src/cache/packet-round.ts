import { EXTENSION_WORDS } from '../addon/packet-extension-layout.ts';
import { PACKET_WORDS } from '../addon/packet-layout.ts';

/** Packets of a round at most: two slots of the addon. */
export const ROUND_PACKETS = 8192;

/** The packets of a round that one worker meters, as views over memory that it shares with the main thread. */
export interface Portion {
  readonly words: Uint32Array;
  readonly times: Float64Array;
  /** Number of each packet among all. */
  readonly numbers: Float64Array;
  readonly extensions: Uint32Array | undefined;
  /**
   * Before packet `markPackets[i]` of the portion the clock of all packets showed `markClocks[i]`, which the packets
   * of the portion do not tell.
   */
  readonly markPackets: Uint32Array;
  readonly markClocks: Float64Array;
}

/** Bytes of the memory of a round, all of whose packets may be for one worker. */
export function roundBytes(shards: number, isExtended: boolean): number {
  const perPacket = (PACKET_WORDS + (isExtended ? EXTENSION_WORDS : 0)) * 4 + 8 + 8 + 4;
  return shards * ROUND_PACKETS * perPacket;
}

/**
 * Memory of a round, seen as the portions of all workers one after another: packet p of worker w stands at place
 * w * ROUND_PACKETS + p of each array.
 */
export function roundViews(memory: SharedArrayBuffer, shards: number, isExtended: boolean): Portion {
  const places = shards * ROUND_PACKETS;
  let at = 0;
  const next = (bytes: number) => {
    at += bytes;
    return at - bytes;
  };
  const records = next(places * PACKET_WORDS * 4);
  return {
    words: new Uint32Array(memory, records, places * PACKET_WORDS),
    times: new Float64Array(memory, records, (places * PACKET_WORDS) >>> 1),
    numbers: new Float64Array(memory, next(places * 8), places),
    markClocks: new Float64Array(memory, next(places * 8), places),
    extensions: isExtended
      ? new Uint32Array(memory, next(places * EXTENSION_WORDS * 4), places * EXTENSION_WORDS)
      : undefined,
    markPackets: new Uint32Array(memory, next(places * 4), places),
  };
}

/** The part of `portion` from packet `from` on, up to `to`. */
export function portionPart(portion: Portion, from: number, to: number): Portion {
  return {
    words: portion.words.subarray(from * PACKET_WORDS, to * PACKET_WORDS),
    times: portion.times.subarray((from * PACKET_WORDS) >>> 1, (to * PACKET_WORDS) >>> 1),
    numbers: portion.numbers.subarray(from, to),
    extensions: portion.extensions?.subarray(from * EXTENSION_WORDS, to * EXTENSION_WORDS),
    markPackets: portion.markPackets.subarray(from, to),
    markClocks: portion.markClocks.subarray(from, to),
  };
}

/** The portion of one worker. */
export function portionOf(memory: SharedArrayBuffer, shard: number, shards: number, isExtended: boolean): Portion {
  return portionPart(roundViews(memory, shards, isExtended), shard * ROUND_PACKETS, (shard + 1) * ROUND_PACKETS);
}
