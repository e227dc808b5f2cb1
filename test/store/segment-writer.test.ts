import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addon } from '../../src/addon/addon.ts';
import type { SegmentColumn, SegmentOptions } from '../../src/addon/segments.ts';
import { FlowBatch } from '../../src/flow/batch.ts';
import { columns } from '../../src/flow/fields.ts';
import { ColumnSet, columnsNamed, segmentColumns } from '../../src/store/segment-columns.ts';
import { tempDir } from '../support/process.ts';
import { query } from './query-files.ts';
import { fillWithFlows, randomNumbers } from './synthetic-flows.ts';

function create(path: string, options: SegmentOptions = {}) {
  return new (addon().SegmentWriter)(path, options);
}

const EXTREMES: SegmentColumn[] = [
  { name: 'a', type: 'u8', absent: 0, data: new Uint8Array([0, 255, 7]) },
  { name: 'b', type: 'u16', absent: 0, data: new Uint16Array([65535, 0, 443]) },
  { name: 'c', type: 'u32', absent: 0, data: new Uint32Array([1, 2 ** 32 - 1, 0]) },
  { name: 'd', type: 'u64', absent: 0, data: new Uint32Array([0, 0, 2 ** 32 - 1, 2 ** 32 - 1, 5, 1]) },
  { name: 't', type: 'timeMs', absent: 0, data: new Float64Array([0, 1_700_000_000_123, 4_102_444_800_000]) },
  { name: 'n', type: 'u8', absent: 255 },
  { name: 'z', type: 'u64', absent: 0 },
];

