import { formatAddress } from '../../flow/address.ts';
import { wide } from '../../flow/u64.ts';
import type { Chunk } from '../chunk.ts';
import { CLASS_NAMES, type Report, type ReportColumn, type ReportForm } from '../reports.ts';
import { condense } from './address-cells.ts';
import type { Style } from './cells.ts';
import type { Format } from './format.ts';
import { writeCounter } from './numbers.ts';
import type { TextBlock } from './text.ts';

const WIDTHS: Readonly<Record<ReportForm, number>> = {
  time: 23,
  address: 17,
  hosts: 9,
  count: 9,
  percent: 6,
  scan: 7,
  classes: 8,
};
const LONG_V6_WIDTH = 43;
const SCANS = ['none', 'hosts', 'ports', 'both'];

type CellWriter = (out: TextBlock, row: number) => void;

/** Title and header lines. */
export function openReport(
  out: TextBlock,
  report: Report,
  top: number,
  format: Format,
  style: Style,
  quiet: boolean,
): void {
  if (format.kind === 'csv') out.ascii(`${report.columns.map(({ name }) => name).join(',')}\n`);
  else if (format.kind === 'text' && !quiet) {
    const { title } = report;
    out.ascii(`${top === 0 ? title.charAt(0).toUpperCase() + title.slice(1) : `Top ${top} ${title}`}:\n`);
    const cells = report.columns.map(({ heading, form }) =>
      form === 'time' ? heading.padEnd(WIDTHS.time) : heading.padStart(widthOf(form, style)),
    );
    out.ascii(`${cells.join(' ')}\n`);
  }
}

/** The writer of the rows of one chunk. Formats that have no form for such tables print nothing. */
export function bindReport(chunk: Chunk, report: Report, format: Format, style: Style): CellWriter {
  const isCsv = format.kind === 'csv';
  if (isCsv || format.kind === 'text') {
    const cells = report.columns.map((column) => cellWriter(chunk, column, style, isCsv));
    return (out, row) => {
      for (const [index, write] of cells.entries()) {
        if (index > 0) out.byte(isCsv ? 0x2c : 0x20);
        write(out, row);
      }
      out.byte(0x0a);
    };
  }
  if (format.kind !== 'json' && format.kind !== 'ndjson') return () => undefined;
  const values = report.columns.map((column) => ({ column, value: jsonWriter(chunk, column, style) }));
  return (out, row) => {
    out.byte(0x7b);
    for (const [index, { column, value }] of values.entries()) {
      out.ascii(`${index > 0 ? ',' : ''}"${column.name}":`);
      value(out, row);
    }
    out.ascii('}\n');
  };
}

function widthOf(form: ReportForm, { longV6 }: Style): number {
  return form === 'address' && longV6 ? LONG_V6_WIDTH : WIDTHS[form];
}

function cellWriter(chunk: Chunk, { name, form }: ReportColumn, style: Style, isCsv: boolean): CellWriter {
  const width = isCsv ? 0 : widthOf(form, style);
  if (form === 'address') {
    const address = addressText(chunk);
    return (out, row) => {
      const text = address(row);
      out.ascii(style.marker);
      out.right(isCsv || style.longV6 ? text : condense(text), width);
    };
  }
  const words = chunk.words(name);
  switch (form) {
    case 'time':
      return (out, row) => style.clock.write(out, wide(words, row));
    case 'percent':
      return (out, row) => out.right(`${wide(words, row)}${isCsv ? '' : '%'}`, width);
    case 'scan':
      return (out, row) => out.right(SCANS[wide(words, row)]!, width);
    case 'classes':
      return (out, row) => out.right(classesText(wide(words, row)), width);
    case 'hosts':
      return (out, row) => out.uint(wide(words, row), width);
    case 'count':
      return (out, row) => {
        if (isCsv) out.uint(wide(words, row));
        else writeCounter(out, wide(words, row), width, style.plain);
      };
  }
}

function jsonWriter(chunk: Chunk, { name, form }: ReportColumn, { clock }: Style): CellWriter {
  if (form === 'address') {
    const address = addressText(chunk);
    return (out, row) => out.ascii(`"${address(row)}"`);
  }
  const words = chunk.words(name);
  switch (form) {
    case 'time':
      return (out, row) => {
        out.byte(0x22);
        clock.writeRfc3339(out, wide(words, row));
        out.byte(0x22);
      };
    case 'scan':
      return (out, row) => out.ascii(`"${SCANS[wide(words, row)]}"`);
    case 'classes':
      return (out, row) => {
        const bits = wide(words, row);
        out.ascii(JSON.stringify(CLASS_NAMES.filter((_, bit) => bits & (1 << bit))));
      };
    default:
      return (out, row) => out.uint(wide(words, row));
  }
}

function addressText(chunk: Chunk): (row: number) => string {
  const hi = chunk.words('hi');
  const lo = chunk.words('lo');
  return (row) => formatAddress(hi[row * 2 + 1]!, hi[row * 2]!, lo[row * 2 + 1]!, lo[row * 2]!);
}

/** `T`, `R`, `C` or a dot for each class. */
function classesText(bits: number): string {
  return CLASS_NAMES.map((name, bit) => (bits & (1 << bit) ? name.charAt(0).toUpperCase() : '.')).join('');
}
