/**
 * Frames that an npm package hands up one at a time, gathered into batches for the addon's decoder and given out in
 * slots like the addon's own: so that everything behind a packet source is the same for all of them.
 */
import { addon } from '../addon/addon.ts';
import { EXTENSION_BYTES } from '../addon/packet-extension-layout.ts';
import { PACKET_BYTES } from '../addon/packet-layout.ts';
import type { NativeFrameDecoder, PacketSourceOptions, PacketStats } from '../addon/packet-source.ts';
import { SLOT_END, SLOT_NONE } from '../addon/slot-source.ts';
import type { CaptureInterfaceName, PacketSlotSource } from './source.ts';
import { sumStats } from './stats.ts';

/** Frames decoded in one call, and the memory for them; any frame that npm packages hand up fits. */
const BATCH_FRAMES = 256;
const BATCH_BYTES = 1 << 20;
/** Offset, captured length, wire length and time of each frame. */
const META = 4;

const DEFAULT_SLOT_PACKETS = 4096;
const DEFAULT_SLOT_COUNT = 8;

export interface FrameSourceOptions extends PacketSourceOptions {
  /**
   * What happens while no slot is free. A package that reads a file does so in one go and cannot be made to wait:
   * 'grow' then keeps the records in more and more slots (64 bytes a packet, 192 with extension records). An interface drops ('drop') and counts.
   */
  whenFull: 'grow' | 'drop';
}

/** Losses that only the package knows. */
export interface PackageDrops {
  kernelDropped: number;
  interfaceDropped: number;
}

export class FrameSource implements PacketSlotSource {
  readonly slots: Uint8Array[] = [];
  readonly extensions: Uint8Array[] = [];
  readonly runs: Uint8Array[] = [];
  readonly #options: FrameSourceOptions;
  readonly #wake: () => void;
  readonly #slotPackets: number;
  readonly #counts: number[] = [];
  readonly #free: number[] = [];
  readonly #ready: number[] = [];
  /** The slot being filled, or -1. */
  #filling = -1;
  #filled = 0;
  readonly #frames = new Uint8Array(BATCH_BYTES);
  readonly #meta = new Float64Array(BATCH_FRAMES * META);
  #pending = 0;
  #pendingBytes = 0;
  readonly #decoders = new Map<number, NativeFrameDecoder>();
  #decoder: NativeFrameDecoder | undefined;
  #scratch: Uint8Array | undefined;
  #queueDropped = 0;
  #waiting = false;
  #ended = false;
  #failures: string[] = [];
  #onStop: (() => void) | undefined;
  #drops: () => PackageDrops = () => ({ kernelDropped: 0, interfaceDropped: 0 });

  constructor(options: FrameSourceOptions, wake: () => void) {
    this.#options = options;
    this.#wake = wake;
    // A batch must fit into one slot.
    this.#slotPackets = Math.max(options.slotPackets ?? DEFAULT_SLOT_PACKETS, BATCH_FRAMES);
    for (let i = 0; i < (options.slotCount ?? DEFAULT_SLOT_COUNT); i++) this.#free.push(this.#addSlot());
  }

  /** What the package must do on `stop`; it calls `end` when it has done so. */
  onStop(stop: () => void): void {
    this.#onStop = stop;
  }

  /** Where `stats` gets the package's counters. */
  countDropsWith(drops: () => PackageDrops): void {
    this.#drops = drops;
  }

  /** Frames from here on have this LINKTYPE_ number. Throws the addon's text if it cannot decode the type. */
  setLinkType(linkType: number): void {
    this.flush();
    let decoder = this.#decoders.get(linkType);
    if (decoder === undefined) {
      const { FrameDecoder } = addon();
      decoder = new FrameDecoder(linkType, this.#options);
      this.#decoders.set(linkType, decoder);
    }
    this.#decoder = decoder;
  }

  /** Takes over the first `captured` bytes of `frame`. `timeUs`: microseconds since 1970. */
  push(frame: Buffer, captured: number, wireLength: number, timeUs: number): void {
    const length = Math.min(captured, frame.length, BATCH_BYTES);
    if (this.#pending === BATCH_FRAMES || this.#pendingBytes + length > BATCH_BYTES) this.#decode();
    const at = this.#pendingBytes;
    frame.copy(this.#frames, at, 0, length);
    const meta = this.#meta;
    const base = this.#pending * META;
    meta[base] = at;
    meta[base + 1] = length;
    meta[base + 2] = wireLength;
    meta[base + 3] = timeUs;
    this.#pendingBytes = at + length;
    this.#pending++;
  }

  /** Gives out what has been gathered, full slot or not. */
  flush(): void {
    this.#decode();
    if (this.#filled > 0) this.#publish();
  }

  fail(text: string): void {
    this.#failures.push(text);
  }

  /** Nothing more will come. */
  end(): void {
    if (this.#ended) return;
    this.flush();
    this.#ended = true;
    this.#signal();
  }

  next(): number {
    const slot = this.#ready.shift();
    if (slot !== undefined) return slot;
    if (this.#ended) return SLOT_END;
    this.#waiting = true;
    return SLOT_NONE;
  }

  count(slot: number): number {
    return this.#counts[slot] ?? 0;
  }

  release(slot: number): void {
    this.#free.push(slot);
  }

  stop(): void {
    const stop = this.#onStop;
    this.#onStop = undefined;
    stop?.();
  }

  failure(): string | null {
    return this.#failures.length === 0 ? null : this.#failures.join('; ');
  }

  /** The packages do not tell. */
  interfaceNames(): CaptureInterfaceName[] {
    return [];
  }

  stats(): PacketStats {
    // The packages do not tell how far they are in a file: no bytes.
    const decoded = sumStats([...this.#decoders.values()].map((decoder) => decoder.stats()));
    return { ...decoded, ...this.#drops(), queueDropped: this.#queueDropped };
  }

  #addSlot(): number {
    const allocate = (bytes: number) => addon().allocateHuge(bytes).subarray(0, bytes);
    this.slots.push(allocate(this.#slotPackets * PACKET_BYTES));
    const { extended, decapsulate } = this.#options;
    if (extended || decapsulate) this.extensions.push(allocate(this.#slotPackets * EXTENSION_BYTES));
    this.#counts.push(0);
    return this.slots.length - 1;
  }

  #decode(): void {
    const count = this.#pending;
    if (count === 0 || this.#decoder === undefined) return;
    this.#pending = 0;
    this.#pendingBytes = 0;
    if (this.#filling >= 0 && this.#filled + count > this.#slotPackets) this.#publish();
    if (this.#filling < 0)
      this.#filling = this.#free.pop() ?? (this.#options.whenFull === 'grow' ? this.#addSlot() : -1);
    if (this.#filling < 0) {
      // Decoded all the same, so that the counters tell of every packet; the records are lost.
      this.#scratch ??= new Uint8Array(BATCH_FRAMES * PACKET_BYTES);
      this.#queueDropped += this.#decoder.decode(this.#frames, this.#meta, count, this.#scratch);
      return;
    }
    const out = this.slots[this.#filling]!.subarray(this.#filled * PACKET_BYTES);
    const extensions = this.extensions[this.#filling]?.subarray(this.#filled * EXTENSION_BYTES);
    this.#filled += this.#decoder.decode(this.#frames, this.#meta, count, out, extensions);
  }

  #publish(): void {
    this.#counts[this.#filling] = this.#filled;
    this.#ready.push(this.#filling);
    this.#filling = -1;
    this.#filled = 0;
    this.#signal();
  }

  #signal(): void {
    if (!this.#waiting) return;
    this.#waiting = false;
    this.#wake();
  }
}
