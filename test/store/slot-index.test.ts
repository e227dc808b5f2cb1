import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addon } from '../../src/addon/addon.ts';
import { parseSqlArguments } from '../../src/cli/sql.ts';
import { FlowBatch } from '../../src/flow/batch.ts';
import { runSql } from '../../src/pipeline/query/sql.ts';
import { deleteFiles, storedFiles } from '../../src/store/expire.ts';
import { FlowStore } from '../../src/store/flow-store.ts';
import { chooseSegments } from '../../src/store/segment-files.ts';
import { SlotArchive } from '../../src/store/slot-archive.ts';
import { INDEX_NAME, indexStore } from '../../src/store/slot-index.ts';
import { Collector, dumpStreams, dumpText, inZone, withEngine } from '../query/support/run-dump.ts';
import { tempDir } from '../support/process.ts';
import { query } from './query-files.ts';

const START = Date.UTC(2026, 10, 20, 10, 0, 0);
const SLOT_MS = 300_000;
const DAY = '2026/11/20';

/** Flows of one slot, from 10.0.SLOT.0 and up. */
function flowsOf(slot: number, count = 20): FlowBatch {
  const batch = new FlowBatch(count);
  for (let row = 0; row < count; row++) {
    batch.use('receivedMs')[row] = START + slot * SLOT_MS + row;
    batch.use('firstMs')[row] = START + slot * SLOT_MS + row;
    batch.use('lastMs')[row] = START + slot * SLOT_MS + row + 10;
    batch.use('srcAddrLo')[row * 2] = 0x0a00_0000 + slot * 256 + row;
    batch.use('srcAddrLo')[row * 2 + 1] = 0xffff;
    batch.use('dstAddrLo')[row * 2] = 0xc000_0200 + (row % 2);
    batch.use('dstAddrLo')[row * 2 + 1] = 0xffff;
    batch.use('octets')[row * 2] = 100 + slot;
    batch.use('packets')[row * 2] = 1;
  }
  batch.rows = count;
  return batch;
}

async function storeSlots(directory: string, slots: number): Promise<void> {
  const store = await FlowStore.open({ directory, mode: 'replay', log: () => undefined });
  for (let slot = 0; slot < slots; slot++) await store.write(flowsOf(slot));
  await store.close();
}

const octets = (text: string) => text.split('\n').flatMap((line) => /^ *(\d+)$/.exec(line)?.[1] ?? []);
const words = (directory: string, ...args: string[]) => ['-R', directory, '-q', '-N', '-o', 'fmt:%byt', ...args];
/** Octets of the flows found; a file that was opened and could not be read is told, so nothing must be. */
const ask = async (directory: string, ...args: string[]) => {
  const { stdout, stderr } = await dumpStreams(words(directory, ...args));
  expect(stderr).toBe('');
  return octets(stdout);
};
const index = (directory: string) => join(directory, DAY, INDEX_NAME);

/** Runs something while the files but one have other octets, though nothing in their directory tells. */
async function withNoOther(directory: string, one: string, run: () => Promise<void>): Promise<void> {
  const day = join(directory, DAY);
  const names = readdirSync(day).filter((name) => name.endsWith('.parquet'));
  // Whole seconds, which can be set again.
  const touch = (name: string) => utimesSync(join(day, name), 1_800_000_000, 1_800_000_000);
  names.forEach(touch);
  await indexStore(directory);
  for (const name of names.filter((name) => name !== one)) {
    const { size } = statSync(join(day, name));
    writeFileSync(join(day, name), Buffer.alloc(size));
    touch(name);
  }
  await run();
}

