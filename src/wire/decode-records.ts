import { columnIndex } from './batch-target.ts';
import type { DatagramOrigin, SetContext } from './decode-context.ts';
import { decodeOptions } from './decode-options.ts';
import type { Decoding } from './decoding.ts';
import { VERSION_IPFIX } from './protocol.ts';
import { type CompiledTemplate, locateFields } from './template.ts';
import { runPrograms } from './template-columns.ts';

const RECEIVED = columnIndex('receivedMs');
const EXPORTED = columnIndex('exportMs');
const EXPORTER = columnIndex('exporterHi');
const DOMAIN = columnIndex('domain');
const VERSION = columnIndex('exportVersion');
const SAMPLING = columnIndex('sampling');

/**
 * Decodes the data records from `start` to `end` (a set without its header) into the batch, or into the stream when
 * they are options. What is left behind the last whole record is padding. Returns the number of records.
 */
export function decodeRecords(
  decoding: Decoding,
  template: CompiledTemplate,
  view: DataView,
  start: number,
  end: number,
  origin: DatagramOrigin,
): number {
  const { context, counters } = decoding;
  if (template.isOptions) {
    const options = decodeOptions(decoding, template, view, start, end);
    for (const quirk of template.quirks) context.stream.quirk(quirk, options);
    return options;
  }
  if (template.needsClock && context.version === VERSION_IPFIX) setClock(context);
  context.samplingFixed = context.stream.samplingFixed;
  const rate = context.stream.samplingRate(template.id, context.headerRate);
  const count = template.isVariable
    ? appendVariable(decoding, template, view, start, end, origin, rate)
    : appendFixed(decoding, template, view, start, end, origin, rate);
  counters.records += count;
  for (const quirk of template.quirks) context.stream.quirk(quirk, count);
  if (template.extra !== undefined && template.extra.unknown.length > 0) {
    context.stream.unknownElements(template.extra.unknown, count);
  }
  if (template.needsClock && !context.hasUptime) counters.recordsWithoutClock += count;
  return count;
}

/** An IPFIX header has no uptime; it follows from the start of the exporter, where an options record told it. */
function setClock(context: SetContext): void {
  const { bootMs } = context.stream;
  context.hasUptime = bootMs > 0;
  context.uptimeMs = bootMs > 0 ? (context.exportMs - bootMs) >>> 0 : 0;
}

function appendFixed(
  decoding: Decoding,
  template: CompiledTemplate,
  view: DataView,
  start: number,
  end: number,
  origin: DatagramOrigin,
  rate: number,
): number {
  const { target, queue, run } = decoding;
  const { recordLength, extra } = template;
  const count = Math.floor((end - start) / recordLength);
  let done = 0;
  while (done < count) {
    const rows = Math.min(count - done, target.room());
    const base = start + done * recordLength;
    stamp(decoding, origin, rate, rows);
    if (!queue.add(template, view, base, rows, origin.receivedMs)) {
      stampTimes(decoding, origin, rows);
      runPrograms(run.of(template, view, base, recordLength, target.batch.rows, rows));
    }
    if (extra !== undefined) decoding.extra.run(extra, template, view, base, recordLength, rows);
    target.commit(rows);
    done += rows;
  }
  return count;
}

function appendVariable(
  decoding: Decoding,
  template: CompiledTemplate,
  view: DataView,
  start: number,
  end: number,
  origin: DatagramOrigin,
  rate: number,
): number {
  const { target, counters, run } = decoding;
  const { extra } = template;
  let count = 0;
  let at = start;
  while (end - at >= template.recordLength) {
    const length = locateFields(template, view, at, end);
    if (length < 0) {
      counters.truncated++;
      break;
    }
    target.room();
    stamp(decoding, origin, rate, 1);
    stampTimes(decoding, origin, 1);
    runPrograms(run.of(template, view, at, 0, target.batch.rows, 1));
    if (extra !== undefined) decoding.extra.run(extra, template, view, at, 0, 1);
    target.commit(1);
    at += length;
    count++;
  }
  return count;
}

/** Columns that are the same for every record of an exporter. */
function stamp(decoding: Decoding, origin: DatagramOrigin, rate: number, rows: number): void {
  const { target, context } = decoding;
  target.fill(EXPORTER, rows, origin.hiLow, origin.hiHigh);
  target.fill(EXPORTER + 1, rows, origin.loLow, origin.loHigh);
  target.fill(DOMAIN, rows, context.domain);
  target.fill(VERSION, rows, context.version);
  target.fill(SAMPLING, rows, rate);
}

function stampTimes(decoding: Decoding, origin: DatagramOrigin, rows: number): void {
  const { target, context } = decoding;
  const received = target.whole(RECEIVED, rows) as Float64Array;
  const exported = target.whole(EXPORTED, rows) as Float64Array;
  const { receivedMs } = origin;
  const { exportMs } = context;
  const first = target.batch.rows;
  for (let row = first, end = first + rows; row < end; row++) {
    received[row] = receivedMs;
    exported[row] = exportMs;
  }
}
