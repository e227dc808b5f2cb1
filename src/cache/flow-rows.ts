import type { ColumnName } from '../flow/fields.ts';
import { BiflowRows } from './biflow-rows.ts';
import { BiflowSides } from './biflow-sides.ts';
import { ExtensionRows } from './extension-rows.ts';
import { ExtensionWriter, isExtensionColumn } from './extension-writer.ts';
import type { Allocate, FlowCacheOptions, FlowTableOptions } from './flow-cache-options.ts';
import { biflowKey, FULL_KEY, type KeyFields, keyNeedsExtensions } from './key-fields.ts';
import { RowStore } from './row.ts';
import { GROUP } from './row-finder.ts';
import type { RowPart } from './row-sink.ts';
import { RowWriter } from './row-writer.ts';

/** Rows and all that stands beside them at the same number, by what a cache is asked for. */
export class FlowRows {
  readonly store: RowStore;
  readonly key: KeyFields;
  /** What is kept beyond rows; undefined when nobody asked for it. */
  extras: ExtensionRows | undefined;
  /** What each way of a flow has, and the ways of packets in hand; undefined where ways are flows. */
  readonly biflows: BiflowRows | undefined;
  readonly sides: BiflowSides | undefined;
  private readonly allocate: Allocate;
  private wanted: readonly ColumnName[] = [];

  /** Throws UserError for a key that cannot be. */
  constructor(options: FlowTableOptions, capacity: number, allocate: Allocate) {
    const { columns = [], biflow = false } = options;
    this.store = new RowStore(capacity, allocate);
    this.key = biflow ? biflowKey(options.key) : (options.key ?? FULL_KEY);
    this.allocate = allocate;
    if (biflow) {
      this.sides = new BiflowSides(GROUP);
      this.biflows = new BiflowRows(this.store, this.sides, allocate);
    }
    this.setColumns(columns);
  }

  /** What flows have beyond the core columns from now on; there must be none. */
  setColumns(columns: readonly ColumnName[]): void {
    const { biflows, key } = this;
    this.wanted = columns.filter((name) => isExtensionColumn(name) && (biflows === undefined || !isNanoseconds(name)));
    const isNeeded = this.wanted.length > 0 || keyNeedsExtensions(key);
    this.extras = isNeeded ? (this.extras ?? new ExtensionRows(this.store, this.allocate)) : undefined;
    if (biflows !== undefined) biflows.isFine = columns.some(isNanoseconds);
  }

  /** What a flow is, to be copied. */
  get parts(): readonly RowPart[] {
    return [this.store, this.extras, this.biflows].filter((part) => part !== undefined);
  }

  writer({ acquire, sink }: Pick<FlowCacheOptions, 'acquire' | 'sink'>): RowWriter {
    const writer = new RowWriter(this.store, acquire, sink, this.biflows);
    writer.extras = this.extensionWriter();
    return writer;
  }

  extensionWriter(): ExtensionWriter | undefined {
    return this.extras && new ExtensionWriter(this.extras, this.wanted);
  }
}

/** Of each way of a biflow, which has its times in microseconds. */
function isNanoseconds(name: ColumnName): boolean {
  return name === 'firstNs' || name === 'lastNs';
}
