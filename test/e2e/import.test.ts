import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { segmentInfo } from '../../src/store/segment-metadata.ts';
import { flow17, generic, layout2File, packed } from '../support/nfcapd-file.ts';
import { describeWith, tempDir, weir, weirOk } from '../support/process.ts';
import { readSegments, segmentFiles } from '../support/segments.ts';

/** 2023-11-14 22:15 UTC. */
const SLOT_MS = 1_700_000_100_000;
const MINUTE = 60_000;

/** A file of one slot with `flows` flows, under the name that nfcapd gives it where the time is `hours` ahead of UTC. */
function writeSlot(directory: string, startMs: number, flows: number, ident = 'border1', hours = 0): string {
  const digits = new Date(startMs + hours * 60 * MINUTE).toISOString().replace(/\D/g, '').slice(0, 12);
  const records = Array.from({ length: flows }, (_, i) =>
    flow17([
      [1, generic(startMs + i, startMs + i, startMs + i, 1, 40)],
      [2, packed([4, 0xc0000201], [4, 0xc6336401])],
    ]),
  );
  const path = join(directory, digits.slice(0, 4), digits.slice(4, 6), `nfcapd.${digits}`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, layout2File(ident, [records]));
  return path;
}

const names = (store: string) =>
  segmentFiles(store)
    .map((path) => relative(store, path))
    .sort();

describeWith(['weir'], 'weir import', () => {
  it('makes the same slots, with the ident of the files, and passes over the one that is written', async () => {
    const [from, to] = [tempDir('nfcapd'), tempDir('store')];
    for (let i = 0; i < 3; i++) writeSlot(from, SLOT_MS + i * MINUTE, 2 + i);
    writeFileSync(join(from, 'nfcapd.current.4711'), 'x');
    expect(await weir(['import', '-R', from, '-w', to])).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('imported 9 flows from 3 files into 3 slots'),
    });
    const day = '2023/11/14/weir.2023111422';
    expect(names(to)).toEqual([15, 16, 17].map((minute) => `${day}${minute}.parquet`));
    expect(await readSegments(to)).toHaveLength(9);
    const { metadata } = await segmentInfo(join(to, `${day}15.parquet`));
    expect(metadata).toMatchObject({ 'weir.ident': 'border1', 'weir.interval': '60', 'weir.slot': '202311142215' });
  });

  it('goes on where it was interrupted, and begins anew with --force', async () => {
    const [from, to] = [tempDir('nfcapd'), tempDir('store')];
    const again = ['import', '-R', from, '-w', to, '-t', '300', '-S', '0'];
    writeSlot(from, SLOT_MS, 2);
    await weirOk(again);
    // What a run leaves that is killed.
    mkdirSync(join(to, '.weir.work'));
    writeFileSync(join(to, '.weir.work', 'weir.202311142220.0a0b0c0d-000000.part.parquet'), 'x');
    writeSlot(from, SLOT_MS + 5 * MINUTE, 3);
    const { stderr } = await weir(again);
    expect(stderr).toContain('imported 3 flows from 1 file into 1 slot');
    expect(stderr).toContain('1 slot (1 file) were there already');
    writeSlot(from, SLOT_MS, 7);
    expect((await weir([...again, '--force'])).stderr).toContain('imported 10 flows from 2 files into 2 slots');
    expect(names(to)).toEqual(['weir.202311142215.parquet', 'weir.202311142220.parquet']);
    expect(await readSegments(to)).toHaveLength(10);
  });

  it('names a damaged file and leaves out all of it, but not its neighbours in the slot', async () => {
    const [from, to] = [tempDir('nfcapd'), tempDir('store')];
    writeSlot(from, SLOT_MS, 2);
    const bad = writeSlot(from, SLOT_MS + MINUTE, 100);
    truncateSync(bad, readFileSync(bad).length - 500);
    writeSlot(from, SLOT_MS + 2 * MINUTE, 4);
    const { status, stderr } = await weir(['import', '-R', from, '-w', to, '-t', '300']);
    expect(status).toBe(1);
    expect(stderr).toContain(`${bad}: cut`);
    expect(stderr).toContain('imported 6 flows from 2 files into 1 slot');
    expect(stderr).toContain('1 file left out');
    expect(await readSegments(to)).toHaveLength(6);
  });

  it('reads names in the time zone of their writer', async () => {
    const [from, to] = [tempDir('nfcapd'), tempDir('store')];
    writeSlot(from, SLOT_MS, 2, 'border1', 1);
    const wrong = await weir(['import', '-R', from, '-w', to]);
    expect(wrong).toMatchObject({ status: 1, stderr: expect.stringContaining('set TZ') });
    expect(names(to)).toEqual([]);
    await weirOk(['import', '-R', from, '-w', to], { env: { TZ: 'Europe/Zurich' } });
    expect(names(to)).toEqual(['2023/11/14/weir.202311142215.parquet']);
  });

  it('keeps sources apart with -M', async () => {
    const [from, to] = [tempDir('nfcapd'), tempDir('store')];
    writeSlot(join(from, 'a'), SLOT_MS, 2, 'site a');
    writeSlot(join(from, 'b'), SLOT_MS, 3, 'site b');
    await weirOk(['import', '-M', `${from}/a:b`, '-R', '.', '-w', to, '-I', 'mine']);
    const file = '2023/11/14/weir.202311142215.parquet';
    expect(names(to)).toEqual([`a/${file}`, `b/${file}`]);
    expect((await segmentInfo(join(to, 'b', file))).metadata['weir.ident']).toBe('mine');
  });

  it('gives a slot without flows its file', async () => {
    const [from, to] = [tempDir('nfcapd'), tempDir('store')];
    const path = writeSlot(from, SLOT_MS, 1);
    writeFileSync(path, layout2File('idle', []));
    expect(await weirOk(['import', '-r', path, '-w', to])).toBe('');
    expect(names(to)).toHaveLength(1);
    expect(await readSegments(to)).toEqual([]);
  });

  it.each([
    [['-R', '/nonexistent', '-w', 'x'], /no such file or directory: \/nonexistent/],
    [['-w', 'x'], /which files/],
    [['-R', '.'], /where to/],
  ])('says what is wrong with %j', async (args, message) => {
    expect(await weir(['import', ...args])).toMatchObject({ status: 1, stderr: expect.stringMatching(message) });
  });
});

