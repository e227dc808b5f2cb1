/**
 * Flow records: which column goes where in a record, and in which form. The addon writes them, many at a
 * time, field by field.
 */
import { addon } from '../addon/addon.ts';
import type { NativeRecordWriter, RecordKind, RecordStep } from '../addon/flow-records.ts';
import type { FlowBatch } from '../flow/batch.ts';
import { type ColumnName, type ColumnType, columnByName, type FieldName, fieldByName } from '../flow/fields.ts';
import { PROTO_ICMP, PROTO_ICMP6 } from '../flow/ip-protocols.ts';

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

const ICMP_KINDS = { icmpTypeCode: 'icmp', icmpType: 'icmpType', icmpCode: 'icmpCode' } as const;

/** Elements of system uptime in milliseconds: the values are relative to the boot time in the datagram's header. */
const FIRST_UPTIME = 22;
const LAST_UPTIME = 21;
/** Bytes that a column of each type fills. */
export const COLUMN_BYTES = { u8: 1, u16: 2, u32: 4, u64: 8, timeMs: 8, text: 0 } as const;

/** A step and the columns that it is done from. */
interface Step extends RecordStep {
  readonly columnNames: readonly ColumnName[];
}

/**
 * The layout of a template's records.
 *
 * Values wider than their field: counters of 4 bytes take the low word (`narrowCounters` tells the caller to split
 * such flows first); ifIndexes of 2 bytes become 65535, AS numbers of 2 bytes 23456 (RFC 6793); TCP flags of 1 byte
 * lose the bits that IANA 6 has had since RFC 7125. An address that is not IPv4 is 0.0.0.0 in 4 bytes, and a time that is
 * not known 0 in every unit.
 */
export class RecordLayout {
  readonly fields: readonly RecordField[];
  readonly recordBytes: number;
  /** Octets or packets have 4 bytes: flows beyond that must be split. */
  readonly narrowCounters: boolean;
  private readonly steps: readonly Step[];

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

  writer(): RecordWriter {
    return new RecordWriter(this.steps, this.recordBytes);
  }
}

/** Writes records of one layout: `bind` it to a batch, then `write` any of the batch's rows. */
export class RecordWriter {
  private readonly native: NativeRecordWriter;
  private readonly columnNames: readonly (ColumnName | undefined)[];
  private bound: Parameters<NativeRecordWriter['bind']>[0] | undefined;

  constructor(steps: readonly Step[], recordBytes: number) {
    this.native = new (addon().RecordWriter)(steps, recordBytes);
    this.columnNames = steps.flatMap(({ columnNames: [first, second] }) => [first, second]);
  }

  /** Takes the columns of `batch`; until the next `bind` its rows are what `write` writes. */
  bind(batch: FlowBatch): void {
    const columns = this.columnNames.map((name) => (name === undefined ? undefined : batch.get(name)));
    // To be told an array takes the addon as long as to write it some rows, and batches are filled again and again.
    if (this.bound?.every((column, i) => column === columns[i])) return;
    this.bound = columns;
    this.native.bind(columns);
  }

  /**
   * Writes `rows[first]` and those behind it to `bytes`, as many in a run as it says.
   *
   * @param runs pairs: the byte where a run begins and the number of its records, which stand one after another
   * @param count of runs
   * @param bootMs time that uptimes count from
   */
  write(bytes: Uint8Array, rows: Uint32Array, first: number, runs: Uint32Array, count: number, bootMs: number): void {
    this.native.write(bytes, rows, first, runs, count, bootMs);
  }
}

function makeSteps(field: RecordField, family: Family, offset: number): Step[] {
  const { value, length } = field;
  if (value === 'constant' || value === 'ipVersion') {
    const absent = value === 'ipVersion' ? family : (field.constant ?? 0);
    if (absent !== 0 && length !== 1) throw new Error(`a constant of ${length} bytes that is not zero`);
    return [stepOf('u8', offset, [], absent)];
  }
  if (value === 'icmpTypeCode' || value === 'icmpType' || value === 'icmpCode') {
    const proto = family === 4 ? PROTO_ICMP : PROTO_ICMP6;
    return [stepOf(ICMP_KINDS[value], offset, ['dstPort', 'proto'], 0, proto)];
  }
  if (value === 'firstNs' || value === 'lastNs') {
    const milliseconds = value === 'firstNs' ? 'firstMs' : 'lastMs';
    return [stepOf('ntp', offset, [milliseconds, value])];
  }
  const { type } = fieldByName(value);
  if (type === 'addr') {
    const low = `${value}Lo` as ColumnName;
    if (length === 4) return [stepOf('addr4', offset, [low])];
    return [stepOf('u64', offset, [`${value}Hi` as ColumnName]), stepOf('u64', offset + 8, [low])];
  }
  if (type === 'text') throw new Error(`${value} has no element and is in no template`);
  const { absent } = columnByName.get(value)!;
  const columnNames = [value as ColumnName];
  const wider = length - COLUMN_BYTES[type];
  if (wider > 0) {
    // Leading zeros, as for any column that is not there: once for the whole record.
    const narrow = { ...field, length: COLUMN_BYTES[type] };
    const zeros = stepOf('u8', offset, []);
    return [zeros, stepOf(kindOf(narrow, value, type), offset + wider, columnNames, absent)];
  }
  return [stepOf(kindOf(field, value, type), offset, columnNames, absent)];
}

/** `absent` is what is written when the batch lacks the columns or there are none; `proto` of ICMP its protocol number. */
function stepOf(kind: RecordKind, offset: number, columnNames: readonly ColumnName[], absent = 0, proto = 0): Step {
  return { kind, offset, absent, proto, columnNames };
}

/** Columns that a field is filled from. */
export function recordColumns(field: RecordField, family: Family): ColumnName[] {
  return makeSteps(field, family, 0).flatMap((step) => step.columnNames);
}

function kindOf(field: RecordField, name: FieldName, type: ColumnType): RecordKind {
  const isAs = name === 'srcAs' || name === 'dstAs' || name === 'nextAs' || name === 'prevAs';
  const isUptime = field.element === FIRST_UPTIME || field.element === LAST_UPTIME;
  switch (`${type}:${field.length}`) {
    case 'u8:1':
      return 'u8';
    case 'u16:1':
      return 'u16as8';
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
