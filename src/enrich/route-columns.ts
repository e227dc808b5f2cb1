import type { FlowBatch } from '../flow/batch.ts';
import { DIRECTION_UNKNOWN, type FieldName } from '../flow/fields.ts';
import { AddressColumns } from './address-columns.ts';
import type { RouteTable } from './route-table.ts';

/** Fields that a route look-up tells. */
export const ROUTE_FIELDS: readonly FieldName[] = ['srcMask', 'dstMask', 'nextHop', 'outIf'];

export const LOOK_UP_SOURCE = 1;
export const LOOK_UP_DESTINATION = 2;

export interface RouteColumnsOptions {
  /** Those of ROUTE_FIELDS that are wanted. */
  readonly fields: ReadonlySet<FieldName>;
  /** Leave flows of unknown direction alone. */
  readonly onlyKnownDirection?: boolean;
}

/** LOOK_UP_* bits: of interfaces by ifIndex, and of all others; both without a word about them. */
export interface LookUps {
  readonly byIndex?: ReadonlyMap<number, number>;
  readonly ofAll?: number;
}

/** Fills in what the routes of this host say about flows. What a flow has already stays. */
export class RouteColumns {
  /** Replaced as a whole when it is read again. */
  table: RouteTable;
  lookUps: LookUps = {};
  private readonly options: RouteColumnsOptions;
  private readonly addresses = new AddressColumns();

  constructor(table: RouteTable, options: RouteColumnsOptions) {
    this.table = table;
    this.options = options;
  }

  fill(batch: FlowBatch): void {
    const { fields } = this.options;
    this.addresses.bind(batch);
    if (fields.has('srcMask')) this.fillSources(batch);
    if (fields.has('dstMask') || fields.has('nextHop') || fields.has('outIf')) this.fillDestinations(batch);
  }

  private fillSources(batch: FlowBatch): void {
    const { table } = this;
    const { srcHi, srcLo } = this.addresses;
    const srcMask = batch.use('srcMask');
    const looks = this.lookUpsIn(batch);
    for (let row = 0; row < batch.rows; row++) {
      if ((looks(row) & LOOK_UP_SOURCE) === 0) continue;
      const at = row * 2;
      const route = table.find(srcHi[at + 1]!, srcHi[at]!, srcLo[at + 1]!, srcLo[at]!);
      if (route >= 0) srcMask[row] = table.mask(route);
    }
  }

  private fillDestinations(batch: FlowBatch): void {
    const { table } = this;
    const { fields } = this.options;
    const { dstHi, dstLo } = this.addresses;
    const dstMask = fields.has('dstMask') ? batch.use('dstMask') : undefined;
    const outIf = fields.has('outIf') ? batch.use('outIf') : undefined;
    const hopHi = fields.has('nextHop') ? batch.use('nextHopHi') : undefined;
    const hopLo = fields.has('nextHop') ? batch.use('nextHopLo') : undefined;
    const looks = this.lookUpsIn(batch);
    for (let row = 0; row < batch.rows; row++) {
      if ((looks(row) & LOOK_UP_DESTINATION) === 0) continue;
      const at = row * 2;
      const route = table.find(dstHi[at + 1]!, dstHi[at]!, dstLo[at + 1]!, dstLo[at]!);
      if (route < 0) continue;
      if (dstMask !== undefined) dstMask[row] = table.mask(route);
      if (outIf !== undefined && outIf[row] === 0) outIf[row] = table.outIf(route);
      if (hopHi === undefined || hopLo === undefined) continue;
      hopHi[at + 1] = table.gateway(route, 0);
      hopHi[at] = table.gateway(route, 1);
      hopLo[at + 1] = table.gateway(route, 2);
      hopLo[at] = table.gateway(route, 3);
    }
  }

  /** LOOK_UP_* bits of a row: those of the interface that it was seen on. */
  private lookUpsIn(batch: FlowBatch): (row: number) => number {
    const { onlyKnownDirection = false } = this.options;
    const { byIndex, ofAll = LOOK_UP_SOURCE | LOOK_UP_DESTINATION } = this.lookUps;
    const direction = batch.get('direction');
    const inIf = batch.get('inIf');
    const outIf = batch.get('outIf');
    return (row) => {
      if (onlyKnownDirection && (direction?.[row] ?? DIRECTION_UNKNOWN) === DIRECTION_UNKNOWN) return 0;
      return byIndex?.get(inIf?.[row] || outIf?.[row] || 0) ?? ofAll;
    };
  }
}
