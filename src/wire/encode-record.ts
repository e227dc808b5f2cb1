/**
 * Flow records, column by column: for each field of a template one tight loop over the rows of a datagram. So every
 * loop sees one kind of array, and nothing is decided, let alone allocated, per flow.
 */
import type { FlowBatch } from '../flow/batch.ts';
import { type ColumnName, columnByName, type FieldName, fieldByName } from '../flow/fields.ts';
import {
  type ColumnRun,
  putAddress4,
  putClamped16,
  putConstant,
  putIcmp,
  putLowWord,
  putMs,
  putU8,
  putU16,
  putU16Low,
  putU24,
  putU32,
  putU48,
  putU64,
  putUptime,
} from './encode-columns.ts';
import { AS_TRANS } from './protocol.ts';

/** Values that no column holds as such. `icmpTypeCode` is type * 256 + code, 0 in flows that are not ICMP. */
export type DerivedValue = 'ipVersion' | 'icmpTypeCode' | 'constant';

export interface RecordField {
  /** Information element, without the enterprise bit; 0 in layouts that name none (NetFlow v5). */
  readonly element: number;
  /** Length on the wire in bytes. */
  readonly length: number;
  readonly value: FieldName | DerivedValue;
  /** For `constant`: the value, unsigned, in the low bytes of the field. */
  readonly constant?: number;
}

export type Family = 4 | 6;

/** Elements of system uptime in milliseconds: the values are relative to the boot time in the datagram's header. */
const FIRST_UPTIME = 22;
const LAST_UPTIME = 21;
const PROTO_ICMP = 1;
const PROTO_ICMP6 = 58;

type Kind =
  | 'u8'
  | 'u16'
  | 'u16low'
  | 'u32'
  | 'u32as24'
  | 'u32as16'
  | 'as16'
  | 'u64'
  | 'u64as48'
  | 'u64as32'
  | 'addr4'
  | 'addr16'
  | 'ms'
  | 'uptime'
  | 'icmp';

type ColumnArray = Uint8Array | Uint16Array | Uint32Array | Float64Array;

interface Step {
  readonly kind: Kind;
  readonly offset: number;
  readonly length: number;
  /** `icmp`: the protocol number whose flows have a type and code. */
  readonly proto: number;
  readonly columnNames: readonly ColumnName[];
  /** What is written when the batch lacks the columns or there are none. */
  readonly absent: number;
  a: ColumnArray | undefined;
  b: ColumnArray | undefined;
}

/**
 * Writes the records of one template. `bind` it to a batch, then `encode` any of the batch's rows.
 *
 * Values wider than their field: counters of 4 bytes take the low word (`narrowCounters` tells the caller to split
 * such flows first); ifIndexes of 2 bytes become 65535, AS numbers of 2 bytes 23456 (RFC 6793); TCP flags of 1 byte
 * lose the bits that IANA 6 has had since RFC 7125.
 */
export class RecordEncoder {
  readonly fields: readonly RecordField[];
  readonly recordBytes: number;
  /** Octets or packets have 4 bytes: flows beyond that must be split. */
  readonly narrowCounters: boolean;
  private readonly steps: Step[];
  private readonly run: ColumnRun = {
    view: new DataView(new ArrayBuffer(0)),
    at: 0,
    stride: 0,
    rows: new Uint32Array(0),
    count: 0,
    bootMs: 0,
  };

  constructor(fields: readonly RecordField[], family: Family) {
    this.fields = fields;
    let offset = 0;
    this.steps = fields.map((field) => {
      const step = makeStep(field, family, offset);
      offset += field.length;
      return step;
    });
    this.recordBytes = offset;
    this.narrowCounters = fields.some((f) => (f.value === 'octets' || f.value === 'packets') && f.length === 4);
  }

  /** Takes the columns of `batch`; until the next `bind` its rows are what `encode` writes. */
  bind(batch: FlowBatch): void {
    for (const step of this.steps) {
      step.a = step.columnNames[0] === undefined ? undefined : batch.get(step.columnNames[0]);
      step.b = step.columnNames[1] === undefined ? undefined : batch.get(step.columnNames[1]);
    }
  }

