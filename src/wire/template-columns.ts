import { V4_MAPPED_WORD } from '../flow/address.ts';
import { MAX_TIME_MS } from '../flow/time.ts';
import { readHigh, readLow, readNumber, readWord } from './decode-bytes.ts';
import type { SetContext } from './decode-context.ts';
import { fractionNs, ntpSecondsMs } from './ntp-time.ts';
import type { RecordRun } from './record-run.ts';
import type { CompiledTemplate } from './template.ts';
import { runDerived } from './template-derived.ts';
import {
  TIME_DELTA_MICROSECONDS,
  TIME_MILLISECONDS,
  TIME_NETSCALER,
  TIME_NTP,
  TIME_NTP_MICROSECONDS,
  TIME_SECONDS,
  TIME_UPTIME,
} from './template-fields.ts';
import {
  type ColumnProgram,
  OP_8_TO_8,
  OP_8_TO_16,
  OP_8_TO_32,
  OP_16_TO_16,
  OP_16_TO_32,
  OP_32_TO_32,
  OP_32_TO_64,
  OP_64_TO_64,
  OP_ANY_TO_8,
  OP_ANY_TO_16,
  OP_ANY_TO_32,
  OP_ANY_TO_64,
  OP_FIRST_DERIVED,
  OP_MILLISECONDS,
  OP_TIME,
  OP_UPTIME,
  OP_V4_ADDRESS,
  OP_V6_ADDRESS,
} from './template-program.ts';

/** High word of 64-bit milliseconds that lie beyond. */
const END_OF_TIME_HIGH = Math.floor(MAX_TIME_MS / 0x1_0000_0000);

/**
 * Runs all steps of its template over the records of a run. The caller has checked that they lie within `view` and that
 * the batch has room.
 */
export function runPrograms(run: RecordRun): void {
  const { template, target, view, base, stride, row, count, context } = run;
  const { programs, offsets, lengths } = template;
  for (let i = 0; i < programs.length; i++) {
    const program = programs[i]!;
    const { op, column, slot } = program;
    if (op >= OP_FIRST_DERIVED) {
      runDerived(program, run);
      continue;
    }
    const at = base + offsets[slot]!;
    switch (op) {
      case OP_8_TO_8:
        copy8to8(target.whole(column, count) as Uint8Array, row, count, view, at, stride);
        break;
      case OP_8_TO_16:
        copy8to16(target.whole(column, count) as Uint16Array, row, count, view, at, stride);
        break;
      case OP_16_TO_16:
        copy16to16(target.whole(column, count) as Uint16Array, row, count, view, at, stride);
        break;
      case OP_8_TO_32:
        copy8to32(target.whole(column, count) as Uint32Array, row, count, view, at, stride);
        break;
      case OP_16_TO_32:
        copy16to32(target.whole(column, count) as Uint32Array, row, count, view, at, stride);
        break;
      case OP_32_TO_32:
        copy32to32(target.whole(column, count) as Uint32Array, row, count, view, at, stride);
        break;
      case OP_32_TO_64:
        copy32to64(target.whole(column, count) as Uint32Array, row, count, view, at, stride);
        break;
      case OP_64_TO_64:
        copy64to64(target.whole(column, count) as Uint32Array, row, count, view, at, stride);
        break;
      case OP_ANY_TO_8:
        copyAnyTo8(target.whole(column, count) as Uint8Array, row, count, view, at, stride, lengths[slot]!);
        break;
      case OP_ANY_TO_16:
        copyAnyTo16(target.whole(column, count) as Uint16Array, row, count, view, at, stride, lengths[slot]!);
        break;
      case OP_ANY_TO_32:
        copyAnyTo32(target.whole(column, count) as Uint32Array, row, count, view, at, stride, lengths[slot]!);
        break;
      case OP_ANY_TO_64:
        copyAnyTo64(target.whole(column, count) as Uint32Array, row, count, view, at, stride, lengths[slot]!);
        break;
      case OP_V4_ADDRESS:
        // The high half of a v4-mapped address is 0.
        target.fill(column, count, 0);
        copyV4(target.whole(column + 1, count) as Uint32Array, row, count, view, at, stride);
        break;
      case OP_V6_ADDRESS:
        copyV6(
          target.whole(column, count) as Uint32Array,
          target.whole(column + 1, count) as Uint32Array,
          row,
          count,
          view,
          at,
          stride,
        );
        break;
      case OP_UPTIME:
        if (context.hasUptime) {
          copyUptime(target.whole(column, count) as Float64Array, row, count, view, at, stride, context);
        }
        break;
      case OP_MILLISECONDS:
        copyMilliseconds(target.whole(column, count) as Float64Array, row, count, view, at, stride);
        break;
      case OP_TIME:
        copyTime(
          target.whole(column, count) as Float64Array,
          row,
          count,
          view,
          base,
          stride,
          program,
          template,
          context,
        );
        break;
    }
  }
}

