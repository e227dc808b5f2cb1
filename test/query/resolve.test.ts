import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { ReverseNames } from '../../src/enrich/reverse-names.ts';
import { dumpSurroundings } from '../../src/pipeline/query/dump.ts';
import { parseDumpArguments } from '../../src/query/arguments.ts';
import { runDump } from '../../src/query/dump.ts';
import { tempDir } from '../support/process.ts';
import { makeFlows } from './support/generate.ts';
import { writeOwnSegment } from './support/parquet.ts';
import { Collector, dumpText } from './support/run-dump.ts';

let directory: string;
let flows: string;
beforeAll(async () => {
  directory = tempDir('resolve');
  flows = join(directory, 'flows.parquet');
  await writeOwnSegment(flows, makeFlows(3000), 1000, 'zstd');
});

/** Hosts of 10.1.0.0/16 have names, the last octet first. */
const nameOf = (address: string) => `h${address.split('.').reverse().join('-')}.example.net`;

async function resolved(...args: string[]): Promise<{ text: string; asked: string[]; warnings: string }> {
  const [stdout, stderr] = [new Collector(), new Collector()];
  const asked: string[] = [];
  const names = new ReverseNames(
    async (address) => {
      asked.push(address);
      if (!address.startsWith('10.1.')) throw new Error('NXDOMAIN');
      return nameOf(address);
    },
    { addresses: 5000, atOnce: 8, totalMs: 5000 },
  );
  const surroundings = { ...dumpSurroundings({ stdout, stderr }), openHostNames: async () => names };
  await runDump(parseDumpArguments(['-r', flows, '--resolve', ...args]), surroundings);
  return { text: stdout.text, asked, warnings: stderr.text };
}

it('--resolve puts names in the place of addresses, each asked for once', async () => {
  const plain = (await dumpText(['-r', flows, '-q', '-o', 'fmt:%sa|%da'])).trimEnd().split('\n');
  const { text, asked, warnings } = await resolved('-q', '-o', 'csv:%sa,%da');
  const rows = text.trimEnd().split('\n').slice(1);
  expect(rows).toHaveLength(3000);
  for (const [i, row] of rows.entries()) {
    const cells = plain[i]!.split('|').map((cell) => cell.trim());
    for (const [at, cell] of row.split(',').entries()) {
      const address = cells[at]!;
      if (address.startsWith('10.1.')) expect(cell).toBe(nameOf(address));
      else expect(cell.startsWith('h')).toBe(false);
    }
  }
  expect(asked.length).toBe(new Set(asked).size);
  expect(warnings).toBe('');
});

it.each(['line', 'long', 'extended'])('--resolve keeps the columns of %s', async (format) => {
  const plain = (await dumpText(['-r', flows, '-q', '-o', format, 'src net 10.1.0.0/16'])).trimEnd().split('\n');
  const lines = (await resolved('-q', '-o', format, 'src net 10.1.0.0/16')).text.trimEnd().split('\n');
  expect(lines).toHaveLength(plain.length);
  for (const [i, line] of lines.entries()) {
    expect(line).toMatch(/ h\d+-[\d-]+(\.\w*)*(\.\.)?:\d/);
    expect(line.length).toBe(plain[i]!.length);
  }
});

it('--resolve names the addresses of statistics, and stands beside them in JSON', async () => {
  const { text, asked } = await resolved('-q', '-6', '-s', 'srcip/bytes', '-n', '5', 'src net 10.1.0.0/16');
  for (const line of text.trimEnd().split('\n').slice(0, 5)) expect(line).toMatch(/ h[\d-]+\.example\.net /);
  expect(asked).toHaveLength(5);
  const table = (await resolved('-q', '-o', 'csv', '-s', 'srcip/bytes', '-n', '5', 'src net 10.1.0.0/16')).text;
  expect(table.split('\n')[1]).toMatch(/,any,h[\d-]+\.example\.net,/);
  const [flow] = JSON.parse((await resolved('-o', 'json', '-c', '1', 'src net 10.1.0.0/16')).text) as [
    Record<string, string>,
  ];
  expect(flow.src_host).toBe(nameOf(flow.src4_addr!));
});
