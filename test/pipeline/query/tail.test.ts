import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { beforeAll, expect, it, vi } from 'vitest';
import { addon } from '../../../src/addon/addon.ts';
import { columns } from '../../../src/flow/fields.ts';
import { runTail } from '../../../src/pipeline/query/tail.ts';
import { partName, segmentName, slotDirectory, slotTime } from '../../../src/store/slots.ts';
import { makeFlows } from '../../query/support/generate.ts';
import { writeOwnSegment } from '../../query/support/parquet.ts';
import { tempDir, until } from '../../support/process.ts';

let store: string;
beforeAll(() => {
  store = tempDir('tail');
});

/** Keeps lines, and goes away when it is told to. */
class Reader extends Writable {
  text = '';
  gone = false;

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error) => void): void {
    this.text += chunk.toString('utf8');
    callback(this.gone ? Object.assign(new Error('gone'), { code: 'EPIPE' }) : undefined);
  }

  get lines(): string[] {
    return this.text.split('\n').filter((line) => line !== '');
  }
}

it('prints every flow once, over parts, rotation and a part that was merged unseen', async () => {
  const flows = makeFlows(60).map(({ numbers, addresses }, index) => ({
    numbers: { ...numbers, packets: index, octets: 1000, receivedMs: Date.now() + index },
    addresses,
  }));
  const startMs = Math.floor(Date.now() / 60_000) * 60_000;
  const time = slotTime(startMs, 60);
  const directory = join(store, slotDirectory(startMs, 1));
  await mkdir(directory, { recursive: true });
  const part = (sequence: number) => join(directory, partName(time, 'abcd', sequence));
  const write = async (path: string, from: number, to: number) => {
    // Whole under its name, as the store does it.
    const whole = join(dirname(path), '.weir.making.tmp');
    await writeOwnSegment(whole, flows.slice(from, to), 100, 'lz4');
    await rename(whole, path);
  };
  await write(part(0), 0, 10);
  const reader = new Reader();
  const ended = runTail(
    {
      stores: [store],
      filter: 'packets > 4',
      format: 'fmt:%pkt',
      quiet: true,
      plainNumbers: true,
      unscaled: false,
      backSeconds: 3600,
    },
    reader,
  );
  await until(() => reader.lines.length === 5);
  await write(part(1), 10, 20);
  await until(() => reader.lines.length === 15);
  // The third part is merged before anybody can look at it.
  const hidden = join(store, '.third');
  await writeOwnSegment(hidden, flows.slice(20, 30), 100, 'lz4');
  const inputs = [part(0), part(1), hidden];
  const parts = [partName(time, 'abcd', 0), partName(time, 'abcd', 1), partName(time, 'abcd', 2)];
  const merged = columns.map(({ sql: name, type, absent }) => ({ name, type, absent }));
  await addon().mergeSegments(inputs, join(directory, segmentName(time)), merged, {
    compression: 'zstd',
    metadata: { 'weir.parts': JSON.stringify(parts) },
  });
  for (const path of inputs) await rm(path);
  await until(() => reader.lines.length === 25);
  // A damaged one is told of, and nothing of it printed.
  const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const harmed = join(store, '.harmed');
  await writeOwnSegment(harmed, flows.slice(20, 30), 100, 'lz4');
  await writeFile(harmed, (await readFile(harmed)).fill(0xff, 4, 400));
  const damaged = join(directory, partName(slotTime(startMs + 60_000, 60), 'abcd', 2));
  await rename(harmed, damaged);
  await until(() => told.mock.calls.length > 0);
  expect(told.mock.calls.map(([line]) => line)).toEqual([expect.stringContaining(`${damaged}: `)]);
  told.mockRestore();
  // The next slot.
  await write(join(directory, partName(slotTime(startMs + 60_000, 60), 'abcd', 3)), 30, 60);
  await until(() => reader.lines.length === 55);
  expect(reader.lines.map(Number)).toEqual(flows.slice(5).map(({ numbers }) => numbers.packets));
  reader.gone = true;
  await write(join(directory, partName(slotTime(startMs + 60_000, 60), 'abcd', 4)), 30, 60);
  expect(await ended).toBe(0);
}, 30_000);
