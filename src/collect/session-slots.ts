import {
  D_LENGTH,
  D_LISTENER,
  D_LOCAL_PORT,
  D_OFFSET,
  D_RECEIVED_MS,
  D_SESSION,
  D_SRC_HI,
  D_SRC_LO,
  D_SRC_PORT,
  DATAGRAM_META_BYTES,
  DATAGRAM_META_WORDS,
} from '../addon/datagram-layout.ts';
import type { AddressWords } from '../flow/address.ts';
import { MAX_MESSAGE_BYTES } from '../wire/protocol.ts';
import type { DatagramInput } from './datagram-input.ts';
import { DatagramSlot } from './datagram-slot.ts';

/** What stands beside each message of one session. */
export interface SessionOrigin {
  readonly address: AddressWords;
  readonly port: number;
  readonly localPort: number;
  readonly listener: number;
  readonly session: number;
}

/** A slot must hold a message of any length and its description. */
const MIN_SLOT_BYTES = 2 * (MAX_MESSAGE_BYTES + 1);

/**
 * Slots that are filled from JavaScript and read as those of the addon: descriptions from the start, payloads from the
 * end downwards. A slot is handed over when it is full or somebody waits for it.
 */
export class SessionSlots implements DatagramInput {
  readonly slots: readonly DatagramSlot[];
  messages = 0;
  octets = 0;
  private readonly counts: number[];
  private readonly free: number[];
  private readonly ready: number[] = [];
  private readonly released: (slot: number) => void;
  private filling = -1;
  /** Where the payloads of the slot at hand begin. */
  private floor = 0;
  private wakeUp: (() => void) | undefined;
  private wakes = false;
  private isEnded = false;

  /** `released` is told when a slot has been read and there is room again. */
  constructor(count: number, slotBytes: number, released: (slot: number) => void) {
    const bytes = Math.max(slotBytes, MIN_SLOT_BYTES);
    this.slots = Array.from({ length: count }, () => new DatagramSlot(new Uint8Array(bytes)));
    this.counts = this.slots.map(() => 0);
    this.free = this.slots.map((_, slot) => slot);
    this.released = released;
  }

  /** Copies `bytes` from `start` to `end`; gives the slot that it is in, -1 when there is no room now. */
  put(bytes: Uint8Array, start: number, end: number, receivedMs: number, origin: SessionOrigin): number {
    const length = end - start;
    if (this.filling >= 0 && !this.fits(length)) this.publish();
    if (this.filling < 0 && !this.beginSlot()) return -1;
    const slot = this.slots[this.filling]!;
    const at = this.floor - ((length + 7) & ~7);
    slot.bytes.set(bytes.subarray(start, end), at);
    this.describe(slot, at, length, receivedMs, origin);
    this.floor = at;
    this.counts[this.filling]!++;
    if (length > 0) this.messages++;
    this.octets += length;
    this.wakeSoon();
    return this.filling;
  }

  tryRead(): number | undefined {
    if (this.ready.length === 0 && this.filling >= 0) this.publish();
    return this.ready.shift();
  }

  async read(): Promise<number | undefined> {
    for (;;) {
      const slot = this.tryRead();
      if (slot !== undefined) return slot;
      if (this.isEnded) return undefined;
      await new Promise<void>((resolve) => {
        this.wakeUp = resolve;
      });
    }
  }

  count(slot: number): number {
    return this.counts[slot]!;
  }

  release(slot: number): void {
    this.counts[slot] = 0;
    this.free.push(slot);
    this.released(slot);
  }

  /** Nothing more is put in. */
  stop(): void {
    this.isEnded = true;
    this.wake();
  }

  private fits(length: number): boolean {
    return this.floor - ((length + 7) & ~7) >= (this.counts[this.filling]! + 1) * DATAGRAM_META_BYTES;
  }

  private beginSlot(): boolean {
    this.filling = this.free.pop() ?? -1;
    if (this.filling < 0) return false;
    this.floor = this.slots[this.filling]!.bytes.length & ~7;
    return true;
  }

  private publish(): void {
    this.ready.push(this.filling);
    this.filling = -1;
  }

  private describe(slot: DatagramSlot, at: number, length: number, receivedMs: number, origin: SessionOrigin): void {
    const { words, doubles } = slot;
    const meta = this.counts[this.filling]! * DATAGRAM_META_WORDS;
    const [hiHigh, hiLow, loHigh, loLow] = origin.address;
    words[meta + D_OFFSET] = at;
    words[meta + D_LENGTH] = length;
    words[meta + D_SRC_PORT] = origin.port;
    words[meta + D_LOCAL_PORT] = origin.localPort;
    words[meta + D_SRC_HI] = hiLow;
    words[meta + D_SRC_HI + 1] = hiHigh;
    words[meta + D_SRC_LO] = loLow;
    words[meta + D_SRC_LO + 1] = loHigh;
    doubles[(meta + D_RECEIVED_MS) >>> 1] = receivedMs;
    words[meta + D_LISTENER] = origin.listener;
    words[meta + D_SESSION] = origin.session;
  }

  /** Whoever waits is woken once the messages that are there already stand in the slot. */
  private wakeSoon(): void {
    if (this.wakeUp === undefined || this.wakes) return;
    this.wakes = true;
    setImmediate(() => {
      this.wakes = false;
      this.wake();
    });
  }

  private wake(): void {
    const { wakeUp } = this;
    this.wakeUp = undefined;
    wakeUp?.();
  }
}