describeWith(['weir'], 'weir anonymize', () => {
  it('keeps slots and idents, and never writes where it reads', async () => {
    const [from, store, to] = [tempDir('nfcapd'), tempDir('store'), tempDir('anonymous')];
    writeSlot(from, SLOT_MS, 2);
    writeSlot(from, SLOT_MS + 5 * MINUTE, 3);
    await weirOk(['import', '-R', from, '-w', store]);
    const key = ['-K', 'k'.repeat(32)];
    await weirOk(['anonymize', '-R', store, '-w', to, ...key]);
    expect(names(to)).toEqual(names(store));
    const flows = await readSegments(to);
    expect(flows).toHaveLength(5);
    expect(flows.every(({ src, dst }) => src !== '192.0.2.1' && dst !== '198.51.100.1')).toBe(true);
    expect((await segmentInfo(join(to, names(to)[0]!))).metadata['weir.ident']).toBe('border1');
    const { stderr } = await weir(['anonymize', '-R', store, '-w', to, ...key]);
    expect(stderr).toContain('2 slots were there already');
    expect(await weir(['anonymize', '-R', store, '-w', store, ...key])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('give a directory of its own'),
    });
    expect(await weir(['anonymize', '-R', store, '-w', 'x', '-K', 'short'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('32 characters'),
    });
  });
});

describe('names of nfcapd files', () => {
  it('say their slot, in UTC where they have their zone', async () => {
    const { nfcapdNaming, nfcapdSlotMs } = await import('../../src/import/nfcapd-names.ts');
    expect(nfcapdSlotMs('nfcapd.202311142315+0100')).toBe(SLOT_MS);
    expect(nfcapdSlotMs('nfcapd.202311141645-0530')).toBe(SLOT_MS);
    expect(nfcapdSlotMs('nfcapd.current.4711')).toBeUndefined();
    expect(['nfcapd.202311142215', 'nfpcapd.20231114221530'].every(nfcapdNaming.matches)).toBe(true);
  });
});
