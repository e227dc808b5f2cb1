import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/flow/user-error.ts';
import { dumpSurroundings } from '../../src/pipeline/query/dump.ts';
import { parseDumpArguments } from '../../src/query/arguments.ts';
import { runDump } from '../../src/query/dump.ts';
import { parseWindow } from '../../src/query/planner.ts';
import { tempDir } from '../support/process.ts';
import { makeFlows } from './support/generate.ts';
import { writeSegment } from './support/parquet.ts';
import { Collector, dumpStreams, dumpText, inZone } from './support/run-dump.ts';

describe('the arguments', () => {
  it('may come in any order, options together or apart; words are the filter', () => {
    const options = parseDumpArguments([
      '-r',
      'f',
      'proto',
      'tcp',
      '-Nqc5',
      'and',
      '-n',
      '3',
      'port',
      '80',
      '-ssrcip/bytes',
      '-s',
      'ip',
    ]);
    expect(options).toMatchObject({
      read: 'f',
      filter: 'proto tcp and port 80',
      plainNumbers: true,
      quiet: true,
      limit: 5,
      top: 3,
      statistics: ['srcip/bytes', 'ip'],
    });
    expect(parseDumpArguments(['-r', 'f', '--', '-q']).filter).toBe('-q');
    expect(parseDumpArguments(['-r', 'f', '-l', '+10k', '-L', '-2mB']).rowLimits).toEqual([
      { measure: 'bytes', sign: '<', value: 2_000_000 },
      { measure: 'packets', sign: '>', value: 10_000 },
    ]);
  });

  it.each([
    [['-Q'], 'unknown option -Q'],
    [['--frobnicate'], 'unknown option --frobnicate'],
    [['-r'], 'option -r needs a value'],
    [['-E', '-q'], "option -E needs a file: '-q' is an option"],
    [['-E', '-r', 'f'], "option -E needs a file: '-r' is an option"],
    [['-n', '5x'], "'5x' is not a number"],
    [['-c', '0'], "'0' is not a number from 1 on"],
    [['-r', 'a', '-R', 'b'], 'exclude each other'],
    [['-M', 'a'], 'needs -r or -R'],
    [['-K', 'f'], 'option -K'],
  ])('%j are refused', (argv, message) => {
    expect(() => parseDumpArguments(argv)).toThrow(UserError);
    expect(() => parseDumpArguments(argv)).toThrow(message);
  });

  it('of -t may lack their tails', () => {
    const at = (...parts: [number, number, number?, number?, number?]) => new Date(...parts).getTime();
    expect(parseWindow('2026/11/20.10:30:05-2026/12')).toEqual({
      afterMs: new Date(2026, 10, 20, 10, 30, 5).getTime(),
      beforeMs: at(2026, 11),
      overlaps: false,
    });
    expect(parseWindow('2026')).toEqual({ afterMs: at(2026, 0), beforeMs: undefined, overlaps: false });
    expect(parseWindow('2026/11/20 10:30').afterMs).toBe(parseWindow('2026/11/20T10:30').afterMs);
    expect(parseWindow('2026/11/20 10:30').afterMs).toBe(new Date(2026, 10, 20, 10, 30).getTime());
    expect(() => parseWindow('2026-11-20')).toThrow(UserError);
  });
});

