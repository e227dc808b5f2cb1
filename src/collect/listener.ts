import { addon } from '../addon/addon.ts';
import type { DatagramSourceOptions, DatagramStats, NativeDatagramSource } from '../addon/datagram-source.ts';
import { SlotReader } from '../addon/slot-reader.ts';
import { UserError } from '../flow/user-error.ts';
import { DatagramSlot } from './datagram-slot.ts';

/**
 * Datagrams from UDP sockets or capture files, a slot at a time:
 *
 *     for (;;) {
 *       const slot = reader.tryRead() ?? (await reader.read());
 *       if (slot === undefined) break;
 *       decode(reader.slots[slot]!, reader.count(slot));
 *       reader.release(slot);
 *     }
 *     if (reader.failure() !== null) ...
 *
 * Datagrams of one listener come in the order of their arrival.
 */
export class DatagramReader {
  /** Views of each slot, made once. */
  readonly slots: readonly DatagramSlot[];
  readonly #reader: SlotReader<NativeDatagramSource>;

  /** Binds the sockets or opens the files at once. Throws UserError naming what cannot be opened and the remedy. */
  constructor(options: DatagramSourceOptions) {
    this.#reader = new SlotReader((wake) => openSource(options, wake));
    this.slots = this.#reader.source.slots.map((bytes) => new DatagramSlot(bytes));
  }

  /** As `SlotReader.tryRead`: index in `slots`, or undefined: ask `read`. */
  tryRead(): number | undefined {
    return this.#reader.tryRead();
  }

  /** As `SlotReader.read`: index in `slots`, or undefined once everything has been handed over. */
  read(): Promise<number | undefined> {
    return this.#reader.read();
  }

  /** Datagrams in a slot. */
  count(slot: number): number {
    return this.#reader.source.count(slot);
  }

  /** Hands a slot back; its content is then gone. */
  release(slot: number): void {
    this.#reader.release(slot);
  }

  /**
   * Ends receiving; idempotent. Datagrams that reached the sockets before still come out of `read`, then undefined. Keep
   * reading until then: after a minute without a slot handed back the rest is counted as `queueDropped`.
   */
  stop(): void {
    this.#reader.stop();
  }

  /** After the end: why it came early (a cut file, a socket that failed), or null. */
  failure(): string | null {
    return this.#reader.source.failure();
  }

  stats(): DatagramStats {
    return this.#reader.source.stats();
  }
}

function openSource(options: DatagramSourceOptions, wake: () => void): NativeDatagramSource {
  const { DatagramSource } = addon();
  try {
    return new DatagramSource(options, wake);
  } catch (cause) {
    throw new UserError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/**
 * What to tell the user when the kernel granted a listener less buffer than asked for; undefined when it did not.
 * Bytes as in `DatagramStats.receiveBufferBytes`.
 */
export function receiveBufferAdvice(place: string, askedBytes: number, grantedBytes: number): string | undefined {
  if (grantedBytes >= askedBytes) return undefined;
  const key = process.platform === 'linux' ? 'net.core.rmem_max' : 'kern.ipc.maxsockbuf';
  return (
    `the kernel grants ${place} a receive buffer of ${grantedBytes} bytes instead of ${askedBytes}, ` +
    `bursts may be lost: run \`sysctl -w ${key}=${askedBytes}\` as root`
  );
}
