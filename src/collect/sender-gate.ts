import { D_RECEIVED_MS, D_SESSION, DATAGRAM_META_WORDS } from '../addon/datagram-layout.ts';
import { type AddressWords, formatAddress, isV4 } from '../flow/address.ts';
import { isInPrefix, type Prefix } from '../flow/prefix.ts';
import type { DatagramSlot } from './datagram-slot.ts';
import { isSameSender, senderAt, senderKey } from './sender-key.ts';

export interface SenderGateOptions {
  /** Blocks that exporters may have their addresses in; empty: any. */
  readonly allowed: readonly Prefix[];
  /** Datagrams a second that each sender may send, with a burst of one second; 0: any number. */
  readonly datagramsPerSecond: number;
  readonly log: (line: string) => void;
}

/** Networks and senders named in the log: the port is open to everybody. */
const MAX_NAMED = 256;
/** Times of receipt go back by less than this among threads; by more it is the clock that was set. */
const CLOCK_SLACK_MS = 1000;
/** Senders whose rate is followed; beyond that the counting begins anew for all. */
const MAX_BUCKETS = 65_536;

interface Bucket {
  tokens: number;
  latestMs: number;
}

/** Turns datagrams away before they cost anything: of senders that are not allowed, and beyond a sender's rate. */
export class SenderGate {
  /** Datagrams turned away. */
  denied = 0;
  throttled = 0;
  private readonly options: SenderGateOptions;
  private readonly buckets = new Map<number | string, Bucket>();
  private readonly named = new Set<string>();

  constructor(options: SenderGateOptions) {
    this.options = options;
  }

  allows(address: AddressWords): boolean {
    const { allowed } = this.options;
    return allowed.length === 0 || allowed.some((prefix) => isInPrefix(prefix, address));
  }

  /**
   * Leaves the descriptions of the datagrams that may pass, in their order, at the start of the slot; how many those
   * are. Messages of connections pass: who may connect was asked before, and they are slowed down instead.
   */
  pass(slot: DatagramSlot, count: number): number {
    const { allowed, datagramsPerSecond } = this.options;
    if (allowed.length === 0 && datagramsPerSecond === 0) return count;
    const { words } = slot;
    let kept = 0;
    for (let from = 0; from < count; ) {
      const at = from * DATAGRAM_META_WORDS;
      let to = from + 1;
      while (to < count && isSameSender(words, at, to * DATAGRAM_META_WORDS)) to++;
      const passing = this.passing(slot, from, to);
      if (kept !== from) words.copyWithin(kept * DATAGRAM_META_WORDS, at, at + passing * DATAGRAM_META_WORDS);
      kept += passing;
      from = to;
    }
    return kept;
  }

  /** How many of the datagrams `from` to `to`, all of one sender, pass: the first ones. */
  private passing({ words, doubles }: DatagramSlot, from: number, to: number): number {
    const at = from * DATAGRAM_META_WORDS;
    const offered = to - from;
    if (words[at + D_SESSION] !== 0) return offered;
    const address = senderAt(words, at);
    if (!this.allows(address)) {
      this.denied += offered;
      this.name(
        network(address),
        `datagrams from ${formatAddress(...address)} are dropped: no --allow has its address`,
      );
      return 0;
    }
    const { datagramsPerSecond } = this.options;
    if (datagramsPerSecond === 0) return offered;
    const bucket = this.bucketOf(senderKey(words, at));
    const nowMs = doubles[((to - 1) * DATAGRAM_META_WORDS + D_RECEIVED_MS) >>> 1]!;
    if (bucket.latestMs - nowMs > CLOCK_SLACK_MS) bucket.latestMs = nowMs;
    const earned = (Math.max(0, nowMs - bucket.latestMs) / 1000) * datagramsPerSecond;
    bucket.tokens = Math.min(datagramsPerSecond, bucket.tokens + earned);
    bucket.latestMs = Math.max(bucket.latestMs, nowMs);
    const passing = Math.min(offered, Math.floor(bucket.tokens));
    bucket.tokens -= passing;
    if (passing < offered) {
      this.throttled += offered - passing;
      const name = formatAddress(...address);
      this.name(name, `${name} sends more than ${datagramsPerSecond} datagrams a second: the rest is dropped`);
    }
    return passing;
  }

  private bucketOf(key: number | string): Bucket {
    let bucket = this.buckets.get(key);
    if (bucket === undefined) {
      if (this.buckets.size >= MAX_BUCKETS) this.buckets.clear();
      bucket = { tokens: this.options.datagramsPerSecond, latestMs: 0 };
      this.buckets.set(key, bucket);
    }
    return bucket;
  }

  private name(what: string, line: string): void {
    if (this.named.size >= MAX_NAMED || this.named.has(what)) return;
    this.named.add(what);
    this.options.log(line);
  }
}

/** The /24 of an IPv4 address, the /48 of an IPv6 one: whoever forges senders is named once. */
function network([w0, w1, w2, w3]: AddressWords): string {
  return isV4(w0, w1, w2) ? `${w3 >>> 8}` : `${w0}.${w1 >>> 16}`;
}