describe('the index of a directory of slots', () => {
  it('is written as slots end, and the files that it rules out are not opened', async () => {
    const directory = tempDir('store');
    await storeSlots(directory, 6);
    expect(existsSync(index(directory))).toBe(true);
    for (const filter of ['host 10.0.3.7', 'src ip 10.0.3.7', 'src ip in [10.0.3.7 10.9.9.9]', 'src net 10.0.3.6/31']) {
      expect(await ask(directory, filter)).toEqual(filter.includes('net') ? ['103', '103'] : ['103']);
    }
    expect(await ask(directory, 'dst ip 10.0.3.7')).toEqual([]);
    expect(await ask(directory, 'host 10.0.3.7 or host 10.0.4.7')).toEqual(['103', '104']);
    expect(await ask(directory, 'not host 192.0.2.0 and (src ip 10.0.1.1 or src ip 10.0.5.5)')).toEqual(['101', '105']);
    const clock = (slot: number, seconds: number) =>
      new Date(START + slot * SLOT_MS + seconds * 1000)
        .toISOString()
        .slice(0, 19)
        .replace('T', '.')
        .replaceAll('-', '/');
    await withNoOther(directory, 'weir.202611201015.parquet', async () => {
      expect(await ask(directory, 'host 10.0.3.7')).toEqual(['103']);
      const window = ['-t', `${clock(2, 60)}-${clock(4, -60)}`];
      expect(await inZone('UTC', () => ask(directory, ...window))).toHaveLength(20);
      expect((await dumpStreams(words(directory, 'host 10.0.4.7'))).stderr).toMatch(
        /weir.202611201020.parquet.* left out/,
      );
    });
  });

  it('rules files out for SQL as well', async () => {
    const directory = tempDir('store');
    await storeSlots(directory, 6);
    const sql = async (...args: string[]) => {
      const [stdout, stderr] = [new Collector(), new Collector()];
      const options = await parseSqlArguments(['-R', directory, '-o', 'csv', ...args]);
      await runSql(options!, { stdout, stderr } as unknown as NodeJS.Process);
      return { stdout: stdout.text, stderr: stderr.text };
    };
    const sum = 'SELECT sum(octets) AS octets, min(src_as) AS src_as FROM flows';
    // Nothing is left: an answer all the same.
    expect(await sql('--filter', 'host 10.99.3.7', sum)).toEqual({ stdout: 'octets,src_as\n,\n', stderr: '' });
    await withNoOther(directory, 'weir.202611201015.parquet', async () => {
      const found = { stdout: 'octets,src_as\n103,0\n', stderr: '' };
      expect(await sql('--filter', 'host 10.0.3.7 and bytes > 1', sum)).toEqual(found);
      const chain = 'first { src ip 10.0.3.7 and dst ip A } then { src ip 10.0.3.9 and dst ip A } within 1s';
      expect(await ask(directory, chain)).toEqual(['103', '103']);
      await withEngine('duckdb', async () => {
        expect(await ask(directory, 'host 10.0.3.7')).toEqual(['103']);
        const general = await dumpText(['-R', directory, 'host 10.0.3.7']);
        const native = await withEngine('native', () => dumpText(['-R', directory, 'host 10.0.3.7']));
        const lines = (text: string) => text.split('\n').filter((line) => !line.startsWith('Sys:'));
        expect(lines(general)).toEqual(lines(native));
      });
      expect((await sql('--filter', 'host 10.0.4.7', sum)).stderr).toMatch(/weir.202611201020.parquet.* left out/);
      expect((await sql(sum)).stderr.match(/left out/g)).toHaveLength(5);
    });
  });

  it('lets a whole tree be looked at in the order of its names', async () => {
    const directory = tempDir('store');
    await storeSlots(directory, 2);
    const flows = (await storedFiles(directory))[0]!.path;
    for (const name of [
      'a/b/x.parquet',
      'a/c.parquet',
      'b.parquet',
      'a.b.parquet',
      'z.parquet',
      '.hidden/y.parquet',
      'c.txt',
    ]) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      copyFileSync(flows, join(directory, name));
    }
    symlinkSync(join(directory, 'a'), join(directory, 'linked'));
    const scan = await addon().openScanBelow(directory);
    const chosen = (await chooseSegments({ range: directory })).map(({ path }) => path);
    expect(scan?.paths()).toEqual(chosen);
    expect(chosen.length).toBe(9);
    expect(scan?.directories().sort()).toEqual([...new Set(chosen.map((path) => dirname(path)))].sort());
    expect(scan?.summary()).toMatchObject({ files: 9, rows: 180 });
    expect((await ask(directory, 'host 10.0.0.3')).length).toBe(8);
    copyFileSync(flows, join(directory, 'weir.202611201100.0a-000001.part.parquet'));
    expect(await addon().openScanBelow(directory)).toBe(null);
    expect((await ask(directory, 'host 10.0.0.3')).length).toBe(9);
    expect(await addon().openScanBelow(join(directory, 'c.txt'))).toBe(null);
    expect(await addon().openScanBelow(join(directory, 'gone'))).toBe(null);
  });

  it('knows the running slot by its parts alone', async () => {
    const directory = tempDir('store');
    const clock = { nowMs: START };
    const store = await FlowStore.open({ directory, mode: 'live', flushMs: 5, now: () => clock.nowMs });
    await store.write(flowsOf(0));
    await expect
      .poll(() => readdirSync(directory, { recursive: true }).some((name) => /part/.test(String(name))))
      .toBe(true);
    expect(existsSync(index(directory))).toBe(false);
    await expect.poll(() => ask(directory, 'host 10.0.0.7')).toEqual(['100']);
    clock.nowMs += SLOT_MS;
    await store.write(flowsOf(1));
    await expect.poll(() => existsSync(index(directory))).toBe(true);
    await expect.poll(() => ask(directory, 'host 10.0.0.7 or host 10.0.1.7')).toEqual(['100', '101']);
    await store.close();
  });

  it('is made for stores that were written or copied without', async () => {
    const directory = tempDir('store');
    await storeSlots(directory, 4);
    rmSync(index(directory));
    expect(await ask(directory, 'host 10.0.2.2')).toEqual(['102']);
    expect(await indexStore(directory)).toEqual({ indexed: 4, known: 0, refused: [] });
    expect(await indexStore(directory)).toEqual({ indexed: 0, known: 4, refused: [] });
    expect(await ask(directory, 'host 10.0.2.2')).toEqual(['102']);
    const damaged = join(directory, DAY, 'weir.202611201000.parquet');
    writeFileSync(damaged, 'PAR1');
    const again = await indexStore(directory);
    expect(again).toMatchObject({ indexed: 0, known: 3 });
    expect(again.refused[0]).toContain(damaged);
    await expect(indexStore(join(directory, 'gone'))).rejects.toThrow(/gone/);
  });

  it('is the same of files read again as of files being written', async () => {
    const directory = tempDir('store');
    await storeSlots(directory, 3);
    const written = readFileSync(index(directory));
    rmSync(index(directory));
    await indexStore(directory);
    expect(readFileSync(index(directory)).equals(written)).toBe(true);
  });

  it('has all addresses of a slot in parts', async () => {
    const directory = tempDir('store');
    const store = await FlowStore.open({ directory, mode: 'replay', log: () => undefined });
    await store.write(flowsOf(0));
    // Another column: another part.
    const batch = flowsOf(0, 30);
    batch.use('srcAs').fill(7);
    await store.write(batch);
    await store.close();
    expect(await ask(directory, 'host 10.0.0.7')).toEqual(['100', '100']);
    expect(await ask(directory, 'host 10.0.0.25')).toEqual(['100']);
    await withNoOther(directory, 'none', async () => {
      expect(await ask(directory, 'host 10.0.1.7')).toEqual([]);
    });
  });

  it('comes with slots of an archive, also in place of another', async () => {
    const directory = tempDir('store');
    const archive = await SlotArchive.open({ directory, layout: 1, indexed: true, log: () => undefined });
    for (const from of [0, 5]) {
      const slot = await archive.begin({ startMs: START, intervalSeconds: 300, ident: 'x' });
      await slot.append(flowsOf(from));
      const path = await slot.seal();
      expect(await indexStore(directory)).toMatchObject({ indexed: 0, known: 1 });
      expect(await ask(dirname(path), `host 10.0.${from}.3`)).toEqual([String(100 + from)]);
      expect(await ask(dirname(path), `host 10.0.${5 - from}.3`)).toEqual([]);
    }
    await archive.close();
  });

  it('goes with the last file', async () => {
    const directory = tempDir('store');
    await storeSlots(directory, 3);
    const files = await storedFiles(directory);
    expect(files.map(({ path }) => basename(path))).not.toContain(INDEX_NAME);
    await deleteFiles(directory, files.slice(0, 2));
    expect(await ask(directory, 'net 10.0.0.0/8', '-c', '1')).toEqual(['102']);
    await deleteFiles(directory, files.slice(2));
    expect(existsSync(join(directory, '2026'))).toBe(false);
  });

  it('that cannot be written is said once, and costs no flow', async () => {
    const directory = tempDir('store');
    mkdirSync(index(directory), { recursive: true });
    const messages: string[] = [];
    const store = await FlowStore.open({ directory, mode: 'replay', log: (message) => messages.push(message) });
    for (let slot = 0; slot < 3; slot++) await store.write(flowsOf(slot));
    await store.close();
    expect(messages.filter((message) => message.includes('not indexed'))).toHaveLength(1);
    expect(await ask(directory, 'host 10.0.2.2')).toEqual(['102']);
    const paths = (await storedFiles(directory)).map(({ path }) => path);
    expect(await query('select count(*) from files', paths)).toEqual([[60n]]);
  });
});
