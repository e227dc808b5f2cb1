import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseSqlArguments } from '../../src/cli/sql.ts';
import { IDENT_KEY } from '../../src/flow/ident.ts';
import { dumpSurroundings } from '../../src/pipeline/query/dump.ts';
import { FlowSources } from '../../src/pipeline/query/flow-sources.ts';
import { runSql } from '../../src/pipeline/query/sql.ts';
import { parseDumpArguments } from '../../src/query/arguments.ts';
import { runDump } from '../../src/query/dump.ts';
import { parseFilter } from '../../src/query/filter/parse.ts';
import { isSequence, parseQuestion } from '../../src/query/filter/parse-sequence.ts';
import { printFilter } from '../../src/query/filter/print.ts';
import type { Sequence } from '../../src/query/filter/sequence.ts';
import { lookAtFiles } from '../../src/query/flow-files.ts';
import { parseStreamFormat } from '../../src/query/flow-printer.ts';
import { FlowReader } from '../../src/query/flow-reader.ts';
import { FlowFollower } from '../../src/query/follow.ts';
import { OutputSink } from '../../src/query/output/sink.ts';
import { planSelection } from '../../src/query/planner.ts';
import { describeWith, tempDir } from '../support/process.ts';
import { arbitraryFilter } from './support/arbitrary-filter.ts';
import { makeFlows, type TestFlow } from './support/generate.ts';
import { passes } from './support/interpret.ts';
import { chainsOf } from './support/interpret-sequence.ts';
import { writeOwnSegment } from './support/parquet.ts';
import { Collector, dumpText, withEngine } from './support/run-dump.ts';

const IDENTS = ['router1', 'router-2', 'Router1', 'none', 'nobody'];

/** Flows of two files of router1, between them one of another source and one of a source without a name. */
const files: readonly (readonly TestFlow[])[] = ['router1', 'router-2', 'none', 'router1', 'Router1'].map(
  (ident, index) => makeFlows(60, index + 1).map((flow) => ({ ...flow, ident })),
);
const all = files.flat();
const octetsOf = (flows: readonly TestFlow[]) => flows.map(({ numbers }) => numbers.octets!);

