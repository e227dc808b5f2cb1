/**
 * Flow records, column by column: for each field of a template one tight loop over the rows of a datagram. So every
 * loop sees one kind of array, and nothing is decided, let alone allocated, per flow.
 */
import type { FlowBatch } from '../flow/batch.ts';
import { type ColumnName, type ColumnType, columnByName, type FieldName, fieldByName } from '../flow/fields.ts';
import { PROTO_ICMP, PROTO_ICMP6 } from '../flow/ip-protocols.ts';
import {
  type ColumnRun,
  putAddress4,
  putClamped16,
  putConstant8,
  putIcmp,
  putIcmpByte,
  putLowWord,
  putMs,
  putNtp,
  putSeconds,
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

/**
 * Values that no column holds as such. `icmpTypeCode` is type * 256 + code, 0 in flows that are not ICMP; `icmpType` and
 * `icmpCode` are its halves.
 */
export type DerivedValue = 'ipVersion' | 'icmpTypeCode' | 'icmpType' | 'icmpCode' | 'constant';

export interface RecordField {
  /** Information element, without the enterprise bit; 0 in layouts that name none (NetFlow v5). */
  readonly element: number;
  /** Enterprise that the element is of; IANA's without. */
  readonly pen?: number;
  /** Length on the wire in bytes. */
  readonly length: number;
  readonly value: FieldName | DerivedValue;
  /** For `constant`: the value, unsigned, in the low bytes of the field. */
  readonly constant?: number;
}

export type Family = 4 | 6;

const ICMP_KINDS = { icmpTypeCode: 'icmp', icmpType: 'icmpHigh', icmpCode: 'icmpLow' } as const;

/** Elements of system uptime in milliseconds: the values are relative to the boot time in the datagram's header. */
const FIRST_UPTIME = 22;
const LAST_UPTIME = 21;
/** Bytes that a column of each type fills. */
export const COLUMN_BYTES = { u8: 1, u16: 2, u32: 4, u64: 8, timeMs: 8, text: 0 } as const;

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
  | 'ms'
  | 'seconds'
  | 'uptime'
  | 'ntp'
  | 'icmp'
  | 'icmpHigh'
  | 'icmpLow';

type ColumnArray = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** A class, because of objects made in several ways V8 would look up each field anew for every column of every datagram. */
class Step {
  readonly kind: Kind;
  readonly offset: number;
  readonly columnNames: readonly ColumnName[];
  /** What is written when the batch lacks the columns or there are none. */
  readonly absent: number;
  /** ICMP kinds: the protocol number whose flows have a type and code. */
  readonly proto: number;
  a: ColumnArray | undefined = undefined;
  b: ColumnArray | undefined = undefined;

  constructor(kind: Kind, offset: number, columnNames: readonly ColumnName[], absent = 0, proto = 0) {
    this.kind = kind;
    this.offset = offset;
    this.columnNames = columnNames;
    this.absent = absent;
    this.proto = proto;
  }
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
  private readonly steps: readonly Step[];
  /** Those that have something to write from the bound batch. */
  private readonly active: Step[] = [];
  private hasZeros = false;
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
    this.steps = fields.flatMap((field) => {
      const steps = makeSteps(field, family, offset);
      offset += field.length;
      return steps;
    });
    this.recordBytes = offset;
    this.narrowCounters = fields.some((f) => (f.value === 'octets' || f.value === 'packets') && f.length === 4);
  }

  /** Takes the columns of `batch`; until the next `bind` its rows are what `encode` writes. */
  bind(batch: FlowBatch): void {
    const { active } = this;
    active.length = 0;
    this.hasZeros = false;
    for (const step of this.steps) {
      const [a, b] = step.columnNames;
      step.a = a === undefined ? undefined : batch.get(a);
      step.b = b === undefined ? undefined : batch.get(b);
      if (step.a !== undefined || step.absent !== 0) active.push(step);
      else this.hasZeros = true;
    }
  }

  /**
   * Writes the rows `rows[0]` to `rows[count - 1]` one after another from byte `at` on; returns the byte behind them.
   *
   * @param view over `bytes`
   * @param bootMs time that uptimes count from
   */
  encode(bytes: Uint8Array, view: DataView, at: number, rows: Uint32Array, count: number, bootMs: number): number {
    const { run, active } = this;
    const end = at + this.recordBytes * count;
    // Columns that the batch lacks are zero: once for all of them.
    if (this.hasZeros) bytes.fill(0, at, end);
    run.view = view;
    run.stride = this.recordBytes;
    run.rows = rows;
    run.count = count;
    run.bootMs = bootMs;
    for (let i = 0; i < active.length; i++) {
      const step = active[i]!;
      run.at = at + step.offset;
      if (step.a === undefined) putConstant8(run, step.absent);
      else putColumn(run, step, step.a, step.b);
    }
    return end;
  }
}

