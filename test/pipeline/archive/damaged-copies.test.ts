import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addon } from '../../../src/addon/addon.ts';
import { parseReplayArguments } from '../../../src/cli/replay.ts';
import { runAnonymize } from '../../../src/pipeline/archive/anonymize.ts';
import { runReplay } from '../../../src/pipeline/archive/replay.ts';
import { dumpSurroundings } from '../../../src/pipeline/query/dump.ts';
import { parseDumpArguments } from '../../../src/query/arguments.ts';
import { runDump } from '../../../src/query/dump.ts';
import { makeFlows } from '../../query/support/generate.ts';
import { writeOwnSegment, writeSegment } from '../../query/support/parquet.ts';
import { Collector, withEngine } from '../../query/support/run-dump.ts';
import { tempDir } from '../../support/process.ts';

const NAMES = ['weir.202611211000.parquet', 'weir.202611211005.parquet', 'weir.202611211010.parquet'] as const;
const HARMED = NAMES[1];
const FLOWS = 300;
const TOLD = new RegExp(
  `^cannot read segment .*${HARMED}: a page is damaged: its checksum is wrong; the file is left out$`,
);

async function dump(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const [stdout, stderr] = [new Collector(), new Collector()];
  const status = await runDump(parseDumpArguments(args), dumpSurroundings({ stdout, stderr }));
  return { status, out: stdout.text, err: stderr.text };
}

const signal = { stops: () => undefined } as never;

/** What every command that hands flows on does about a page in which one bit has flipped. */
describe('a file with a flipped bit, among others', () => {
  let all: string;
  let others: string;
  beforeEach(async () => {
    [all, others] = [tempDir('flipped'), tempDir('others')];
    for (const name of NAMES) {
      const metadata = { 'weir.slot': name.slice(5, 17), 'weir.interval': '300' };
      await writeOwnSegment(join(all, name), makeFlows(FLOWS), FLOWS, 'none', undefined, metadata);
      if (name !== HARMED) copyFileSync(join(all, name), join(others, name));
    }
    const bytes = readFileSync(join(all, HARMED));
    bytes[bytes.length >> 2]! ^= 4;
    writeFileSync(join(all, HARMED), bytes);
    await expect(addon().checkSegment(join(all, HARMED))).rejects.toThrow('its checksum is wrong');
  });

  const rowsOf = async (from: string): Promise<string> => (await dump('-R', from, '-q', '-o', 'csv')).out;

  it.each(['native', 'duckdb'] as const)('is left out of what -w writes (%s)', async (engine) => {
    const written = join(tempDir('written'), 'written.parquet');
    const { status, err } = await withEngine(engine, () => dump('-R', all, '-w', written));
    expect(status).toBe(1);
    expect(err.trim()).toMatch(TOLD);
    expect((await dump('-r', written, '-q', '-o', 'csv')).out).toBe(await rowsOf(others));
  });

  it('gets no slot of an anonymous store', async () => {
    const to = tempDir('anonymous');
    const lines: string[] = [];
    const options = { read: undefined, range: all, sources: undefined, directory: to, layout: 0, force: false };
    const secret = { key: new Uint8Array(32).fill(7), mapping: '1.7.8' as const };
    expect(await runAnonymize({ ...options, ...secret }, signal, (line) => lines.push(line))).toBe(1);
    expect(lines[0]).toMatch(TOLD);
    expect(readdirSync(to).filter((name) => name.endsWith('.parquet'))).toEqual([NAMES[0], NAMES[2]]);
  });

  it('is told by -v, which goes on', async () => {
    const { status, out, err } = await dump('-v', all);
    expect(status).toBe(1);
    expect(err.trim()).toMatch(TOLD);
    expect(out.match(/^Status +: every page read$/gm)).toHaveLength(2);
  });

  it('stays as it is where -J writes files anew, and the others are', async () => {
    const before = NAMES.map((name) => readFileSync(join(all, name)));
    const { status, err } = await dump('-R', all, '-J', '1');
    expect(status).toBe(1);
    expect(err.trim()).toMatch(TOLD);
    const isSame = NAMES.map((name, index) => readFileSync(join(all, name)).equals(before[index]!));
    expect(isSame).toEqual([false, true, false]);
  });

  it('is not entered into an index', async () => {
    const { indexed, refused } = await addon().indexFiles(all, [...NAMES], true);
    expect([indexed, refused.length]).toEqual([2, 1]);
    expect(refused[0]).toContain(HARMED);
  });
});

describe('weir replay', () => {
  const socket = createSocket('udp4');
  beforeAll(async () => {
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
  });
  afterAll(() => socket.close());

  async function replay(from: string, ...args: string[]): Promise<{ status: number; lines: string[] }> {
    const to = ['-n', `127.0.0.1:${socket.address().port}`];
    const lines: string[] = [];
    const options = await parseReplayArguments(['-R', from, ...to, ...args]);
    const status = await runReplay(options!, signal, (line) => lines.push(line));
    // How long it took.
    return { status, lines: lines.map((line) => line.replace(/ read in .*/, ' read')) };
  }

  /** Three files, the middle one harmed, and the other two alone. */
  async function stores(
    write: (path: string) => Promise<void>,
    harm: (bytes: Buffer) => void,
  ): Promise<{ all: string; others: string }> {
    const [all, others] = [tempDir('replayed'), tempDir('replayed-others')];
    for (const name of NAMES) {
      await write(join(all, name));
      if (name !== HARMED) copyFileSync(join(all, name), join(others, name));
    }
    const bytes = readFileSync(join(all, HARMED));
    harm(bytes);
    writeFileSync(join(all, HARMED), bytes);
    return { all, others };
  }

  const flows = makeFlows(3000);
  const cases: Record<string, Parameters<typeof stores>> = {
    'a flipped bit': [
      (path) => writeOwnSegment(path, flows, 1000, 'none'),
      (bytes) => {
        bytes[bytes.length >> 2]! ^= 4;
      },
    ],
    'a damaged footer': [
      (path) => writeOwnSegment(path, flows, 1000, 'zstd'),
      (bytes) => bytes.fill(0, bytes.length - 99),
    ],
    'damaged pages at its end, of another program': [
      (path) => writeSegment(path, flows.slice(0, 500), 100),
      (bytes) => bytes.fill(0, bytes.length >> 1, (bytes.length >> 1) + 1000),
    ],
  };

  it.each(Object.keys(cases))('sends nothing of a file with %s, but all of the others', async (what) => {
    const { all, others } = await stores(...cases[what]!);
    for (const filter of [[], ['proto', 'udp']]) {
      const expected = await replay(others, ...filter);
      expect(expected.status, expected.lines.join('\n')).toBe(0);
      const { status, lines } = await replay(all, ...filter);
      expect(status).toBe(1);
      expect(lines[0]).toMatch(new RegExp(`^cannot read segment .*${HARMED}: .*; the file is left out$`));
      expect(lines.slice(1)).toEqual(expected.lines);
    }
  });
});