describe('filters with ident', () => {
  let live: string;

  beforeAll(async () => {
    live = tempDir('ident');
    for (const [index, flows] of files.entries()) {
      const directory = join(live, String(index));
      mkdirSync(directory);
      const { ident = '' } = flows[0]!;
      const metadata: Record<string, string> = ident === 'none' ? {} : { [IDENT_KEY]: ident };
      await writeOwnSegment(join(directory, 'weir.202611201000.parquet'), flows, 25, 'zstd', [], metadata);
    }
  });

  const ask = async (...args: string[]): Promise<number[]> => {
    const text = await dumpText(['-r', live, '-q', '-N', '-o', 'fmt:%byt', ...args]);
    return text.includes('No matching flows') ? [] : text.trim().split('\n').map(Number);
  };

  it.each([
    ['ident router1', 'router1'],
    ["ident 'router one.2'", "'router one.2'"],
    ['ident tcp and ident in', 'tcp'],
  ])('%s is read and printed', (text) => {
    const filter = parseFilter(text);
    expect(parseFilter(printFilter(filter))).toEqual(filter);
    expect(printFilter(filter).replaceAll('"', "'")).toBe(text);
  });

  it('need a name', () => {
    expect(() => parseFilter('ident')).toThrow('expected the ident of a source');
    expect(() => parseFilter("ident ''")).toThrow('no source has an empty ident');
  });

  it('pass the flows that the plain meaning passes', async () => {
    let seen = 0;
    await fc.assert(
      fc.asyncProperty(arbitraryFilter(all, IDENTS), async (filter) => {
        const expected = octetsOf(all.filter((flow) => passes(filter, flow)));
        if (expected.length > 0 && expected.length < all.length) seen++;
        for (const engine of ['auto', 'duckdb'] as const) {
          expect(await withEngine(engine, () => ask(printFilter(filter))), engine).toEqual(expected);
        }
      }),
      { numRuns: Number(process.env.WEIR_FUZZ_RUNS ?? 60), interruptAfterTimeLimit: 30_000 },
    );
    expect(seen).toBeGreaterThan(0);
  }, 60_000);

  it.each([
    'ident router1',
    'not ident none and proto tcp',
    '(ident router1 or ident router-2) and port 443',
    '(ident nobody and port 53) or (ident none and packets > 5)',
  ])('that say the same of all files that are left are for the addon: %s', async (text) => {
    const expected = octetsOf(all.filter((flow) => passes(parseFilter(text), flow)));
    expect(expected.length).toBeGreaterThan(0);
    expect(await withEngine('native', () => ask(text))).toEqual(expected);
  });

  it.each([
    ['-s', 'proto/bytes'],
    ['-s', 'srcip/packets', '-n', '5'],
    ['-s', 'record/bytes', '-n', '7'],
    ['-A', 'proto,dstport', '-O', 'bytes'],
    ['-a', '-O', 'bytes'],
    ['-b', '-O', 'bytes'],
    ['-B', '-O', 'bytes'],
    ['-O', 'bytes', '-n', '4'],
    ['-o', 'json'],
    ['-c', '70'],
  ])('answer %j as the same flows in files of their own do', async (...args) => {
    const filter = '(ident router1 and proto tcp) or (ident router-2 and not proto tcp)';
    const own = join(tempDir('ident-own'), 'own.parquet');
    const chosen = all.filter((flow) => passes(parseFilter(filter), flow));
    await writeOwnSegment(own, chosen, 100, 'zstd');
    for (const engine of ['auto', 'duckdb'] as const) {
      const [found, expected] = await withEngine(engine, () =>
        Promise.all([dumpText(['-r', live, '-q', ...args, filter]), dumpText(['-r', own, '-q', ...args])]),
      );
      expect(found).toBe(expected);
    }
  });

  it('tell the window of all files', async () => {
    const window = async (filter: string) => /^Time window: .*$/m.exec(await dumpText(['-r', live, filter]))?.[0];
    expect(await window('ident Router1')).toBe(await window('any'));
    expect(await window('ident nobody')).toBe(await window('any'));
  });

  it.each([
    'first { ident router1 and proto tcp and src port A } then { ident router-2 and dst port A }',
    'first { ident router1 and proto P } then { ident router1 and proto P and packets > 100 } within 60s',
  ])('stand in sequences: %s', async (text) => {
    const chains = chainsOf(parseQuestion(text) as Sequence, all);
    expect(isSequence(parseQuestion(text)) && chains.length).toBeGreaterThan(0);
    const found = await dumpText(['-r', live, '-q', '-N', '-o', 'csv:%byt', text]);
    const lines = found.trim().split('\n').slice(1);
    expect(lines.map((line) => Number(line.split(',').at(-1)))).toEqual(octetsOf(chains.flat()));
  });

  it('choose what is written, replayed and shown to SQL', async () => {
    const filter = '(ident router1 and proto tcp) or ident none';
    const expected = octetsOf(all.filter((flow) => passes(parseFilter(filter), flow)));
    const written = join(tempDir('ident-written'), 'written.parquet');
    await dumpText(['-r', live, '-w', written, filter]);
    expect((await dumpText(['-r', written, '-q', '-N', '-o', 'fmt:%byt'])).trim().split('\n').map(Number)).toEqual(
      expected,
    );
    const paths = files.map((_, index) => join(live, String(index), 'weir.202611201000.parquet'));
    const parts = { filter, filterFile: undefined, window: undefined, overlap: false, limit: undefined };
    const reader = await FlowReader.open(paths, await planSelection(parts, 'scaledInFilter'));
    let rows = 0;
    for await (const chunk of reader.flows()) rows += chunk.rows;
    reader.close();
    expect(rows).toBe(expected.length);
    const stdout = new Collector();
    const sql = 'SELECT count(*) AS n, sum(octets) AS o FROM flows';
    const options = await parseSqlArguments(['-r', live, '--filter', filter, '-o', 'csv', sql]);
    await runSql(options!, { stdout, stderr: new Collector() } as unknown as NodeJS.Process);
    const sum = expected.reduce((total, octets) => total + octets, 0);
    expect(stdout.text.trim().split('\n').at(-1)).toBe(`${expected.length},${sum}`);
  });

  const idents = async (...args: string[]): Promise<string[]> => {
    const lines = (await dumpText(['-r', live, '-q', '-N', ...args])).trim().split('\n');
    return lines.filter((line) => /^ *\d+,/.test(line)).map((line) => line.replace(/^ *\d+,/, '').trim());
  };

  it('have %idt print the ident of each flow, sorted or not, whatever files are left', async () => {
    const of = (flows: readonly TestFlow[]) => flows.map(({ ident }) => ident);
    const bySize = all.toSorted((a, b) => b.numbers.octets! - a.numbers.octets!);
    const tcp = all.filter((flow) => passes(parseFilter('proto tcp'), flow));
    expect(await idents('-o', 'csv:%byt,%idt')).toEqual(of(all));
    expect(await idents('-o', 'fmt:%byt,%idt', 'proto tcp and not ident nobody')).toEqual(of(tcp));
    expect(await idents('-o', 'csv:%byt,%idt', 'not ident router1')).toEqual(
      of(all.filter(({ ident }) => ident !== 'router1')),
    );
    expect(await idents('-o', 'csv:%byt,%idt', '-O', 'bytes', '-n', '20')).toEqual(of(bySize.slice(0, 20)));
    expect(await idents('-o', 'csv:%byt,%idt', '-O', 'bytes', '-P', 'bytes > 5000')).toEqual(
      of(bySize.filter(({ numbers }) => numbers.octets! > 5000)),
    );
    expect(await idents('-o', 'csv:%byt,%idt', '-c', '90')).toEqual(of(all.slice(0, 90)));
  });

  it('have %idt print it of rows of one source, and of others none', async () => {
    const one = await withEngine('native', () => idents('-o', 'csv:%byt,%idt', '-a', 'ident router1'));
    expect(new Set(one)).toEqual(new Set(['router1']));
    expect(await idents('-o', 'fmt:%fl,%idt', '-A', 'proto', 'ident router1')).toContain('router1');
    expect(new Set(await idents('-o', 'csv:%byt,%idt', '-a'))).toEqual(new Set(['none']));
  });

  it('have %idt print it of files that are followed one after another', async () => {
    const stdout = new Collector();
    const parts = {
      filter: 'not ident router-2',
      filterFile: undefined,
      window: undefined,
      overlap: false,
      limit: undefined,
    };
    const follower = new FlowFollower(
      {
        selection: await planSelection(parts, 'scaled'),
        format: parseStreamFormat('csv:%byt,%idt'),
        plainNumbers: true,
        quiet: true,
      },
      new OutputSink(stdout),
    );
    for (const index of files.keys()) {
      await follower.print(await lookAtFiles([join(live, String(index), 'weir.202611201000.parquet')]), 0);
    }
    const expected = all.filter(({ ident }) => ident !== 'router-2');
    expect(stdout.text.trim().split('\n').slice(1)).toEqual(
      expected.map(({ numbers, ident }) => `${numbers.octets},${ident}`),
    );
  });

  it('have %idt print it in chains', async () => {
    const text = 'first { ident router1 and proto P } then { ident router-2 and proto P }';
    const chains = chainsOf(parseQuestion(text) as Sequence, all);
    const found = await dumpText(['-r', live, '-q', '-o', 'csv:%byt,%idt', text]);
    const lines = found.trim().split('\n').slice(1);
    expect(lines.map((line) => line.split(',').at(-1))).toEqual(chains.flat().map(({ ident }) => ident));
  });

  it('are explained, and refused where rows are in no file', async () => {
    expect(await dumpText(['-r', live, '-X', 'ident router1'])).toContain('ident router1');
    expect(await dumpText(['-r', live, '--sql', 'ident router1 and proto tcp'])).toContain('proto = 6');
    await expect(ask('-a', '-P', 'ident router1')).rejects.toThrow('rows of the answer are in no file');
    await expect(dumpText(['-r', live, '-s', 'new', '--baseline', live, 'ident router1'])).rejects.toThrow('with -M');
  });
});

