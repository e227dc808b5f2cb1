import { EXTENSION_WORDS } from '../addon/packet-extension-layout.ts';
import { PACKET_WORDS } from '../addon/packet-layout.ts';
import type { PacketStats } from '../addon/packet-source.ts';
import { SlotReader } from '../addon/slot-reader.ts';
import type { SlotSource } from '../addon/slot-source.ts';

/** A batch of decoded packets, `count` records of PACKET_WORDS words in the layout of `addon/packet-layout.ts`. */
export interface PacketSlot {
  readonly index: number;
  count: number;
  readonly bytes: Uint8Array;
  /** The same memory as 32-bit words, and as doubles (word 2 n is double n). */
  readonly words: Uint32Array;
  readonly doubles: Float64Array;
  /**
   * Extension records of the same packets, EXTENSION_WORDS words each in the layout of
   * `addon/packet-extension-layout.ts`; undefined unless the source was opened `extended`.
   */
  readonly extensions: Uint32Array | undefined;
  /**
   * Packets of one flow together, in the layout of `addon/packet-run-layout.ts`; undefined unless the source was opened
   * with `runs`. Then records are of first packets only: who changes records must not have opened it so.
   */
  readonly runs?: Uint32Array | undefined;
}

/** Overwrites packet `to` of a slot with packet `from`, extension record and all: for whoever leaves packets out. */
export function movePacket({ words, extensions }: PacketSlot, from: number, to: number): void {
  words.copyWithin(to * PACKET_WORDS, from * PACKET_WORDS, (from + 1) * PACKET_WORDS);
  extensions?.copyWithin(to * EXTENSION_WORDS, from * EXTENSION_WORDS, (from + 1) * EXTENSION_WORDS);
}

/** Writes a packet of a slot over one of another, which has room for as much. */
export function copyPacket(from: PacketSlot, packet: number, to: PacketSlot, place: number): void {
  copyWords(from.words, packet * PACKET_WORDS, to.words, place * PACKET_WORDS, PACKET_WORDS);
  if (from.extensions === undefined || to.extensions === undefined) return;
  copyWords(from.extensions, packet * EXTENSION_WORDS, to.extensions, place * EXTENSION_WORDS, EXTENSION_WORDS);
}

function copyWords(from: Uint32Array, at: number, to: Uint32Array, place: number, count: number): void {
  for (let i = 0; i < count; i++) to[place + i] = from[at + i]!;
}

/** A slot of one's own that has room for as much as another. */
export function emptySlot(like: PacketSlot): PacketSlot {
  const bytes = new Uint8Array(like.bytes.byteLength);
  return {
    index: -1,
    count: 0,
    bytes,
    words: new Uint32Array(bytes.buffer),
    doubles: new Float64Array(bytes.buffer),
    extensions: like.extensions && new Uint32Array(like.extensions.length),
  };
}

/** What a capture calls an interface. */
export interface CaptureInterfaceName {
  /** As packets have it. */
  readonly index: number;
  readonly name: string;
  readonly description?: string;
}

/** What any packet source is underneath, native or not. */
export interface PacketSlotSource extends SlotSource {
  /** Memory of the extension records of each slot, empty without such. */
  readonly extensions: Uint8Array[];
  /** Memory of the runs of each slot, empty without such. */
  readonly runs: Uint8Array[];
  /** Names that are in the captures read so far. */
  interfaceNames(): CaptureInterfaceName[];
  stats(): PacketStats;
}

/** Whatever gives batches of packets: see `PacketReader`. */
export interface PacketInput {
  tryRead(): PacketSlot | undefined;
  read(): Promise<PacketSlot | undefined>;
  release(slot: PacketSlot): void;
  stop(): void;
  stats(): PacketStats;
  failure(): string | null;
}

/**
 * The reading end of a packet source. One reader, one loop:
 *
 *     for (;;) {
 *       const slot = reader.tryRead() ?? (await reader.read());
 *       if (slot === undefined) break;
 *       use(slot);
 *       reader.release(slot);
 *     }
 *
 * Slots and their views are made once; reading allocates only when it has to wait.
 */
export class PacketReader implements PacketInput {
  readonly #reader: SlotReader<PacketSlotSource>;
  /** Asked for once: the addon makes new views each time. */
  readonly #memory: Uint8Array[];
  readonly #extensions: Uint8Array[];
  readonly #runs: Uint8Array[];
  readonly #slots: PacketSlot[] = [];

  /** `start` makes the source with the wake callback it is to call. */
  constructor(start: (wake: () => void) => PacketSlotSource) {
    this.#reader = new SlotReader(start);
    this.#memory = this.#reader.source.slots;
    this.#extensions = this.#reader.source.extensions;
    this.#runs = this.#reader.source.runs;
  }

  /** A filled slot if there is one now; undefined says: ask `read`. */
  tryRead(): PacketSlot | undefined {
    return this.#slot(this.#reader.tryRead());
  }

  /** The next filled slot, undefined at the end. */
  async read(): Promise<PacketSlot | undefined> {
    return this.#slot(await this.#reader.read());
  }

  /** Gives the slot back; its content is then gone. */
  release(slot: PacketSlot): void {
    this.#reader.release(slot.index);
  }

  /** Ends the source: what it has taken in so far still comes out of `read`. Idempotent. */
  stop(): void {
    this.#reader.stop();
  }

  stats(): PacketStats {
    return this.#reader.source.stats();
  }

  /** Names of interfaces in the files read so far (pcapng); those of a packet's slot are known once it is read. */
  interfaceNames(): CaptureInterfaceName[] {
    return this.#reader.source.interfaceNames();
  }

  /** After the end: why it came early (a cut file, an interface that went down), for the user; or null. */
  failure(): string | null {
    return this.#reader.source.failure();
  }

  #slot(index: number | undefined): PacketSlot | undefined {
    if (index === undefined) return undefined;
    const slot = this.#slots[index] ?? this.#addSlot(index);
    slot.count = this.#reader.source.count(index);
    return slot;
  }

  #addSlot(index: number): PacketSlot {
    const bytes = this.#memory[index]!;
    const { buffer, byteOffset, byteLength } = bytes;
    const slot: PacketSlot = {
      index,
      count: 0,
      bytes,
      words: new Uint32Array(buffer, byteOffset, byteLength >> 2),
      doubles: new Float64Array(buffer, byteOffset, byteLength >> 3),
      extensions: wordsOf(this.#extensions[index]),
      runs: wordsOf(this.#runs[index]),
    };
    this.#slots[index] = slot;
    return slot;
  }
}

function wordsOf(bytes: Uint8Array | undefined): Uint32Array | undefined {
  return bytes && new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
}
