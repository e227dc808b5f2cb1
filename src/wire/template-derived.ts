import { isIcmp, PROTO_ICMP6 } from '../flow/ip-protocols.ts';
import { MAX_TIME_MS } from '../flow/time.ts';
import { columnIndex } from './batch-target.ts';
import { readLow, readNumber } from './decode-bytes.ts';
import { fractionNs } from './ntp-time.ts';
import { quirkNumber, unswappedInterval } from './quirks.ts';
import type { RecordRun } from './record-run.ts';
import { TIME_DELTA_MICROSECONDS } from './template-fields.ts';
import {
  type ColumnProgram,
  OP_8_WHERE_V6,
  OP_BELOW_MS,
  OP_DURATION,
  OP_EVENT_TIME,
  OP_EXCEPTION_CODE,
  OP_FAMILY,
  OP_ICMP,
  OP_SAMPLER,
  OP_SAMPLING,
  OP_V6_OR_V4,
  OP_V6_WHERE_V6,
  SAMPLING_COUNT,
  SAMPLING_INTERVAL,
  SAMPLING_POPULATION,
  SAMPLING_PROBABILITY,
} from './template-program.ts';

/**
 * Steps that look at several fields of a record, or at columns that earlier steps have filled. They run after the
 * plain copies of their template.
 */

const PROTO = columnIndex('proto');
const SRC_PORT = columnIndex('srcPort');
const DST_PORT = columnIndex('dstPort');
const FIRST = columnIndex('firstMs');
const LAST = columnIndex('lastMs');
const FIRST_NS = columnIndex('firstNs');
const LAST_NS = columnIndex('lastNs');
const EVENT = columnIndex('eventMs');
const SAMPLING = columnIndex('sampling');

const ICMP_IN_SOURCE_PORT = quirkNumber('icmp-in-source-port');
const SWAPPED_INTERVAL = quirkNumber('swapped-interval');

const MAX_RATE = 0xffff_ffff;

/** Runs a step over the records of a run. */
export function runDerived(program: ColumnProgram, run: RecordRun): void {
  const { template, target, view, base, stride, row, count, context } = run;
  switch (program.op) {
    case OP_FAMILY:
      tellFamilies(program, run);
      break;
    case OP_V6_WHERE_V6:
    case OP_V6_OR_V4:
      overwriteAddresses(program, run);
      break;
    case OP_8_WHERE_V6: {
      const to = target.column(program.column, row + count) as Uint8Array;
      const width = template.lengths[program.slot]!;
      let at = base + template.offsets[program.slot]!;
      for (let i = 0; i < count; i++, at += stride) {
        if (context.families[i] === 6) to[row + i] = readLow(view, at, width);
      }
      break;
    }
    case OP_ICMP:
      typeAndCodeToPort(program, run);
      break;
    case OP_DURATION:
      applyDuration(program, run);
      break;
    case OP_BELOW_MS:
      fillBelowMilliseconds(program, run);
      break;
    case OP_EVENT_TIME:
      applyEventTime(run);
      break;
    case OP_EXCEPTION_CODE:
      statusOfExceptions(program, run);
      break;
    case OP_SAMPLING:
      if (!context.samplingFixed) ratesOfRecords(program, run);
      break;
    case OP_SAMPLER:
      if (!context.samplingFixed) ratesOfSamplers(program, run);
      break;
  }
}

function tellFamilies(program: ColumnProgram, run: RecordRun): void {
  const { template, view, base, stride, count, context } = run;
  const { offsets, lengths } = template;
  const [src4, dst4, src6, dst6, version, otherwise] = program.more as [number, number, number, number, number, number];
  const { families } = context;
  for (let i = 0, record = base; i < count; i++, record += stride) {
    let v4 = 0;
    let v6 = 0;
    if (src4 >= 0) v4 |= view.getUint32(record + offsets[src4]!);
    if (dst4 >= 0) v4 |= view.getUint32(record + offsets[dst4]!);
    if (src6 >= 0) v6 |= anyBit128(view, record + offsets[src6]!);
    if (dst6 >= 0) v6 |= anyBit128(view, record + offsets[dst6]!);
    if ((v4 === 0) !== (v6 === 0)) {
      families[i] = v4 === 0 ? 6 : 4;
    } else {
      const told = version < 0 ? 0 : readLow(view, record + offsets[version]!, lengths[version]!);
      families[i] = told === 4 || told === 6 ? told : otherwise;
    }
  }
}

function anyBit128(view: DataView, at: number): number {
  return view.getUint32(at) | view.getUint32(at + 4) | view.getUint32(at + 8) | view.getUint32(at + 12);
}

