import type { Style } from './cells.ts';
import { writeDuration } from './clock.ts';
import { scaled } from './numbers.ts';
import type { TextBlock } from './text.ts';

/** Sums over the flows that matched; packets and octets of both directions. */
export interface Totals {
  readonly rows: number;
  readonly flows: number;
  readonly packets: number;
  readonly octets: number;
  /** Earliest and latest, 0 without flows. */
  readonly first: number;
  readonly last: number;
}

export const NO_TOTALS: Totals = { rows: 0, flows: 0, packets: 0, octets: 0, first: 0, last: 0 };

/** In the place of rows. */
export const NO_MATCH = 'No matching flows\n';

/** What was read. */
export interface ReadFiles {
  /** Earliest and latest packet in the files, 0 without flows. */
  readonly first: number;
  readonly last: number;
  readonly octets: number;
}

export interface Timing {
  readonly systemSeconds: number;
  readonly userSeconds: number;
  readonly wallSeconds: number;
}

/** The four lines after a table. */
export function writeSummary(out: TextBlock, totals: Totals, read: ReadFiles, timing: Timing, style: Style): void {
  const number = (value: number) => (style.plain ? String(value) : scaled(value));
  const { bps, pps, bpp } = averages(totals);
  out.ascii(`Summary: total flows: ${totals.flows}, total bytes: ${number(totals.octets)}, `);
  out.ascii(`total packets: ${number(totals.packets)}, avg bps: ${number(bps)}, `);
  out.ascii(`avg pps: ${number(pps)}, avg bpp: ${number(bpp)}\nTime window: `);
  if (read.last === 0) out.ascii('<unknown>\n');
  else {
    style.clock.write(out, read.first);
    out.ascii(' - ');
    style.clock.write(out, read.last);
    out.ascii(', Duration:');
    writeDuration(out, Math.max(0, read.last - read.first));
    out.byte(0x0a);
  }
  out.ascii(
    `Total records processed: ${totals.rows}, passed: ${totals.rows}, Blocks skipped: 0, Bytes read: ${read.octets}\n`,
  );
  const { systemSeconds, userSeconds, wallSeconds } = timing;
  out.ascii(`Sys: ${systemSeconds.toFixed(4)}s User: ${userSeconds.toFixed(4)}s Wall: ${wallSeconds.toFixed(4)}s `);
  const flowsASecond = wallSeconds > 0 ? totals.rows / wallSeconds : 0;
  out.ascii(`flows/second: ${flowsASecond.toFixed(1)} Runtime: ${wallSeconds.toFixed(4)}s\n`);
}

/** The two lines that follow `csv-legacy`. */
export function writeLegacySummary(out: TextBlock, totals: Totals): void {
  const { flows, octets, packets, bps, pps, bpp } = averages(totals);
  out.ascii(
    `Summary\nflows,bytes,packets,avg_bps,avg_pps,avg_bpp\n${flows},${octets},${packets},${bps},${pps},${bpp}\n`,
  );
}

function averages(totals: Totals) {
  const seconds = (totals.last - totals.first) / 1000;
  const perSecond = (count: number) => (seconds > 0 ? Math.floor(count / seconds) : 0);
  const bpp = seconds > 0 && totals.packets > 0 ? Math.floor(totals.octets / totals.packets) : 0;
  return { ...totals, bps: perSecond(totals.octets * 8), pps: perSecond(totals.packets), bpp };
}
