import type { SegmentColumn } from './segments.ts';

export interface ScanColumn {
  /** As in the files. */
  name: string;
  type: SegmentColumn['type'];
  absent: number;
  /** Every file has it. */
  core: boolean;
  /** Place of a column that multiplies this one, as sampling rates do counters; 0 there counts as 1. */
  scaledBy?: number;
}

/** One part of a group's key. Columns are places in the question's list. */
export interface ScanPart {
  /** A number, or the high half of an address. */
  column: number;
  lo?: number;
  /** Bits of an address that count: two words, low first, each for IPv4 and for the high and the low half of IPv6. */
  cut?: Uint32Array;
}

export interface ScanOrder {
  measure: 'flows' | 'packets' | 'bytes' | 'pps' | 'bps' | 'bpp' | 'tstart' | 'tend' | 'duration' | 'position';
  side: 'in' | 'out' | 'both';
  ascending: boolean;
}

/** Groups of flows, in one or several orders; equal ones in the order of the key. */
export interface ScanJob {
  /** A flow counts once for each. */
  sides: ScanPart[][];
  /** TCP flags and the order `position` (of the first flow) are wanted. */
  extra: boolean;
  /** Groups whose first part is 0 are left out. */
  skipZero: boolean;
  orders: ScanOrder[];
  /** 0: all groups. */
  top: number;
  /**
   * Both directions of TCP and UDP flows are one group, as its first flow has it: equal ones are in the order of those.
   * The parts are source and destination address, source and destination port, protocol. `guesses`: the end with the
   * lower port becomes the destination; `hasOut`: some file has counters of the other direction.
   */
  conversation?: { guesses: boolean; hasOut: boolean };
}

/** Single flows. */
export interface ScanList {
  /** At most so many. */
  rows: number;
  /** Without one the first in the order of the files, and no totals. Equal flows are in that order, too. */
  order?: ScanOrder;
  /**
   * The row group to go on from, 0 at first: the list is then of all flows of whole row groups until there are `rows` or
   * more of them, and `ScanAnswer.next` is where it goes on.
   */
  from?: number;
}

export interface ScanQuestion {
  columns: ScanColumn[];
  counters: Record<'flows' | 'packets' | 'octets' | 'outPackets' | 'outOctets' | 'first' | 'last' | 'tcpFlags', number>;
  /** The filter: see `src/query/native/program.ts`. */
  program: Uint32Array;
  jobs: ScanJob[];
  list?: ScanList;
  /** Default: one a core. */
  threads?: number;
  /** Memory for groups that are counted at once. */
  megabytes: number;
  /** Memory for flows of more groups, which are put aside first, as many as fit in one pass over the files. */
  asideMegabytes: number;
}

/** 64-bit numbers are two words a row, low word first. */
export interface ScanTable {
  rows: number;
  /** The high and the low half of each part of the key. */
  keys: Uint32Array[];
  flows: Uint32Array;
  packets: Uint32Array;
  octets: Uint32Array;
  outPackets: Uint32Array;
  outOctets: Uint32Array;
  /** Milliseconds since 1970. */
  first: Uint32Array;
  last: Uint32Array;
  /** Empty unless the job has `extra`, as are `positions`: of each group's first flow, for `fetch`. */
  tcpFlags: Uint16Array;
  positions: Uint32Array;
  /** 1 for conversations that a guess turned around. */
  turned: Uint8Array;
}

export interface ScanAnswer {
  /** Rows, flows, packets and octets of both directions, first and last of all flows that match; two words each. */
  totals: Uint32Array;
  /** For each job, a table for each order. */
  tables: ScanTable[][];
  /** Of the listed flows, for `fetch`. */
  positions: Uint32Array;
  /** For lists with `from`: the row group that comes next; absent after the last. */
  next?: number;
}

/** Segments that were looked at: in the index of their directory where that knows them, else their footers. */
export interface FlowScan {
  /** `octets`: size of the files. `sampled`: some flow may have a sampling rate above 1. */
  summary(): {
    columns: string[];
    files: number;
    rows: number;
    octets: number;
    firstMs: number;
    lastMs: number;
    sampled: boolean;
  };
  paths(): string[];
  /** Those that files were found in: empty where they were named one by one. */
  directories(): string[];
  /** The files but those that the index of their directory rules out for a question, whose filter alone counts. */
  pathsLeft(question: ScanQuestion): Promise<string[]>;
  /** What part of the question at hand is done, 0 to 1; never less than before. */
  progress(): number;
  /** Answers all jobs together, on every core. */
  run(question: ScanQuestion): Promise<ScanAnswer>;
  /** Cells of flows at some positions: for each column two words a flow. */
  fetch(columns: ScanColumn[], positions: Uint32Array): Promise<Uint32Array[]>;
}

/** `code` of errors that say: this is for an engine that can do more. */
export const SEND_ELSEWHERE = 'Cancelled';
