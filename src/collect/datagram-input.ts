import type { DatagramSlot } from './datagram-slot.ts';

/** Where slots of datagrams come from; `DatagramReader` shows how one is read. */
export interface DatagramInput {
  /** Views of each slot, made once. */
  readonly slots: readonly DatagramSlot[];
  /** Index of a slot that is ready now, or undefined: ask `read`. */
  tryRead(): number | undefined;
  /** Index of the next slot; undefined once everything has been handed over. */
  read(): Promise<number | undefined>;
  /** Datagrams in a slot. */
  count(slot: number): number;
  /** Hands a slot back; its content is then gone. */
  release(slot: number): void;
  /** Ends receiving; what has been received still comes out of `read`. */
  stop(): void;
}
