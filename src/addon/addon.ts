/**
 * The only importer of the native addon. Shapes here and in the files beside are the contract with `native/src/*_napi.rs`.
 */
import { createRequire } from 'node:module';
import type { DatagramSourceOptions, NativeDatagramSource } from './datagram-source.ts';
import type { FlowCacheMemory } from './flow-cache-memory.ts';
import type { NativeRecordWriter, RecordStep } from './flow-records.ts';
import type { NativeFrameDecoder, NativePacketSource, PacketSourceOptions } from './packet-source.ts';
import type { FlowScan } from './scan.ts';
import type {
  NativeDirectoryLock,
  NativeSegmentWriter,
  SegmentColumn,
  SegmentInfo,
  SegmentOptions,
} from './segments.ts';
import type { NativeUdpSender, UdpSenderOptions } from './udp-sender.ts';

/** How blocks of other collectors' files are packed. */
export type PackedWith = 'lzo' | 'bz2' | 'lz4' | 'zstd';

/** An interface of this host. */
export interface SystemInterface {
  /** The system's number, ifIndex. */
  readonly index: number;
  readonly name: string;
  /** Not shut down by an operator. */
  readonly isUp: boolean;
  /** The wire carries something; true where the system does not tell (it does on Linux). */
  readonly hasLink: boolean;
}

export interface Addon extends FlowCacheMemory {
  /** Layout constants of the addon, for the test that compares them with ours. */
  packetLayout(): Record<string, number>;
  packetExtensionLayout(): Record<string, number>;
  packetRunLayout(): Record<string, number>;
  /**
   * The runs (`packet-run-layout.ts`) of these packet records, at most 65 535, as of a slot that has no more room; moves the
   * records of first packets to where they stand in such a slot.
   */
  foldPackets(records: Uint8Array): Uint8Array;
  /** Gives each of the `count` packets of a slot with runs its record again, and leaves no runs. Throws for what are no runs. */
  unfoldPackets(records: Uint8Array, runs: Uint8Array, count: number): void;
  datagramLayout(): Record<string, number>;
  transposeLayout(): Record<string, number>;
  /**
   * Copies records to columns (`src/addon/transpose-layout.ts`); none of `columns` is the memory of another.
   * Throws when a program does not stay within what it is given. Gives pairs of a run's number and how many of its ICMP
   * records had type and code in the source port.
   */
  transpose(
    bytes: Uint8Array,
    steps: Uint32Array,
    runs: Float64Array,
    columns: readonly (Uint8Array | Uint16Array | Uint32Array | Float64Array | undefined)[],
  ): number[];
  /** Zeroed memory on huge pages where the system has them. */
  allocateHuge(bytes: number): Uint8Array;
  /** Has the system give this memory in the background, before it is first touched; its content stays as it is. */
  populate(bytes: Uint8Array): void;
  /** Sends to the Unix datagram socket at `path`, with a leading `@` of that abstract name; throws when it cannot. */
  sendUnixDatagram(path: string, message: string): void;
  interfaces(): SystemInterface[];
  /** Rejects with what is wrong with a BPF expression on every kind of link; may ask name servers. */
  checkFilter(expression: string): Promise<void>;
  PacketSource: new (options: PacketSourceOptions, wake: () => void) => NativePacketSource;
  FrameDecoder: new (linkType: number, options: PacketSourceOptions) => NativeFrameDecoder;
  DatagramSource: new (options: DatagramSourceOptions, wake: () => void) => NativeDatagramSource;
  SegmentWriter: new (path: string, options: SegmentOptions) => NativeSegmentWriter;
  /** Joins whole segments into one (atomically, as SegmentWriter); columns missing in one are filled with `absent`. */
  mergeSegments(
    inputs: string[],
    output: string,
    columns: { name: string; type: SegmentColumn['type']; absent: number }[],
    options: SegmentOptions,
  ): Promise<SegmentInfo>;
  segmentInfo(path: string): Promise<SegmentInfo>;
  /** Reads every page; rejects when one is not what its checksum says. Resolves to false when some have no checksum. */
  checkSegment(path: string): Promise<boolean>;
  /** Gives a file another name in the same file system, in the place of one that has it; resolves when that is durable. */
  renameDurably(from: string, to: string): Promise<void>;
  /** Unpacks one block, off the main thread; rejects when it is damaged or gives more than `most` bytes. */
  unpackBlock(method: PackedWith, packed: Uint8Array, most: number): Promise<Uint8Array>;
  /** Names in a directory but those that begin with a dot, in order; absent when there is no such directory. */
  listDirectory(path: string): { files: string[]; directories: string[] } | null;
  openScan(paths: string[]): Promise<FlowScan>;
  /**
   * Looks at every `*.parquet` below a directory, in name order; null where that takes more than names to choose: parts of
   * running slots, what is no directory, nothing there. Ends soon after `signal`.
   */
  openScanBelow(directory: string, signal?: AbortSignal): Promise<FlowScan | null>;
  /**
   * Enters finished flow files of a directory into its index (docs/format.md); with `skipKnown` only those that are not in
   * it as they are. Rejects when the index cannot be written.
   */
  indexFiles(
    directory: string,
    names: string[],
    skipKnown: boolean,
  ): Promise<{ indexed: number; known: number; refused: string[] }>;
  /** Drops what the index of a directory has of files that are gone, once that is the larger part of it. */
  tidyIndex(directory: string): Promise<void>;
  DirectoryLock: new (lockFile: string) => NativeDirectoryLock;
  /** Writes flow records of `length` bytes. */
  RecordWriter: new (
    steps: readonly RecordStep[],
    length: number,
  ) => NativeRecordWriter;
  UdpSender: new (options: UdpSenderOptions) => NativeUdpSender;
}

let loaded: Addon | undefined;

/** The file that it nearly always is. Its own loader knows all others, and takes longer for that than the system to load it. */
function builtHere(require: NodeJS.Require): unknown {
  const abi = process.platform === 'linux' ? '-gnu' : '';
  try {
    return require(`../../native/dist/weir.${process.platform}-${process.arch}${abi}.node`);
  } catch {
    return undefined;
  }
}

/** The addon, loaded on first use so that commands which need none of it start faster. */
export function addon(): Addon {
  if (loaded === undefined) {
    const require = createRequire(import.meta.url);
    try {
      loaded = (builtHere(require) ?? require('../../native/dist/index.cjs')) as Addon;
    } catch (cause) {
      throw new Error(
        `weir's native addon does not load for ${process.platform}-${process.arch}: run \`npm run build:native\` in weir's folder`,
        { cause },
      );
    }
  }
  return loaded;
}