function overwriteAddresses(program: ColumnProgram, run: RecordRun): void {
  const { template, target, view, base, stride, row, count, context } = run;
  const { offsets } = template;
  const high = target.column(program.column, row + count) as Uint32Array;
  const low = target.column(program.column + 1, row + count) as Uint32Array;
  const twin = program.op === OP_V6_OR_V4 ? program.more[0]! : -1;
  for (let i = 0, record = base; i < count; i++, record += stride) {
    const at = record + offsets[program.slot]!;
    let takes6 = context.families[i] === 6;
    if (twin >= 0) {
      const v4 = view.getUint32(record + offsets[twin]!) !== 0;
      const v6 = anyBit128(view, at) !== 0;
      if (v4 !== v6) takes6 = v6;
    }
    if (!takes6) continue;
    const w = (row + i) * 2;
    high[w + 1] = view.getUint32(at);
    high[w] = view.getUint32(at + 4);
    low[w + 1] = view.getUint32(at + 8);
    low[w] = view.getUint32(at + 12);
  }
}

/**
 * The destination port of an ICMP record is type * 256 + code. Explicit type and code count most; then the combined
 * element unless it is 0 beside a port (exporters that fill it for no protocol); then the port; then, as some Cisco
 * have it, the source port with its bytes swapped.
 */
function typeAndCodeToPort(program: ColumnProgram, run: RecordRun): void {
  const { template, target, view, base, stride, row, count, context } = run;
  const { offsets, lengths } = template;
  const [type4, code4, both4, type6, code6, both6] = program.more as [number, number, number, number, number, number];
  const proto = target.column(PROTO, row + count) as Uint8Array;
  const srcPort = target.column(SRC_PORT, row + count) as Uint16Array;
  const dstPort = target.column(DST_PORT, row + count) as Uint16Array;
  for (let r = row, end = row + count; r < end; r++) {
    const protocol = proto[r]!;
    if (!isIcmp(protocol)) continue;
    const record = base + (r - row) * stride;
    const own6 = protocol === PROTO_ICMP6;
    // Exporters with one element for both protocols exist.
    const type = own6 && type6 >= 0 ? type6 : type4 >= 0 ? type4 : type6;
    const code = own6 && code6 >= 0 ? code6 : code4 >= 0 ? code4 : code6;
    const both = own6 && both6 >= 0 ? both6 : both4 >= 0 ? both4 : both6;
    if (type >= 0) {
      const codeValue = code < 0 ? 0 : readLow(view, record + offsets[code]!, lengths[code]!) & 0xff;
      dstPort[r] = ((readLow(view, record + offsets[type]!, lengths[type]!) & 0xff) << 8) | codeValue;
      continue;
    }
    const combined = both < 0 ? 0 : readLow(view, record + offsets[both]!, lengths[both]!) & 0xffff;
    if (combined !== 0) {
      dstPort[r] = combined;
    } else if (dstPort[r] === 0 && srcPort[r] !== 0) {
      const swapped = srcPort[r]!;
      dstPort[r] = ((swapped & 0xff) << 8) | (swapped >>> 8);
      srcPort[r] = 0;
      context.stream.quirk(ICMP_IN_SOURCE_PORT, 1);
    }
  }
}

/** The end that is missing; where a duration cannot be, it stays not known. */
function applyDuration(program: ColumnProgram, run: RecordRun): void {
  const { template, target, view, base, stride, row, count } = run;
  const first = target.column(FIRST, row + count) as Float64Array;
  const last = target.column(LAST, row + count) as Float64Array;
  const [perMs, isFine] = program.more as [number, number];
  const firstNs = isFine === 0 ? undefined : (target.column(FIRST_NS, row + count) as Uint32Array);
  const lastNs = isFine === 0 ? undefined : (target.column(LAST_NS, row + count) as Uint32Array);
  const width = template.lengths[program.slot]!;
  let at = base + template.offsets[program.slot]!;
  for (let r = row; r < row + count; r++, at += stride) {
    if ((first[r] === 0) === (last[r] === 0)) continue;
    const duration = readNumber(view, at, width);
    const ms = Math.floor(duration / perMs);
    const restNs = (duration % perMs) * (1e6 / perMs);
    if (last[r] === 0) {
      const ns = (firstNs?.[r] ?? 0) + restNs;
      const lastMs = first[r]! + ms + (ns < 1e6 ? 0 : 1);
      if (lastMs > MAX_TIME_MS) continue;
      last[r] = lastMs;
      if (lastNs !== undefined) lastNs[r] = ns % 1e6;
    } else {
      const ns = (lastNs?.[r] ?? 0) - restNs;
      const firstMs = last[r]! - ms - (ns < 0 ? 1 : 0);
      if (firstMs <= 0) continue;
      first[r] = firstMs;
      if (firstNs !== undefined) firstNs[r] = ns < 0 ? ns + 1e6 : ns;
    }
  }
}

