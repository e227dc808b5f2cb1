import type { DatagramOrigin, DecodeStream, KeptSet, SetContext } from '../wire/decode-context.ts';
import type { Limits } from './limits.ts';

interface PendingSet extends KeptSet {
  readonly storedMs: number;
}

/** Octets that a kept set costs besides its content, so that many tiny ones are no way around the limit. */
const OVERHEAD_BYTES = 256;

interface StreamSets {
  bytes: number;
  readonly bySetId: Map<number, PendingSet[]>;
}

/**
 * Data sets that wait for their template (RFC 3954 section 9), bounded in octets and time. A set is given out when the
 * first definition of its id arrives; one that replaces a known definition frees none, because none was kept then.
 */
export class PendingSets {
  stored = 0;
  replayed = 0;
  expired = 0;
  /** Not kept, or thrown out for a newer one, for lack of room. */
  dropped = 0;
  bytes = 0;
  /** In order of arrival. */
  private readonly waiting = new Set<PendingSet>();
  private readonly streams = new Map<DecodeStream, StreamSets>();
  private ready: PendingSet[] = [];
  private readonly limits: Limits;

  constructor(limits: Limits) {
    this.limits = limits;
  }

  /** Keeps a copy of the set `start` to `end`. */
  keep(
    setId: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    context: SetContext,
    origin: Readonly<DatagramOrigin>,
  ): void {
    const cost = end - start + OVERHEAD_BYTES;
    const { pendingBytes, pendingBytesPerStream } = this.limits;
    const sets = this.streams.get(context.stream);
    if (cost > pendingBytes || cost + (sets?.bytes ?? 0) > pendingBytesPerStream) {
      this.dropped++;
      return;
    }
    while (this.bytes + cost > pendingBytes && this.dropOldest()) this.dropped++;
    this.add(
      {
        stream: context.stream,
        setId,
        bytes: bytes.slice(start, end),
        origin: { ...origin },
        version: context.version,
        domain: context.domain,
        exportMs: context.exportMs,
        uptimeMs: context.uptimeMs,
        hasUptime: context.hasUptime,
        storedMs: origin.receivedMs,
      },
      cost,
    );
  }

  /** The first definition of an id came: its sets are ready to be decoded. */
  defined(stream: DecodeStream, setId: number): void {
    const sets = this.streams.get(stream)?.bySetId.get(setId);
    if (sets === undefined) return;
    for (const set of sets) {
      this.remove(set, false);
      this.ready.push(set);
      this.replayed++;
    }
    this.dropIndex(stream, setId);
  }

  /** Sets to decode now, in order of arrival; undefined when there are none. */
  takeReady(): KeptSet[] | undefined {
    if (this.ready.length === 0) return undefined;
    const sets = this.ready;
    this.ready = [];
    return sets;
  }

  /** Gives up sets that have waited too long. */
  expire(nowMs: number): void {
    for (let oldest = this.oldest(); oldest !== undefined; oldest = this.oldest()) {
      if (nowMs - oldest.storedMs < this.limits.pendingMs) return;
      this.dropOldest();
      this.expired++;
    }
  }

  private add(set: PendingSet, cost: number): void {
    let sets = this.streams.get(set.stream);
    if (sets === undefined) {
      sets = { bytes: 0, bySetId: new Map() };
      this.streams.set(set.stream, sets);
    }
    sets.bytes += cost;
    const same = sets.bySetId.get(set.setId);
    if (same === undefined) sets.bySetId.set(set.setId, [set]);
    else same.push(set);
    this.bytes += cost;
    this.waiting.add(set);
    this.stored++;
  }

  private oldest(): PendingSet | undefined {
    return this.waiting.values().next().value;
  }

  private dropOldest(): boolean {
    const set = this.oldest();
    if (set === undefined) return false;
    this.remove(set, true);
    return true;
  }

  private remove(set: PendingSet, fromIndex: boolean): void {
    const cost = set.bytes.length + OVERHEAD_BYTES;
    const sets = this.streams.get(set.stream)!;
    this.waiting.delete(set);
    this.bytes -= cost;
    sets.bytes -= cost;
    if (!fromIndex) return;
    const same = sets.bySetId.get(set.setId)!;
    same.splice(same.indexOf(set), 1);
    if (same.length === 0) this.dropIndex(set.stream, set.setId);
  }

  private dropIndex(stream: DecodeStream, setId: number): void {
    const sets = this.streams.get(stream)!;
    sets.bySetId.delete(setId);
    if (sets.bySetId.size === 0) this.streams.delete(stream);
  }
}
