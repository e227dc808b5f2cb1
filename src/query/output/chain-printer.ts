import { formatAddress } from '../../flow/address.ts';
import { wide } from '../../flow/u64.ts';
import type { Chunk } from '../chunk.ts';
import { bindings, type Sequence, type VariableKind } from '../filter/sequence.ts';
import { formatMac } from '../filter/values.ts';
import type { Format } from './format.ts';
import { writeWide } from './numbers.ts';
import type { RowPrinter } from './row-printer.ts';
import type { TextBlock } from './text.ts';

/**
 * Prints the flows of chains by a printer of flows. In text a line with the variables stands over each chain (an empty
 * one between chains with -q), csv begins with the columns `chain` and `step`.
 */
export function chainPrinter(printer: RowPrinter, format: Format, sequence: Sequence, quiet: boolean): RowPrinter {
  switch (format.kind) {
    case 'text':
    case 'raw':
    case 'pipe':
      return { ...printer, bind: headings(printer, sequence, quiet) };
    case 'csv':
    case 'csv-fast':
    case 'csv-legacy':
      return {
        ...printer,
        open: (out, isQuiet) => {
          const start = out.length;
          out.ascii('chain,step,');
          const header = out.length;
          printer.open(out, isQuiet);
          if (out.length === header) out.length = start;
        },
        bind: (chunk, firstRow) => {
          const chain = chunk.words('chain');
          const step = chunk.narrow('step');
          const write = printer.bind(chunk, firstRow);
          return (out, row) => {
            writeWide(out, chain, row);
            out.byte(0x2c);
            out.uint(step[row]!);
            out.byte(0x2c);
            write(out, row);
          };
        },
      };
    default:
      return printer;
  }
}

function headings(printer: RowPrinter, sequence: Sequence, quiet: boolean): RowPrinter['bind'] {
  const variables = [...bindings(sequence)].map(([name, { kind }], index) => ({ name, kind, index }));
  return (chunk, firstRow) => {
    const chain = chunk.words('chain');
    const step = chunk.narrow('step');
    const values = variables.map(({ name, kind, index }) => {
      const value = valueText(chunk, kind, index);
      return (row: number) => `${name} = ${value(row)}`;
    });
    const write = printer.bind(chunk, firstRow);
    return (out: TextBlock, row: number) => {
      if (step[row] === 1) {
        if (!quiet) {
          const number = wide(chain, row);
          out.ascii(`Chain ${number}${values.length === 0 ? '' : ': '}${values.map((text) => text(row)).join(', ')}\n`);
        } else if (firstRow + row > 0) out.byte(0x0a);
      }
      write(out, row);
    };
  };
}

function valueText(chunk: Chunk, kind: VariableKind, index: number): (row: number) => string {
  const hi = chunk.words(`v${index}_hi`);
  const lo = chunk.words(`v${index}_lo`);
  switch (kind) {
    case 'address':
      return (row) => formatAddress(hi[row * 2 + 1]!, hi[row * 2]!, lo[row * 2 + 1]!, lo[row * 2]!);
    case 'mac':
      return (row) => formatMac(wide(lo, row));
    case 'number':
      return (row) => String(wide(lo, row));
  }
}
