import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { dumpSurroundings } from '../../src/pipeline/query/dump.ts';
import { parseDumpArguments } from '../../src/query/arguments.ts';
import { runDump } from '../../src/query/dump.ts';
import { tempDir } from '../support/process.ts';
import { makeFlows } from './support/generate.ts';
import { writeOwnSegment } from './support/parquet.ts';
import { Collector, withEngine } from './support/run-dump.ts';

describe('how far a question is', () => {
  let store: string;
  beforeAll(async () => {
    store = tempDir('progress');
    for (const slot of [0, 1, 2]) {
      await writeOwnSegment(join(store, `weir.20261120100${slot}.parquet`), makeFlows(20_000, slot + 1), 500, 'zstd');
    }
  });

  /** All different shares that were told while a question was answered. */
  async function shares(args: readonly string[]): Promise<number[]> {
    const told: number[] = [];
    let looked: NodeJS.Immediate | undefined;
    const surroundings = {
      ...dumpSurroundings({ stdout: new Collector(), stderr: new Collector() }),
      watch: (share: () => number) => {
        const look = () => {
          const now = share();
          if (told.at(-1) !== now) told.push(now);
          looked = setImmediate(look);
        };
        look();
        return { stop: () => clearImmediate(looked) };
      },
    };
    await runDump(parseDumpArguments(['-R', store, ...args]), surroundings);
    return told;
  }

  const SEQUENCE = 'first { src ip A bytes > 10 } then { dst ip A } within 10m';
  it.each([
    ['auto', '-O', 'bytes'],
    ['auto', '-s', 'record/bytes'],
    ['auto', '-s', 'scan', '-s', 'roles'],
    ['auto', '-s', 'srcip', SEQUENCE],
    ['auto', '-A', 'srcip,dstip,srcport', '-O', 'bytes', '-n', '3', '--memory', '24M'],
    ['duckdb', '-s', 'srcip/bytes', '-s', 'dstip/bytes/packets', '-s', 'record/flows', '-n', '5'],
    ['duckdb', '-A', 'srcip,dstport', '-O', 'bytes', '-n', '0'],
  ] as const)('never steps back: %s %s %s %s', async (engine, ...args) => {
    const told = await withEngine(engine, () => shares(args));
    expect(told).toEqual([...told].sort((a, b) => a - b));
    expect(told[0]).toBe(0);
    expect(told.at(-1)).toBeGreaterThanOrEqual(0.5);
    expect(told.at(-1)).toBeLessThanOrEqual(1);
  });
});
