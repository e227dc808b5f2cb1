import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseSamplingArguments } from '../../src/cli/sampling.ts';
import { runSampling } from '../../src/pipeline/archive/sampling.ts';
import { tempDir } from '../support/process.ts';
import { EXPORTER, makeFlows, type TestFlow } from './support/generate.ts';
import { writeOwnSegment } from './support/parquet.ts';
import { dumpText, withEngine } from './support/run-dump.ts';

const COUNT = 60;
const RATES = [0, 1, 100, 4_000_000_000];
const flows = makeFlows(COUNT).map(
  ({ numbers, addresses }, index): TestFlow => ({
    numbers: { ...numbers, packets: index === 3 ? 2 ** 40 : numbers['packets']!, sampling: RATES[index % 4]! },
    addresses,
  }),
);
const LARGEST = (1n << 64n) - 1n;

function scaled(flow: TestFlow, name: 'packets' | 'octets', rate = flow.numbers['sampling']!): bigint {
  const product = BigInt(flow.numbers[name]!) * BigInt(Math.max(rate, 1));
  return product > LARGEST ? LARGEST : product;
}

describe('sampling rates', () => {
  let store: string;
  let file: string;
  const engines = ['native', 'duckdb'] as const;
  const counters = async (path: string, ...argv: string[]): Promise<string[]> => {
    const text = await dumpText(['-r', path, '-q', '-N', '-o', 'fmt:%pkt %byt', ...argv]);
    return text
      .trim()
      .split('\n')
      .map((line) => line.trim().replace(/ +/, ' '));
  };
  const expected = (rate?: (flow: TestFlow) => number | undefined) =>
    flows.map((flow) => `${scaled(flow, 'packets', rate?.(flow))} ${scaled(flow, 'octets', rate?.(flow))}`);

  beforeAll(async () => {
    store = tempDir('sampling');
    mkdirSync(join(store, '2026', '11'), { recursive: true });
    file = join(store, '2026', '11', 'weir.202611201000.parquet');
    await writeOwnSegment(file, flows, 20, 'zstd');
  });

  it.each(engines)('multiply the counters of flows (%s)', async (engine) => {
    const limit = ['-c', String(COUNT)];
    expect(await withEngine(engine, () => counters(file, ...limit))).toEqual(expected());
    const raw = flows.map(({ numbers }) => `${numbers['packets']} ${numbers['octets']}`);
    expect(await withEngine(engine, () => counters(file, '--unscaled', ...limit))).toEqual(raw);
  });

  it.each(engines)('multiply the counters of more flows than the scan takes at a time (%s)', async (engine) => {
    const many = makeFlows(5000).map(
      ({ numbers, addresses }, index): TestFlow => ({ numbers: { ...numbers, sampling: 1 + (index % 7) }, addresses }),
    );
    const path = join(store, 'many.parquet');
    await writeOwnSegment(path, many, many.length, 'zstd');
    const rows = await withEngine(engine, () => counters(path));
    rmSync(path);
    expect(rows).toEqual(many.map((flow) => `${scaled(flow, 'packets')} ${scaled(flow, 'octets')}`));
  });

  it.each(engines)('count in filters and orders (%s)', async (engine) => {
    const border = 10n ** 9n;
    const many = flows.filter((flow) => scaled(flow, 'octets') > border);
    const rows = await withEngine(engine, () => counters(file, '-c', String(COUNT), `bytes > ${border}`));
    expect(rows).toHaveLength(many.length);
    const least = await withEngine(engine, () => counters(file, '-O', 'packets:a', '-n', '1'));
    const packets = flows.map((flow) => scaled(flow, 'packets')).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    expect(least[0]).toMatch(new RegExp(`^${packets[0]} `));
  });

  it('are kept with the counters of flows that -w writes, and are none of groups', async () => {
    const border = 10n ** 9n;
    const many = flows.filter((flow) => scaled(flow, 'octets') > border);
    const written = join(store, 'written.parquet');
    await dumpText(['-r', file, '-w', written, `bytes > ${border}`]);
    const raw = many.map(({ numbers }) => `${numbers['packets']} ${numbers['octets']}`);
    expect(await counters(written, '--unscaled')).toEqual(raw);
    expect(await counters(written)).toEqual(many.map((flow) => `${scaled(flow, 'packets')} ${scaled(flow, 'octets')}`));
    await dumpText(['-r', file, '-A', 'proto', '-w', written, 'packets < 1000000000']);
    const totals = async (path: string, ...argv: string[]) =>
      (await dumpText(['-r', path, '-N', ...argv])).match(/total bytes: \d+/)?.[0];
    expect(await totals(written)).toBe(await totals(file, 'packets < 1000000000'));
    rmSync(written);
  });

  it('are corrected by exporter and time, in the order of the rules', async () => {
    const out: string[] = [];
    const sampling = async (...argv: string[]) => {
      const command = await parseSamplingArguments(argv);
      return runSampling(command!, (line) => out.push(line));
    };
    const middle = flows[30]!.numbers['firstMs']!;
    const second = new Date(Math.ceil(middle / 1000) * 1000);
    const at = `${second.getFullYear()}/${second.getMonth() + 1}/${second.getDate()}.${second.getHours()}:${second.getMinutes()}:${second.getSeconds()}`;
    await sampling('set', store, '--exporter', EXPORTER, '--rate', '7');
    await sampling('set', store, '--exporter', EXPORTER, '--rate', '3', '--from', at);
    await sampling('set', store, '--exporter', '192.0.2.77', '--rate', '99');
    const rate = ({ numbers }: TestFlow) => (numbers['firstMs']! >= second.getTime() ? 3 : 7);
    expect(await counters(file)).toEqual(expected(rate));
    expect(await counters(file, '--unscaled', '-c', '1')).toEqual([
      `${flows[0]!.numbers['packets']} ${flows[0]!.numbers['octets']}`,
    ]);
    out.length = 0;
    await sampling('list', store);
    expect(out).toEqual([
      `1  ${EXPORTER}  1:7`,
      `2  ${EXPORTER}  1:3  from ${second.toISOString()}`,
      '3  192.0.2.77  1:99',
    ]);
    await sampling('remove', store, '2');
    expect(await counters(file)).toEqual(expected(() => 7));
    await sampling('remove', store, '--exporter', EXPORTER);
    expect(await counters(file)).toEqual(expected());
    await expect(sampling('remove', store, '9')).rejects.toThrow('no corrected rate 9');
  });

  it.each([
    [['set', '.', '--rate', '5'], 'needs --exporter and --rate'],
    [['set', '.', '--exporter', 'router', '--rate', '5'], 'no IP address'],
    [['set', '.', '--exporter', '192.0.2.1', '--rate', '0'], '--rate'],
    [['set', '.', '--exporter', '192.0.2.1', '--rate', '5', '--from', 'noon'], 'no time'],
    [['forget', '.'], 'knows set, list and remove'],
  ])('%j is refused', async (argv, message) => {
    await expect(parseSamplingArguments(argv)).rejects.toThrow(message);
  });
});