function copy8to8(to: Uint8Array, row: number, count: number, view: DataView, from: number, stride: number): void {
  for (let end = row + count, r = row, at = from; r < end; r++, at += stride) to[r] = view.getUint8(at);
}

function copy8to16(to: Uint16Array, row: number, count: number, view: DataView, from: number, stride: number): void {
  for (let end = row + count, r = row, at = from; r < end; r++, at += stride) to[r] = view.getUint8(at);
}

function copy16to16(to: Uint16Array, row: number, count: number, view: DataView, from: number, stride: number): void {
  for (let end = row + count, r = row, at = from; r < end; r++, at += stride) to[r] = view.getUint16(at);
}

function copy8to32(to: Uint32Array, row: number, count: number, view: DataView, from: number, stride: number): void {
  for (let end = row + count, r = row, at = from; r < end; r++, at += stride) to[r] = view.getUint8(at);
}

function copy16to32(to: Uint32Array, row: number, count: number, view: DataView, from: number, stride: number): void {
  for (let end = row + count, r = row, at = from; r < end; r++, at += stride) to[r] = view.getUint16(at);
}

function copy32to32(to: Uint32Array, row: number, count: number, view: DataView, from: number, stride: number): void {
  for (let end = row + count, r = row, at = from; r < end; r++, at += stride) to[r] = view.getUint32(at);
}

function copy32to64(to: Uint32Array, row: number, count: number, view: DataView, from: number, stride: number): void {
  for (let end = (row + count) * 2, w = row * 2, at = from; w < end; w += 2, at += stride) to[w] = view.getUint32(at);
}

function copy64to64(to: Uint32Array, row: number, count: number, view: DataView, from: number, stride: number): void {
  for (let end = (row + count) * 2, w = row * 2, at = from; w < end; w += 2, at += stride) {
    to[w] = view.getUint32(at + 4);
    to[w + 1] = view.getUint32(at);
  }
}

function copyAnyTo8(
  to: Uint8Array,
  row: number,
  count: number,
  view: DataView,
  from: number,
  stride: number,
  width: number,
): void {
  for (let i = 0, at = from; i < count; i++, at += stride) to[row + i] = readLow(view, at, width);
}

function copyAnyTo16(
  to: Uint16Array,
  row: number,
  count: number,
  view: DataView,
  from: number,
  stride: number,
  width: number,
): void {
  for (let i = 0, at = from; i < count; i++, at += stride) to[row + i] = readLow(view, at, width);
}

function copyAnyTo32(
  to: Uint32Array,
  row: number,
  count: number,
  view: DataView,
  from: number,
  stride: number,
  width: number,
): void {
  for (let i = 0, at = from; i < count; i++, at += stride) to[row + i] = readLow(view, at, width);
}

function copyAnyTo64(
  to: Uint32Array,
  row: number,
  count: number,
  view: DataView,
  from: number,
  stride: number,
  width: number,
): void {
  for (let w = row * 2, end = w + count * 2, at = from; w < end; w += 2, at += stride) {
    to[w] = readLow(view, at, width);
    to[w + 1] = readHigh(view, at, width);
  }
}

function copyV4(low: Uint32Array, row: number, count: number, view: DataView, from: number, stride: number): void {
  for (let end = (row + count) * 2, w = row * 2, at = from; w < end; w += 2, at += stride) {
    low[w] = view.getUint32(at);
    low[w + 1] = V4_MAPPED_WORD;
  }
}

