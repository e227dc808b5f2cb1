/**
 * Loops that write one column of a template: one function for each pair of array and wire width. Where a value depends
 * on a condition each branch has a store of its own: V8 takes twice as long for `setUint32(at, a ? b : c)`.
 */
import { V4_MAPPED_WORD } from '../flow/address.ts';
import { NTP_EPOCH_SECONDS } from './protocol.ts';

/** Units of 2^-32 s. */
const NTP_PER_NANOSECOND = 2 ** 32 / 1e9;

/** Where a column goes: row `rows[i]` to byte `at + i * stride`, for i below `count`. */
export interface ColumnRun {
  view: DataView;
  at: number;
  stride: number;
  rows: Uint32Array;
  count: number;
  /** Time that uptimes count from, ms since 1970. */
  bootMs: number;
}

export function putConstant8(run: ColumnRun, value: number): void {
  const { view, stride, count } = run;
  let at = run.at;
  for (let i = 0; i < count; i++, at += stride) view.setUint8(at, value);
}

export function putU8(run: ColumnRun, from: Uint8Array): void {
  const { view, stride, rows, count } = run;
  let at = run.at;
  for (let i = 0; i < count; i++, at += stride) view.setUint8(at, from[rows[i]!]!);
}

export function putU16Low(run: ColumnRun, from: Uint16Array): void {
  const { view, stride, rows, count } = run;
  let at = run.at;
  for (let i = 0; i < count; i++, at += stride) view.setUint8(at, from[rows[i]!]!);
}

export function putU16(run: ColumnRun, from: Uint16Array): void {
  const { view, stride, rows, count } = run;
  let at = run.at;
  for (let i = 0; i < count; i++, at += stride) view.setUint16(at, from[rows[i]!]!);
}

export function putClamped16(run: ColumnRun, from: Uint32Array, tooWide: number): void {
  const { view, stride, rows, count } = run;
  let at = run.at;
  for (let i = 0; i < count; i++, at += stride) {
    const value = from[rows[i]!]!;
    if (value > 0xffff) view.setUint16(at, tooWide);
    else view.setUint16(at, value);
  }
}

export function putU24(run: ColumnRun, from: Uint32Array): void {
  const { view, stride, rows, count } = run;
  let at = run.at;
  for (let i = 0; i < count; i++, at += stride) {
    const value = from[rows[i]!]!;
    view.setUint8(at, value >>> 16);
    view.setUint16(at + 1, value);
  }
}

export function putU32(run: ColumnRun, from: Uint32Array): void {
  const { view, stride, rows, count } = run;
  let at = run.at;
  for (let i = 0; i < count; i++, at += stride) view.setUint32(at, from[rows[i]!]!);
}

export function putLowWord(run: ColumnRun, from: Uint32Array): void {
  const { view, stride, rows, count } = run;
  let at = run.at;
  for (let i = 0; i < count; i++, at += stride) view.setUint32(at, from[rows[i]! * 2]!);
}

export function putU48(run: ColumnRun, from: Uint32Array): void {
  const { view, stride, rows, count } = run;
  let at = run.at;
  for (let i = 0; i < count; i++, at += stride) {
    const word = rows[i]! * 2;
    view.setUint16(at, from[word + 1]!);
    view.setUint32(at + 2, from[word]!);
  }
}

export function putU64(run: ColumnRun, from: Uint32Array): void {
  const { view, stride, rows, count } = run;
  let at = run.at;
  for (let i = 0; i < count; i++, at += stride) {
    const word = rows[i]! * 2;
    view.setUint32(at, from[word + 1]!);
    view.setUint32(at + 4, from[word]!);
  }
}

/** An address that is not IPv4 (a next hop of the other family, RFC 8950) has no place here: 0.0.0.0. */
export function putAddress4(run: ColumnRun, low: Uint32Array): void {
  const { view, stride, rows, count } = run;
  let at = run.at;
  for (let i = 0; i < count; i++, at += stride) {
    const word = rows[i]! * 2;
    if (low[word + 1]! === V4_MAPPED_WORD) view.setUint32(at, low[word]!);
    else view.setUint32(at, 0);
  }
}

export function putMs(run: ColumnRun, from: Float64Array): void {
  const { view, stride, rows, count } = run;
  let at = run.at;
  for (let i = 0; i < count; i++, at += stride) {
    const ms = from[rows[i]!]!;
    const high = Math.floor(ms / 0x1_0000_0000);
    view.setUint32(at, high);
    view.setUint32(at + 4, ms - high * 0x1_0000_0000);
  }
}

/** Whole seconds since 1970. */
export function putSeconds(run: ColumnRun, from: Float64Array): void {
  const { view, stride, rows, count } = run;
  let at = run.at;
  for (let i = 0; i < count; i++, at += stride) view.setUint32(at, from[rows[i]!]! / 1000);
}

/**
 * Seconds since 1900 and their fraction (RFC 7011 section 6.1.10) of milliseconds and the nanoseconds below them. The
 * fraction is rounded up, so that whoever rounds down gets these nanoseconds. A time that is not known (0) stays 0.
 */
export function putNtp(run: ColumnRun, from: Float64Array, below: Uint32Array | undefined): void {
  const { view, stride, rows, count } = run;
  let at = run.at;
  for (let i = 0; i < count; i++, at += stride) {
    const row = rows[i]!;
    const ms = from[row]!;
    const seconds = Math.floor(ms / 1000);
    const nanoseconds = (ms - seconds * 1000) * 1e6 + (below === undefined ? 0 : below[row]!);
    view.setUint32(at, ms === 0 ? 0 : seconds + NTP_EPOCH_SECONDS);
    view.setUint32(at + 4, Math.ceil(nanoseconds * NTP_PER_NANOSECOND));
  }
}

/** A time that is not known (0) stays 0; any other wraps as a device's own uptime does. */
export function putUptime(run: ColumnRun, from: Float64Array): void {
  const { view, stride, rows, count, bootMs } = run;
  let at = run.at;
  for (let i = 0; i < count; i++, at += stride) {
    const ms = from[rows[i]!]!;
    if (ms === 0) view.setUint32(at, 0);
    else view.setUint32(at, ms - bootMs);
  }
}

export function putIcmp(run: ColumnRun, dstPort: Uint16Array, proto: Uint8Array | undefined, icmp: number): void {
  const { view, stride, rows, count } = run;
  let at = run.at;
  for (let i = 0; i < count; i++, at += stride) {
    const row = rows[i]!;
    if (proto !== undefined && proto[row] === icmp) view.setUint16(at, dstPort[row]!);
    else view.setUint16(at, 0);
  }
}

/** ICMP type (`shift` 8) or code (0). */
export function putIcmpByte(
  run: ColumnRun,
  dstPort: Uint16Array,
  proto: Uint8Array | undefined,
  icmp: number,
  shift: number,
): void {
  const { view, stride, rows, count } = run;
  let at = run.at;
  for (let i = 0; i < count; i++, at += stride) {
    const row = rows[i]!;
    if (proto !== undefined && proto[row] === icmp) view.setUint8(at, dstPort[row]! >>> shift);
    else view.setUint8(at, 0);
  }
}