function makeSteps(field: RecordField, family: Family, offset: number): Step[] {
  const { value, length } = field;
  if (value === 'constant' || value === 'ipVersion') {
    const absent = value === 'ipVersion' ? family : (field.constant ?? 0);
    if (absent !== 0 && length !== 1) throw new Error(`a constant of ${length} bytes that is not zero`);
    return [new Step('u8', offset, [], absent)];
  }
  if (value === 'icmpTypeCode' || value === 'icmpType' || value === 'icmpCode') {
    const proto = family === 4 ? PROTO_ICMP : PROTO_ICMP6;
    return [new Step(ICMP_KINDS[value], offset, ['dstPort', 'proto'], 0, proto)];
  }
  if (value === 'firstNs' || value === 'lastNs') {
    const milliseconds = value === 'firstNs' ? 'firstMs' : 'lastMs';
    return [new Step('ntp', offset, [milliseconds, value])];
  }
  const { type } = fieldByName(value);
  if (type === 'addr') {
    const low = `${value}Lo` as ColumnName;
    if (length === 4) return [new Step('addr4', offset, [low])];
    return [new Step('u64', offset, [`${value}Hi` as ColumnName]), new Step('u64', offset + 8, [low])];
  }
  if (type === 'text') throw new Error(`${value} has no element and is in no template`);
  const { absent } = columnByName.get(value)!;
  const columnNames = [value as ColumnName];
  const wider = length - COLUMN_BYTES[type];
  if (wider > 0) {
    // Leading zeros, as for any column that is not there: once for the whole record.
    const narrow = { ...field, length: COLUMN_BYTES[type] };
    const zeros = new Step('u8', offset, []);
    return [zeros, new Step(kindOf(narrow, value, type), offset + wider, columnNames, absent)];
  }
  return [new Step(kindOf(field, value, type), offset, columnNames, absent)];
}

/** Columns that a field is filled from. */
export function recordColumns(field: RecordField, family: Family): ColumnName[] {
  return makeSteps(field, family, 0).flatMap((step) => step.columnNames);
}

function kindOf(field: RecordField, name: FieldName, type: ColumnType): Kind {
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
      return isUptime ? 'uptime' : 'seconds';
    case 'timeMs:8':
      if (isUptime) break;
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
    case 'ms':
      putMs(run, a as Float64Array);
      break;
    case 'seconds':
      putSeconds(run, a as Float64Array);
      break;
    case 'uptime':
      putUptime(run, a as Float64Array);
      break;
    case 'ntp':
      putNtp(run, a as Float64Array, b as Uint32Array | undefined);
      break;
    case 'icmp':
      putIcmp(run, a as Uint16Array, b as Uint8Array | undefined, step.proto);
      break;
    case 'icmpHigh':
      putIcmpByte(run, a as Uint16Array, b as Uint8Array | undefined, step.proto, 8);
      break;
    case 'icmpLow':
      putIcmpByte(run, a as Uint16Array, b as Uint8Array | undefined, step.proto, 0);
      break;
  }
}