describe('SegmentWriter', () => {
  it.each([{}, { compression: 'lz4' }, { compression: 'none' }, { level: 19 }] satisfies SegmentOptions[])(
    'writes every type so that DuckDB reads it back (%o)',
    async (options) => {
      const path = join(tempDir('store'), 'x.parquet');
      const writer = create(path, { ...options, metadata: { one: '1' } });
      await writer.append(EXTREMES, 3);
      const bytes = await writer.finish({ two: '2' });
      expect(await query('select * replace (epoch_ms(t) as t) from files', [path])).toEqual([
        [0, 65535, 1, 0n, 0n, 255, 0n],
        [255, 0, 4294967295, 18446744073709551615n, 1_700_000_000_123n, 255, 0n],
        [7, 443, 0, 4294967301n, 4_102_444_800_000n, 255, 0n],
      ]);
      expect(
        await query('select distinct typeof(a), typeof(b), typeof(c), typeof(d), typeof(t) from files', [path]),
      ).toEqual([['UTINYINT', 'USMALLINT', 'UINTEGER', 'UBIGINT', 'TIMESTAMP WITH TIME ZONE']]);
      expect(await addon().segmentInfo(path)).toEqual({
        rows: 3,
        rowGroups: 1,
        bytes,
        columns: ['a', 'b', 'c', 'd', 't', 'n', 'z'],
        metadata: { one: '1', two: '2' },
      });
    },
  );

  it('keeps the order of appends that nobody waited for', async () => {
    const path = join(tempDir('store'), 'x.parquet');
    const writer = create(path);
    const rows = 20_000;
    const appends = Array.from({ length: 12 }, (_, number) =>
      writer.append(
        [{ name: 'a', type: 'u32', absent: 0, data: new Uint32Array(rows).map((_, row) => number * rows + row) }],
        rows,
      ),
    );
    const finished = writer.finish();
    await Promise.all([...appends, finished]);
    const wrong = await query(
      'select count(*) from (select a, file_row_number r from files) where a <> r'.replace(
        'files',
        'read_parquet($path, file_row_number = true)'.replace('$path', `'${path}'`),
      ),
      [],
    );
    expect(wrong).toEqual([[0n]]);
  });

  it('stores what a batch holds, column by column', async () => {
    const path = join(tempDir('store'), 'x.parquet');
    const batch = new FlowBatch(70_000);
    fillWithFlows(batch, randomNumbers(7), 1.79e12, 10_000);
    const set = new ColumnSet();
    const writer = create(path, { bloom: ['src_addr_lo', 'dst_addr_lo'] });
    await writer.append(segmentColumns(batch, set.columns), batch.rows);
    await writer.append(segmentColumns(batch, set.columns, 100, 200), 100);
    await writer.finish();
    const octets = batch.get('octets')!;
    const srcLo = batch.get('srcAddrLo')!;
    const firstMs = batch.get('firstMs')!;
    const rows = [...Array(batch.rows).keys(), ...Array.from({ length: 100 }, (_, row) => row + 100)];
    const sum = (of: (row: number) => number) => BigInt(rows.reduce((all, row) => all + of(row), 0));
    expect(
      await query(
        'select count(*), sum(octets), sum(src_addr_lo & 4294967295), sum(epoch_ms(first) - 1700000000000), sum(src_port), min(direction) from files',
        [path],
      ),
    ).toEqual([
      [
        70_100n,
        sum((row) => octets[row * 2]! + octets[row * 2 + 1]! * 2 ** 32),
        sum((row) => srcLo[row * 2]!),
        sum((row) => firstMs[row]! - 1_700_000_000_000),
        sum((row) => batch.get('srcPort')![row]!),
        255,
      ],
    ]);
    // An equality that the Bloom filters and statistics may answer finds exactly what is there.
    const wanted = BigInt(srcLo[1234 * 2]!) | (0xffffn << 32n);
    const times = rows.filter((row) => srcLo[row * 2] === srcLo[1234 * 2]).length;
    expect(await query(`select count(*) from files where src_addr_lo = ${wanted}`, [path])).toEqual([[BigInt(times)]]);
  });

  it('says which file it could not write, and leaves none', async () => {
    const directory = tempDir('store');
    expect(() => create(join(directory, 'missing', 'x.parquet'))).toThrow(join(directory, 'missing', 'x.parquet'));
    const writer = create(join(directory, 'x.parquet'));
    const short: SegmentColumn = { name: 'a', type: 'u32', absent: 0, data: new Uint32Array(3) };
    await expect(writer.append([short], 4)).rejects.toThrow(/x\.parquet.*column a/);
    await expect(writer.finish()).rejects.toThrow(/x\.parquet/);
    const other = create(join(directory, 'y.parquet'));
    await other.append([short], 3);
    await expect(other.append([{ ...short, name: 'b' }], 3)).rejects.toThrow(/same columns/);
    const aborted = create(join(directory, 'z.parquet'));
    await aborted.append([short], 3);
    aborted.abort();
    await expect(aborted.finish()).rejects.toThrow(/z\.parquet/);
    expect(() => create(join(directory, 'x.parquet'), { level: 23 })).toThrow(/level/);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('appears under its name only when finished', async () => {
    const directory = tempDir('store');
    const path = join(directory, 'x.parquet');
    const writer = create(path);
    await writer.append(EXTREMES, 3);
    expect(existsSync(path)).toBe(false);
    await writer.finish();
    expect(readdirSync(directory)).toEqual(['x.parquet']);
  });
});

describe('mergeSegments', () => {
  it('joins parts with different columns and fills with absent', async () => {
    const directory = tempDir('store');
    const paths: string[] = [];
    for (const number of [0, 1, 2]) {
      const batch = new FlowBatch(10);
      batch.use('octets').fill(0);
      batch.use('octets')[0] = number + 1;
      if (number === 1) batch.use('srcAs')[0] = 65_000;
      if (number === 2) batch.use('direction')[0] = 1;
      batch.rows = 2;
      const set = new ColumnSet();
      set.add(batch);
      const path = join(directory, `${number}.parquet`);
      const writer = create(path);
      await writer.append(segmentColumns(batch, set.columns), batch.rows);
      await writer.finish();
      paths.push(path);
    }
    const output = join(directory, 'all.parquet');
    const info = await addon().mergeSegments(paths, output, columnsNamed(new Set(['src_as'])), {
      metadata: { k: 'v' },
    });
    expect(info.rows).toBe(6);
    expect(info.rowGroups).toBe(1);
    expect(info.metadata).toEqual({ k: 'v' });
    expect(info.columns).toEqual(
      columns.filter((column) => column.core || column.sql === 'src_as').map((column) => column.sql),
    );
    expect(await query('select octets, src_as, direction from files', [output])).toEqual([
      [1n, 0, 255],
      [0n, 0, 255],
      [2n, 65_000, 255],
      [0n, 0, 255],
      [3n, 0, 1],
      [0n, 0, 255],
    ]);
  });

  it('names the input that it cannot read', async () => {
    const directory = tempDir('store');
    const missing = join(directory, 'missing.parquet');
    await expect(
      addon().mergeSegments([missing], join(directory, 'all.parquet'), columnsNamed(new Set()), {}),
    ).rejects.toThrow(missing);
    await expect(addon().segmentInfo(missing)).rejects.toThrow(missing);
    expect(readdirSync(directory)).toEqual([]);
  });
});