describeWith(['nfdump'], 'an installed nfdump, asked for idents', () => {
  const kept = join(import.meta.dirname, 'golden');
  const FIELDS = 'fmt:%ts,%pr,%sa,%sp,%da,%dp,%pkt,%byt';
  let directory: string;

  const nfdump = (...args: string[]) => {
    const peer = spawnSync('nfdump', args, { encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } });
    expect(peer.status).toBe(0);
    return peer.stdout;
  };
  const lines = (text: string) =>
    text
      .split('\n')
      .filter((line) => line.startsWith('2026'))
      .map((line) => line.replaceAll(' ', ''))
      .sort();

  beforeAll(() => {
    directory = tempDir('ident-live');
    for (const name of ['router1', 'router_2', 'flows']) {
      mkdirSync(join(directory, name));
      copyFileSync(join(kept, `${name}.nfcapd`), join(directory, name, 'nfcapd.202611201000'));
    }
  });

  it.each([
    'ident router1',
    'not ident router1',
    'ident ROUTER1',
    'ident router_',
    'ident none',
    '(ident router1 or ident router_2) and port 53',
    '(ident router1 and packets > 100) or (ident router_2 and packets < 100)',
  ])('chooses the same flows for: %s', async (filter) => {
    const asked = ['-M', `${directory}/router1:router_2:flows`, '-R', '.', '-q', '-N', '-6', '-o', FIELDS, filter];
    const stdout = new Collector();
    const sources = new FlowSources(() => undefined);
    try {
      const chooseFiles = (selection: Parameters<FlowSources['choose']>[0]) => sources.choose(selection);
      const surroundings = { ...dumpSurroundings({ stdout, stderr: new Collector() }), chooseFiles };
      await runDump(parseDumpArguments(asked), surroundings);
    } finally {
      await sources.close();
    }
    expect(lines(stdout.text)).toEqual(lines(nfdump(...asked)));
    expect(lines(stdout.text).length > 0).toBe(!/ROUTER1|router_$/.test(filter));
  });
});
