import { printFilter } from './filter/print.ts';
import { printSequence } from './filter/sequence.ts';
import type { Order } from './orders.ts';
import { Clock } from './output/clock.ts';
import type { Format } from './output/format.ts';
import { TextBlock } from './output/text.ts';
import type { Job, JobOf, Plan } from './plan.ts';

/** -X: how a question was understood, a line for each part. */
export function describePlan({ selection, jobs }: Plan, format: Format): string {
  const { window, limit, sequence } = selection;
  const lines = [
    sequence === undefined ? `filter   ${printFilter(selection.filter)}` : `chains   ${printSequence(sequence)}`,
  ];
  if (window !== undefined) {
    const from = window.afterMs === undefined ? 'the beginning' : timeText(window.afterMs);
    const to = window.beforeMs === undefined ? 'the end' : timeText(window.beforeMs);
    lines.push(`window   ${from} to ${to}, ${window.overlaps ? 'flows that touch it' : 'flows within, borders not'}`);
  }
  if (limit !== undefined)
    lines.push(`limit    the first ${limit} ${sequence === undefined ? 'flows that match' : 'chains'}`);
  for (const job of jobs) lines.push(`table    ${describeJob(job)}`);
  lines.push(`format   ${format.kind}`);
  return `${lines.join('\n')}\n`;
}

function timeText(ms: number): string {
  const block = new TextBlock(64);
  new Clock().write(block, ms);
  return Buffer.from(block.bytes.subarray(0, block.length)).toString('latin1');
}

function describeJob(job: Job): string {
  const rows = job.top === 0 ? 'all rows' : `${job.top} rows`;
  switch (job.kind) {
    case 'flows':
      return `flows, ${describeOrders(job.order === undefined ? [] : [job.order], 'as they were stored')}, ${rows}${keptOf(job)}`;
    case 'groups': {
      const { bidirectional, keys } = job.grouping;
      const names = keys.map((key) => {
        if ('column' in key) return key.column;
        if ('maskColumn' in key) return `${key.address}/${key.maskColumn}`;
        return `${key.address}${key.v4 === 32 && key.v6 === 128 ? '' : ` v4/${key.v4 ?? 0} v6/${key.v6 ?? 0}`}`;
      });
      const how = bidirectional === undefined ? '' : ' in both directions';
      return `flows by ${names.join(', ')}${how}, ${describeOrders(job.orders, 'latest first')}, ${rows}${keptOf(job)}`;
    }
    case 'report': {
      const { report, parameter } = job;
      return `${report.name}${report.parameter === undefined ? '' : ` (${parameter} ${report.parameter.means})`}, ${rows}`;
    }
    case 'asOfPlaces':
    case 'statistic': {
      const split = job.byProtocol ? ' by protocol' : '';
      const places = job.kind === 'asOfPlaces' ? ' or of the address' : '';
      return `${job.statistic.name} (${job.statistic.sides.join(', ')}${places})${split}, ${describeOrders(job.orders, '')}, ${rows}`;
    }
  }
}

function describeOrders(orders: readonly Order[], none: string): string {
  if (orders.length === 0) return none;
  return `ordered by ${orders.map(({ name, ascending }) => `${name}${ascending ? ' ascending' : ''}`).join(', then by ')}`;
}

function keptOf({ resultFilter }: JobOf<'flows' | 'groups'>): string {
  return resultFilter === undefined ? '' : `, of these ${printFilter(resultFilter)}`;
}