function copyV6(
  high: Uint32Array,
  low: Uint32Array,
  row: number,
  count: number,
  view: DataView,
  from: number,
  stride: number,
): void {
  for (let end = (row + count) * 2, w = row * 2, at = from; w < end; w += 2, at += stride) {
    high[w + 1] = view.getUint32(at);
    high[w] = view.getUint32(at + 4);
    low[w + 1] = view.getUint32(at + 8);
    low[w] = view.getUint32(at + 12);
  }
}

/**
 * Export time plus the signed 32-bit distance from the header's uptime: right across the wrap of the 32-bit counter,
 * before the exporter started, and for a packet a little after the header was filled in (Cisco CSCei12353). What would
 * lie before 1970 (a header whose clock was never set) is no time.
 */
function copyUptime(
  to: Float64Array,
  row: number,
  count: number,
  view: DataView,
  from: number,
  stride: number,
  context: SetContext,
): void {
  const { exportMs, uptimeMs } = context;
  for (let end = row + count, r = row, at = from; r < end; r++, at += stride) {
    const ms = exportMs + ((view.getUint32(at) - uptimeMs) | 0);
    to[r] = Math.max(ms, 0);
  }
}

/** The high word is the same for 49 days, so its part of the sum is worked out once a set. */
function copyMilliseconds(
  to: Float64Array,
  row: number,
  count: number,
  view: DataView,
  from: number,
  stride: number,
): void {
  let high = 0;
  let highMs = 0;
  for (let end = row + count, r = row, at = from; r < end; r++, at += stride) {
    const word = view.getUint32(at);
    if (word !== high) {
      high = word;
      highMs = word * 0x1_0000_0000;
    }
    to[r] = word < END_OF_TIME_HIGH ? highMs + view.getUint32(at + 4) : 0;
  }
}

function copyTime(
  to: Float64Array,
  row: number,
  count: number,
  view: DataView,
  base: number,
  stride: number,
  program: ColumnProgram,
  template: CompiledTemplate,
  context: SetContext,
): void {
  const { offsets, lengths } = template;
  const width = lengths[program.slot]!;
  const kind = program.more[0]!;
  const initSlot = program.more[1]!;
  const initOffset = initSlot < 0 ? 0 : offsets[initSlot]!;
  const initWidth = initSlot < 0 ? 0 : lengths[initSlot]!;
  for (let i = 0, record = base; i < count; i++, record += stride) {
    const at = record + offsets[program.slot]!;
    const initMs = initSlot < 0 ? 0 : readNumber(view, record + initOffset, initWidth);
    const ms = pointInTime(view, at, width, kind, initMs, context);
    to[row + i] = ms > 0 && ms <= MAX_TIME_MS ? ms : 0;
  }
}

/** A time of any kind in milliseconds since 1970; 0 when it refers to a clock that nobody told us about. */
function pointInTime(
  view: DataView,
  at: number,
  width: number,
  kind: number,
  initMs: number,
  context: SetContext,
): number {
  switch (kind) {
    case TIME_MILLISECONDS:
      return readNumber(view, at, width);
    case TIME_SECONDS:
      return readNumber(view, at, width) * 1000;
    case TIME_NTP:
    case TIME_NTP_MICROSECONDS:
    case TIME_NETSCALER: {
      const seconds = readWord(view, at, Math.min(width, 4));
      const fraction = width === 8 ? view.getUint32(at + 4) : 0;
      if (seconds === 0 && fraction === 0) return 0;
      return ntpSecondsMs(seconds) + Math.floor(fractionNs(fraction, kind) / 1e6);
    }
    case TIME_DELTA_MICROSECONDS:
      return context.exportMs - Math.ceil(readLow(view, at, width) / 1000);
    case TIME_UPTIME: {
      if (initMs > 0) return context.exportMs + ((readLow(view, at, width) - (context.exportMs - initMs)) | 0);
      return context.hasUptime ? context.exportMs + ((readLow(view, at, width) - context.uptimeMs) | 0) : 0;
    }
    default:
      return 0;
  }
}