describe('weir dump', () => {
  let directory: string;
  let all: string;
  const parts = [makeFlows(60, 1), makeFlows(60, 2), makeFlows(60, 3)];

  beforeAll(async () => {
    directory = tempDir('dump');
    for (const [index, flows] of parts.entries()) {
      const day = join(directory, 'live', index < 2 ? 'a' : 'b');
      mkdirSync(day, { recursive: true });
      await writeSegment(join(day, `weir.20261120100${index}.parquet`), flows);
    }
    writeFileSync(join(directory, 'live', 'a', '.weir.tmp.parquet'), 'half');
    writeFileSync(join(directory, 'live', 'a', 'notes.txt'), 'no flows');
    all = join(directory, 'all.parquet');
    await writeSegment(all, parts.flat());
  });

  it.each([
    ['-q -o csv'],
    ['-q -s ip/bytes -n 0'],
    ['-q -a -O bytes'],
    ['-q -s record/packets -c 100'],
    ['-q -c 70 -o long'],
  ])('answers %s from many files as from one', async (options) => {
    const argv = options.split(' ');
    expect(await dumpText(['-r', join(directory, 'live'), ...argv])).toBe(await dumpText(['-r', all, ...argv]));
  });

  it('takes windows relative to the flows of the files', async () => {
    const flows = parts.flat().map(({ numbers }) => numbers);
    const first = Math.min(...flows.map(({ firstMs }) => firstMs!));
    const last = Math.max(...flows.map(({ lastMs }) => lastMs!));
    const starts = flows.map(({ firstMs }) => firstMs!).sort((a, b) => a - b);
    const ends = flows.map(({ lastMs }) => lastMs!).sort((a, b) => a - b);
    // Half of them.
    const fromStart = Math.ceil((ends[90]! - first) / 1000);
    const toEnd = Math.ceil((last - starts[90]!) / 1000);
    const times = async (window: string) =>
      (await dumpText(['-r', all, '-q', '-t', window, '-o', 'fmt:%tsr %ter']))
        .split('\n')
        .filter((line) => line !== '');
    const begun = flows.filter(({ lastMs }) => lastMs! < first + fromStart * 1000);
    const ended = flows.filter(({ firstMs }) => firstMs! > last - toEnd * 1000);
    expect(begun.length).toBeGreaterThan(0);
    expect(ended.length).toBeGreaterThan(0);
    expect(await times(`+${fromStart}`)).toHaveLength(begun.length);
    expect(await times(`-${toEnd}`)).toHaveLength(ended.length);
    expect(await times('+99999999')).toHaveLength(flows.length);
    await expect(times('+0')).rejects.toThrow('+SECONDS');
  });

  it('takes %csv for the columns of csv', async () => {
    const ask = (format: string) => dumpText(['-r', all, '-q', '-o', format]);
    const columns = '%ts,%td,%pr,%sa,%sp,%da,%dp,%pkt,%byt,%fl';
    expect(await ask('fmt:%pr %csv|')).toBe(await ask(`fmt:%pr ${columns}|`));
    expect(await ask('csv:%csv')).toBe(await ask('csv'));
  });

  it('gives valid JSON, also of nothing, of groups and with -q', async () => {
    const rows = JSON.parse(await dumpText(['-r', all, '-o', 'json', '-q', 'proto', 'tcp'])) as Record<
      string,
      unknown
    >[];
    expect(rows).toHaveLength(parts.flat().filter(({ numbers }) => numbers.proto === 6).length);
    expect(rows[0]).toMatchObject({ cnt: 1, type: 'FLOW', proto: 6 });
    expect(JSON.parse(await dumpText(['-r', all, '-o', 'json', 'host', '9.9.9.9']))).toEqual([]);
    const [group] = JSON.parse(
      await dumpText(['-r', all, '-A', 'proto', '-o', 'json', '-O', 'flows', '-n', '1']),
    ) as object[];
    expect(Object.keys(group!)).toEqual([
      'cnt',
      'type',
      'first',
      'last',
      'in_packets',
      'in_bytes',
      'proto',
      'tcp_flags',
      'aggr_flows',
    ]);
    const lines = (await dumpText(['-r', all, '-o', 'ndjson', '-c', '3'])).trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { cnt: number }).cnt)).toEqual([1, 2, 3]);
  });

  it('filters aggregated rows with -P after -n', async () => {
    const text = await dumpText([
      '-r',
      all,
      '-q',
      '-A',
      'proto',
      '-O',
      'flows',
      '-n',
      '3',
      '-P',
      'flows > 40',
      '-o',
      'fmt:%pr %fl',
    ]);
    const protocols = parts.flat().map(({ numbers }) => numbers.proto);
    const counts = [...new Set(protocols)].map((proto) => protocols.filter((other) => other === proto).length);
    const expected = counts
      .sort((a, b) => b - a)
      .slice(0, 3)
      .filter((count) => count > 40);
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => Number(line.slice(6))),
    ).toEqual(expected);
  });

  it.each(['-a', '-A srcip', '-A proto,dstport', '-b', '-s record/bytes'])(
    'takes any filter for -P: %s',
    async (groups) => {
      for (const filter of ['flags SA', 'tos 0', 'ttl equal', 'engine-id 1', 'bpp > 1', 'fwdstat 0', 'asa user x']) {
        const text = await dumpText(['-r', all, ...groups.split(' '), '-n', '5', '-P', filter]);
        expect(text).toContain('Summary: total flows: ');
      }
    },
  );

  it('tells of groups what -P needs, though it is not printed', async () => {
    const rows = async (filter: string) =>
      (await dumpText(['-r', all, '-q', '-a', '-n', '0', '-o', 'fmt:%tos', '-P', filter])).trim().split('\n');
    expect(new Set((await rows('tos 0')).map((row) => row.trim()))).toEqual(new Set(['0']));
    expect((await rows('not tos 0')).map((row) => row.trim())).not.toContain('0');
  });

  it('orders element statistics by -O and says so', async () => {
    const stderr = new Collector();
    const stdout = new Collector();
    const argv = ['-r', all, '-s', 'dstport', '-O', 'bytes', '-q'];
    expect(await runDump(parseDumpArguments(argv), dumpSurroundings({ stdout, stderr }))).toBe(0);
    expect(stderr.text).toContain('ordered by -O bytes');
    expect(stdout.text).toBe(await dumpText(['-r', all, '-s', 'dstport/bytes', '-q']));
  });

  it.each([
    [['-D', '192.0.2.1'], 'option -D has no effect'],
    [['-H', 'tor.nf'], 'no Tor database is read'],
    [['-n', '-N'], "'-N' is no number; all rows are shown"],
  ])('says what has no effect: %j', async (options, note) => {
    const { stdout, stderr } = await dumpStreams(['-r', all, '-s', 'proto', '-q', ...options]);
    expect(stderr).toContain(note);
    expect(stdout).toBe(await dumpText(['-r', all, '-s', 'proto', '-q']));
  });

  it.each([
    ['CET-1CEST', true],
    ['<-03>3', true],
    ['EST5EDT', false],
    ['JST-9', false],
    ['Europe/Zurich', false],
  ])('says that times are in UTC with a zone told as a rule: %s', async (zone, isRule) => {
    const { stderr } = await inZone(zone, () => dumpStreams(['-r', all, '-s', 'proto', '-q']));
    expect(stderr.includes(`TZ=${zone}: times are in UTC`)).toBe(isRule);
  });

  it.each(['5', '+5', ' 5 '])('takes %j for a number', (text) => {
    expect(parseDumpArguments(['-n', text, '-c', text])).toMatchObject({ top: 5, limit: 5 });
  });

  it('ends quietly when its reader has gone', async () => {
    const stdout = new Writable({
      write: (_chunk, _encoding, callback) => callback(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    });
    expect(await runDump(parseDumpArguments(['-r', all]), dumpSurroundings({ stdout, stderr: new Collector() }))).toBe(
      0,
    );
  });

  it('says which file is no segment', async () => {
    const bad = join(directory, 'bad.parquet');
    writeFileSync(bad, 'not a Parquet file at all');
    await expect(dumpText(['-r', bad])).rejects.toThrow(UserError);
    await expect(dumpText(['-r', bad])).rejects.toThrow('bad.parquet');
    await expect(dumpText([])).rejects.toThrow('no flow files given');
  });

  it.each([
    [['-s', 'srcipp'], 'did you mean srcip'],
    [['-s', 'srcip/bites'], "did you mean 'bytes'"],
    [['-s', 'srcip:x'], 'only p'],
    [['-s', 'record', '-O', 'bytes'], 'exclude each other'],
    [['-A', 'srcip/24'], 'prefix length'],
    [['-A', 'srcip,srcip'], 'twice'],
    [['-A', 'srcip4/33'], '1 to 32'],
    [['-o', 'lne'], 'did you mean line'],
    [['-o', 'fmt:%sx'], "unknown tag '%sx'"],
    [['-O', 'bytes:x'], 'a (ascending)'],
  ])('refuses %j', async (argv, message) => {
    await expect(dumpText(['-r', all, ...argv])).rejects.toThrow(message);
  });
});
