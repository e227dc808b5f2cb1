import { EXTENSION_WORDS } from '../addon/packet-extension-layout.ts';
import { P_DST, P_META, P_META_VERSION_MASK, P_PORTS, P_SRC, P_TIME, PACKET_WORDS } from '../addon/packet-layout.ts';
import { copyWords, signed } from './copy-words.ts';
import { MAX_TIME_US } from './packet-clock.ts';
import { type Portion, ROUND_PACKETS } from './packet-round.ts';

/** Packets of a round that is being filled. */
export interface OpenRound {
  readonly views: Portion;
  /** Of each worker: packets and marks so far. */
  readonly counts: Int32Array;
  readonly marks: Int32Array;
  packets: number;
}

/**
 * Shares packets out over workers by their addresses (both ways of a conversation to the same one) and, where those are
 * in the key, ports; whatever else is in the key, a flow's packets all go to one worker. Keeps the clock of all packets:
 * a worker has it from the times of its own packets, but before one that is late it has to be told.
 */
export class PacketDistributor {
  /** Packets whose time cannot be; they are passed on with one that can, as `PacketClock` has it. */
  badTimes = 0;
  private readonly shards: number;
  private readonly hasPorts: boolean;
  private readonly seed: number;
  /** Largest packet time so far, the number of the next packet, and the time of the packet in hand. */
  private readonly now = new Float64Array([Number.NEGATIVE_INFINITY, 0, 0]);
  /** What each worker knows of the clock. */
  private readonly known: Float64Array;

  /** `seed` decides who gets what; without evictions it never changes results. */
  constructor(shards: number, hasPorts: boolean, seed: number) {
    this.shards = shards;
    this.hasPorts = hasPorts;
    this.seed = seed | 0;
    this.known = new Float64Array(shards).fill(Number.NEGATIVE_INFINITY);
  }

  get clockUs(): number {
    return this.now[0]!;
  }

  /** As `FlowCache.advance`. */
  advance(clockUs: number): void {
    if (!(clockUs > this.now[0]! && this.now[0]! >= 0)) return;
    this.now[0] = Math.min(Math.floor(clockUs), MAX_TIME_US);
  }

  forget(): void {
    this.now[0] = Number.NEGATIVE_INFINITY;
    this.known.fill(Number.NEGATIVE_INFINITY);
  }

  /** Every worker is told what the clock shows. */
  announce(): void {
    this.known.fill(this.now[0]!);
  }

  /** Adds the packets from `from` on to a round until that is full; returns the number of the first that is left. */
  distribute(
    words: Uint32Array,
    times: Float64Array,
    extensions: Uint32Array | undefined,
    from: number,
    count: number,
    round: OpenRound,
  ): number {
    const { now, known, shards, hasPorts, seed } = this;
    const { counts } = round;
    const { numbers } = round.views;
    const isExtended = round.views.extensions !== undefined;
    if (isExtended && extensions === undefined) throw new Error('flow cache: no extension records');
    const [records, toRecords] = [signed(words), signed(round.views.words)];
    const more = isExtended ? signed(extensions!) : undefined;
    const toMore = isExtended ? signed(round.views.extensions!) : undefined;
    const to = Math.min(count, from + ROUND_PACKETS - round.packets);
    const first = now[1]!;
    let clock = now[0]!;
    for (let packet = from; packet < to; packet++) {
      const p = packet * PACKET_WORDS;
      const isV6 = (words[p + P_META]! & P_META_VERSION_MASK) !== 4;
      const shard = (hashOf(words, p, isV6, hasPorts, seed) * shards) >>> 16;
      const at = counts[shard]!;
      counts[shard] = at + 1;
      const place = shard * ROUND_PACKETS + at;
      copyWords(records, p, toRecords, place * PACKET_WORDS, PACKET_WORDS);
      numbers[place] = first + packet - from;
      const time = Math.floor(times[(p + P_TIME) >>> 1]!);
      if (time >= clock && time >= 0 && time <= MAX_TIME_US) {
        clock = time;
        known[shard] = time;
      } else {
        now[0] = clock;
        now[2] = time;
        this.takeOdd(round, shard, at);
        clock = now[0]!;
      }
      if (more !== undefined) {
        copyWords(more, packet * EXTENSION_WORDS, toMore!, place * EXTENSION_WORDS, EXTENSION_WORDS);
      }
    }
    now[0] = clock;
    now[1] = first + to - from;
    round.packets += to - from;
    return to;
  }

  /** Brings the time of the packet in hand into range, and marks what the clock shows before it if it is late. */
  private takeOdd(round: OpenRound, shard: number, at: number): void {
    const { now, known } = this;
    const place = shard * ROUND_PACKETS + at;
    let time = now[2]!;
    if (!(time >= 0 && time <= MAX_TIME_US)) {
      this.badTimes++;
      if (Number.isNaN(time)) time = Math.max(now[0]!, 0);
      else time = time < 0 ? 0 : MAX_TIME_US;
      round.views.times[(place * PACKET_WORDS + P_TIME) >>> 1] = time;
    }
    if (time >= now[0]!) {
      now[0] = time;
      known[shard] = time;
    } else if (known[shard]! < now[0]!) {
      const mark = round.marks[shard]!;
      round.marks[shard] = mark + 1;
      round.views.markPackets[shard * ROUND_PACKETS + mark] = at;
      round.views.markClocks[shard * ROUND_PACKETS + mark] = now[0]!;
      known[shard] = now[0]!;
    }
  }
}

/** 16 bits that are the same for both ways of a conversation; mixing as in MurmurHash3 (public domain). */
function hashOf(words: Uint32Array, p: number, isV6: boolean, hasPorts: boolean, seed: number): number {
  let hash = seed ^ (words[p + P_SRC + 3]! + words[p + P_DST + 3]!);
  if (isV6) {
    for (let i = 0; i < 3; i++) {
      hash = Math.imul(hash ^ (hash >>> 15), 0xcc9e2d51) ^ (words[p + P_SRC + i]! + words[p + P_DST + i]!);
    }
  }
  if (hasPorts) {
    const ports = words[p + P_PORTS]!;
    hash = Math.imul(hash ^ (hash >>> 15), 0x1b873593) ^ ((ports & 0xffff) + (ports >>> 16));
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash >>> 16;
}
