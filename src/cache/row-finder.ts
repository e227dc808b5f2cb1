import { addon } from '../addon/addon.ts';
import type { FlowLookUp } from '../addon/flow-cache-memory.ts';
import {
  P_HASH,
  P_INPUT,
  P_META,
  P_META_EGRESS,
  P_META_VERSION_MASK,
  P_PROTO_TOS_FLAGS,
  PACKET_WORDS,
} from '../addon/packet-layout.ts';
import type { BiflowSides } from './biflow-sides.ts';
import type { ExtensionRows } from './extension-rows.ts';
import { isFullKey, type KeyFields } from './key-fields.ts';
import { KeyReducer } from './key-reducer.ts';
import { R_INPUT, R_PORTS, R_PROTO_TOS_FLAGS, R_STATE, ROW_WORD_SHIFT, type RowStore } from './row.ts';
import type { SlotTable } from './slot-table.ts';

/**
 * Packets handled at a time: enough that a call into the addon costs little beside them, few enough that what it fetched is
 * still in the processor's cache (docs/decisions/0241).
 */
export const GROUP = 256;
/** Protocol and ToS: the flags behind them do not tell flows apart. */
export const PROTO_TOS_MASK = 0xffff;
/**
 * What of the meta word is in the key: a packet that is seen on its way in and again on its way out of one interface
 * belongs to two flows.
 */
export const META_KEY = P_META_VERSION_MASK | P_META_EGRESS;

/** Finds the rows of packets: where they probably are for a whole group at once, and for certain one by one. */
export class RowFinder {
  /** Of the packets of a group: the rows that were found under their hashes, 0 for none. */
  readonly candidates = new Int32Array(GROUP);
  /** Extension records of the packets in hand. */
  extensions: Uint32Array | undefined;
  private readonly store: RowStore;
  private readonly table: SlotTable;
  private readonly flows: FlowLookUp;
  extras: ExtensionRows | undefined;
  private readonly key: KeyFields;
  /** Makes records for a key that is not the full one. */
  private readonly reducer: KeyReducer | undefined;
  /** Makes records of both ways alike, for a key without type of service. */
  private readonly sides: BiflowSides | undefined;

  constructor(store: RowStore, table: SlotTable, key: KeyFields, hashSeed: number, sides: BiflowSides | undefined) {
    this.store = store;
    this.table = table;
    this.key = key;
    this.sides = sides;
    const { words: rows, free } = store;
    const { candidates } = this;
    this.flows = new (addon().FlowLookUp)({ rows, free, candidates });
    if (!isFullKey(key)) this.reducer = new KeyReducer(key, hashSeed);
  }

  /** Looks up a group of packets, `size` from number `start` on, and has what handling them reads in the processor's cache. */
  readAhead(words: Uint32Array, start: number, size: number): void {
    this.sides?.normalize(words, start, size);
    this.reducer?.reduce(words, this.extensions, start, size);
    this.flows.lookUp(this.table.slots, words, start, size, this.store.freeCount);
    // The loop over packets knows nothing of extension records: then every packet's flow is to be found by `find`.
    if (this.key.vlan || this.key.mac) this.candidates.fill(0, 0, size);
  }

  /** The live row with the key of a packet, or 0. */
  find(words: Uint32Array, packet: number): number {
    const p = packet * PACKET_WORDS;
    const hash = words[p + P_HASH]! | 0;
    const { slots, mask } = this.table;
    const rows = this.store.words;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const row = slots[(at << 1) + 1]!;
      if (row === 0) return 0;
      if (slots[at << 1] !== hash) continue;
      const r = row << ROW_WORD_SHIFT;
      let differ = (rows[r + R_PROTO_TOS_FLAGS]! ^ words[p + P_PROTO_TOS_FLAGS]!) & PROTO_TOS_MASK;
      for (let i = 0; i <= R_PORTS; i++) differ |= rows[r + i]! ^ words[p + i]!;
      differ |= rows[r + R_INPUT]! ^ words[p + P_INPUT]!;
      differ |= (rows[r + R_STATE]! ^ words[p + P_META]!) & META_KEY;
      if (differ === 0 && this.hasExtensionKey(row, packet)) return row;
    }
  }

  private hasExtensionKey(row: number, packet: number): boolean {
    const { extras, extensions } = this;
    if (extras === undefined || extensions === undefined) return true;
    return (
      (!this.key.vlan || extras.hasVlans(row, extensions, packet)) &&
      (!this.key.mac || extras.hasMacs(row, extensions, packet))
    );
  }
}