function fillBelowMilliseconds(program: ColumnProgram, run: RecordRun): void {
  const { template, target, view, base, stride, row, count } = run;
  const to = target.whole(program.column, count) as Uint32Array;
  const kind = program.more[0]!;
  const width = template.lengths[program.slot]!;
  let at = base + template.offsets[program.slot]!;
  for (let r = row, end = row + count; r < end; r++, at += stride) {
    to[r] =
      kind === TIME_DELTA_MICROSECONDS
        ? microsecondsBeforeNs(readLow(view, at, width))
        : fractionNs(view.getUint32(at + 4), kind) % 1e6;
  }
}

/** The export time is whole milliseconds: what lies so many microseconds before it has the rest to the next one. */
function microsecondsBeforeNs(microseconds: number): number {
  const rest = microseconds % 1000;
  return rest === 0 ? 0 : (1000 - rest) * 1000;
}

/** NSEL and NEL records have one time, of the event; a record whose start is known ends with its event. */
function applyEventTime({ target, row, count }: RecordRun): void {
  const first = target.column(FIRST, row + count) as Float64Array;
  const last = target.column(LAST, row + count) as Float64Array;
  const event = target.column(EVENT, row + count) as Float64Array;
  for (let r = row; r < row + count; r++) {
    if (last[r] === 0) last[r] = event[r]!;
    if (first[r] === 0) first[r] = last[r]!;
  }
}

function ratesOfRecords(program: ColumnProgram, run: RecordRun): void {
  const { template, target, view, base, stride, row, count, context } = run;
  const { offsets, lengths } = template;
  const sampling = target.column(SAMPLING, row + count) as Uint32Array;
  const [method, second] = program.more as [number, number];
  for (let i = 0, record = base; i < count; i++, record += stride) {
    const at = record + offsets[program.slot]!;
    const width = lengths[program.slot]!;
    const other = second < 0 ? 0 : readNumber(view, record + offsets[second]!, lengths[second]!);
    const sent = method === SAMPLING_PROBABILITY ? readFloat(view, at, width) : readNumber(view, at, width);
    const value = method === SAMPLING_INTERVAL ? unswappedInterval(sent) : sent;
    if (value !== sent && method === SAMPLING_INTERVAL) context.stream.quirk(SWAPPED_INTERVAL, 1);
    const rate = samplingRate(method, value, other, second >= 0);
    if (rate > 0) sampling[row + i] = rate;
  }
}

/** The six highest bits say what the rest means; of an exception 0 is none. */
const EXCEPTION_CODE = 2;
const STATUS_FORWARDED = 64;
const STATUS_DROPPED = 128;

function statusOfExceptions(program: ColumnProgram, run: RecordRun): void {
  const { template, target, view, base, stride, row, count } = run;
  const status = target.column(program.column, row + count) as Uint8Array;
  let at = base + template.offsets[program.slot]!;
  for (let r = row, end = row + count; r < end; r++, at += stride) {
    const properties = view.getUint16(at);
    if (properties >>> 10 !== EXCEPTION_CODE) continue;
    status[r] = (properties & 0x3ff) === 0 ? STATUS_FORWARDED : STATUS_DROPPED;
  }
}

/**
 * One of how many packets was counted, 0 when the values do not say.
 * `interval` alone; `interval` packets taken and `other` left out; `interval` out of `other`; or 1 / `interval`.
 */
export function samplingRate(method: number, value: number, other: number, hasOther: boolean): number {
  let rate = 0;
  if (method === SAMPLING_INTERVAL) rate = value;
  else if (method === SAMPLING_COUNT) rate = packetsOfCount(value, other, hasOther);
  else if (method === SAMPLING_POPULATION) rate = value === 0 ? 0 : other / value;
  else if (value > 0 && value <= 1) rate = 1 / value;
  return rate > 0 && rate <= MAX_RATE ? Math.max(1, Math.round(rate)) : 0;
}

function packetsOfCount(taken: number, leftOut: number, hasOther: boolean): number {
  if (hasOther) return taken === 0 ? 0 : (taken + leftOut) / taken;
  // Cisco NCS sends the interval alone and means the rate; 1 of an unknown number says nothing.
  return taken > 1 ? taken : 0;
}

/** float64 or, in reduced size, float32; NaN for any other width. */
export function readFloat(view: DataView, at: number, width: number): number {
  if (width === 8) return view.getFloat64(at);
  return width === 4 ? view.getFloat32(at) : Number.NaN;
}

function ratesOfSamplers(program: ColumnProgram, run: RecordRun): void {
  const { template, target, view, base, stride, row, count, context } = run;
  if (!context.stream.hasSamplers()) return;
  const sampling = target.column(SAMPLING, row + count) as Uint32Array;
  const width = template.lengths[program.slot]!;
  let at = base + template.offsets[program.slot]!;
  let lastId = -1;
  let rate = 0;
  for (let i = 0; i < count; i++, at += stride) {
    const id = readNumber(view, at, width);
    if (id !== lastId) {
      lastId = id;
      rate = context.stream.samplerRate(id);
    }
    if (rate > 0) sampling[row + i] = rate;
  }
}
