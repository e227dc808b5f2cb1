import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RecentSegments } from '../../src/store/recent-segments.ts';
import { LAYOUT_COUNT, partName, segmentName, slotDirectory, slotTime } from '../../src/store/slots.ts';

const MINUTE = 60_000;
const nowMs = Date.UTC(2026, 10, 21, 12, 34, 56);

let store: string;
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'weir-recent-'));
});
afterEach(() => rmSync(store, { recursive: true, force: true }));

/** A file that was written at a time, in a directory that changed then. */
function put(layout: number, startMs: number, writtenMs: number, name?: string): string {
  const path = join(store, slotDirectory(startMs, layout), name ?? segmentName(slotTime(startMs, 300)));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '');
  utimesSync(path, writtenMs / 1000, writtenMs / 1000);
  utimesSync(dirname(path), writtenMs / 1000, writtenMs / 1000);
  return path;
}

test.each(Array.from({ length: LAYOUT_COUNT }, (_, layout) => layout))(
  'layout %i: what was written since',
  async (layout) => {
    const segments = new RecentSegments([store, join(store, 'missing')]);
    const find = async (sinceMs: number, atMs = nowMs) =>
      (await segments.find(sinceMs, atMs)).map(({ path }) => basename(path));
    const part = partName(slotTime(nowMs, 300), 'abcd', 0);
    put(layout, nowMs - 10 * MINUTE, nowMs - 6 * MINUTE);
    put(layout, nowMs, nowMs - 10_000, part);
    // Long before, and by its time of change new: a copy. No slot is so long.
    put(layout, nowMs - 40 * 24 * 60 * MINUTE, nowMs - 5 * MINUTE);
    expect(await find(nowMs - MINUTE)).toEqual([part]);
    // A larger window than the one before.
    expect(await find(nowMs - 7 * MINUTE)).toEqual([segmentName(slotTime(nowMs - 10 * MINUTE, 300)), part]);
    const later = partName(slotTime(nowMs, 300), 'abcd', 1);
    put(layout, nowMs, nowMs + 1000, later);
    expect(await find(nowMs - MINUTE, nowMs + 1000)).toEqual([part, later]);
    // The next day, in a directory that was not there.
    const nextMs = nowMs + 24 * 60 * MINUTE;
    const next = partName(slotTime(nextMs, 300), 'abcd', 2);
    put(layout, nextMs, nextMs, next);
    expect(await find(nextMs - MINUTE, nextMs)).toEqual([next]);
  },
);

test('a change that comes within the same moment as a look is seen by the next', async () => {
  const segments = new RecentSegments([store]);
  const first = put(1, nowMs, nowMs);
  expect(await segments.find(nowMs - MINUTE, nowMs)).toHaveLength(1);
  // The directory has the same time of change.
  const second = put(1, nowMs, nowMs, partName(slotTime(nowMs + 5 * MINUTE, 300), 'abcd', 0));
  expect((await segments.find(nowMs - MINUTE, nowMs + 500)).map(({ path }) => path)).toEqual([first, second]);
});