  /**
   * Writes the rows `rows[0]` to `rows[count - 1]` one after another from byte `at` on; returns the byte behind them.
   * `bootMs` is the time that uptimes count from.
   */
  encode(view: DataView, at: number, rows: Uint32Array, count: number, bootMs: number): number {
    const run = this.run;
    run.view = view;
    run.stride = this.recordBytes;
    run.rows = rows;
    run.count = count;
    run.bootMs = bootMs;
    for (const step of this.steps) {
      run.at = at + step.offset;
      if (step.a === undefined) putConstant(run, step.length, step.absent);
      else putColumn(run, step, step.a, step.b);
    }
    return at + this.recordBytes * count;
  }
}

function makeStep(field: RecordField, family: Family, offset: number): Step {
  const common = { offset, length: field.length, proto: 0, a: undefined, b: undefined };
  switch (field.value) {
    case 'constant':
      return { ...common, kind: 'u8', columnNames: [], absent: field.constant ?? 0 };
    case 'ipVersion':
      return { ...common, kind: 'u8', columnNames: [], absent: family };
    case 'icmpTypeCode': {
      const proto = family === 4 ? PROTO_ICMP : PROTO_ICMP6;
      return { ...common, kind: 'icmp', proto, columnNames: ['dstPort', 'proto'], absent: 0 };
    }
    default:
      return { ...common, ...columnStep(field, field.value) };
  }
}

function columnStep(field: RecordField, name: FieldName): Pick<Step, 'kind' | 'columnNames' | 'absent'> {
  const row = fieldByName(name);
  if (row.type === 'addr') {
    const columnNames = [`${name}Lo`, `${name}Hi`] as ColumnName[];
    return { kind: field.length === 4 ? 'addr4' : 'addr16', columnNames, absent: 0 };
  }
  const columnNames = [name as ColumnName];
  const kind = kindOf(field, name, row.type);
  return { kind, columnNames, absent: columnByName.get(name)!.absent };
}

function kindOf(field: RecordField, name: FieldName, type: 'u8' | 'u16' | 'u32' | 'u64' | 'timeMs'): Kind {
  const isAs = name === 'srcAs' || name === 'dstAs' || name === 'nextAs' || name === 'prevAs';
  const isUptime = field.element === FIRST_UPTIME || field.element === LAST_UPTIME;
  switch (`${type}:${field.length}`) {
    case 'u8:1':
      return 'u8';
    case 'u16:1':
      return 'u16low';
    case 'u16:2':
      return 'u16';
    case 'u32:2':
      return isAs ? 'as16' : 'u32as16';
    case 'u32:3':
      return 'u32as24';
    case 'u32:4':
      return 'u32';
    case 'u64:4':
      return 'u64as32';
    case 'u64:6':
      return 'u64as48';
    case 'u64:8':
      return 'u64';
    case 'timeMs:4':
      if (isUptime) return 'uptime';
      break;
    case 'timeMs:8':
      return 'ms';
  }
  throw new Error(`no encoding of ${name} (${type}) as element ${field.element} in ${field.length} bytes`);
}

function putColumn(run: ColumnRun, step: Step, a: ColumnArray, b: ColumnArray | undefined): void {
  switch (step.kind) {
    case 'u8':
      putU8(run, a as Uint8Array);
      break;
    case 'u16low':
      putU16Low(run, a as Uint16Array);
      break;
    case 'u16':
      putU16(run, a as Uint16Array);
      break;
    case 'u32as16':
      putClamped16(run, a as Uint32Array, 0xffff);
      break;
    case 'as16':
      putClamped16(run, a as Uint32Array, AS_TRANS);
      break;
    case 'u32as24':
      putU24(run, a as Uint32Array);
      break;
    case 'u32':
      putU32(run, a as Uint32Array);
      break;
    case 'u64as32':
      putLowWord(run, a as Uint32Array);
      break;
    case 'u64as48':
      putU48(run, a as Uint32Array);
      break;
    case 'u64':
      putU64(run, a as Uint32Array);
      break;
    case 'addr4':
      putAddress4(run, a as Uint32Array);
      break;
    case 'addr16':
      if (b === undefined) putConstant(run, 8, 0);
      else putU64(run, b as Uint32Array);
      run.at += 8;
      putU64(run, a as Uint32Array);
      break;
    case 'ms':
      putMs(run, a as Float64Array);
      break;
    case 'uptime':
      putUptime(run, a as Float64Array);
      break;
    case 'icmp':
      putIcmp(run, a as Uint16Array, b as Uint8Array | undefined, step.proto);
      break;
  }
}
