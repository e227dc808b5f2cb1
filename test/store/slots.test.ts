import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isTemporary,
  parseSlotTime,
  partName,
  partTime,
  segmentName,
  segmentTime,
  slotDirectory,
  slotStart,
  slotTime,
} from '../../src/store/slots.ts';

const at = (text: string) => Date.parse(`${text}Z`);

describe('slots', () => {
  it('start at multiples of the interval since 1970', () => {
    expect(slotStart(at('2026-11-20T10:17:31.5'), 300)).toBe(at('2026-11-20T10:15:00'));
    expect(slotStart(at('2026-11-20T10:15:00'), 300)).toBe(at('2026-11-20T10:15:00'));
    expect(slotStart(at('2026-11-20T10:14:59.999'), 300)).toBe(at('2026-11-20T10:10:00'));
    expect(slotStart(at('2026-11-20T10:17:31'), 7)).toBe(Math.floor(at('2026-11-20T10:17:31') / 7000) * 7000);
  });

  it('are named for their start in UTC, with seconds below a minute', () => {
    expect(slotTime(at('2026-11-20T10:15:00'), 300)).toBe('202611201015');
    expect(slotTime(at('2026-11-20T10:15:00'), 60)).toBe('202611201015');
    expect(slotTime(at('2026-11-20T10:15:30'), 30)).toBe('20261120101530');
    expect(segmentName('202611201015')).toBe('weir.202611201015.parquet');
    expect(partName('202611201015', '0a1b2c3d', 7)).toBe('weir.202611201015.0a1b2c3d-000007.part.parquet');
  });

  it('come back from their names', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4_000_000_000 }),
        fc.integer({ min: 1, max: 90_000 }),
        (second, interval) => {
          const startMs = slotStart(second * 1000, interval);
          const time = slotTime(startMs, interval);
          // Names of long slots have no seconds.
          expect(parseSlotTime(time)).toBe(interval < 60 ? startMs : Math.floor(startMs / 60_000) * 60_000);
          expect(segmentTime(segmentName(time))).toBe(time);
          expect(partTime(partName(time, 'ff00', 12))).toBe(time);
          expect(segmentTime(partName(time, 'ff00', 12))).toBeUndefined();
          expect(partTime(segmentName(time))).toBeUndefined();
        },
      ),
      { numRuns: 300 },
    );
    for (const bad of ['', '2026', '202613010000', '202602310000', '202601012400', '20260101000060', 'abcdabcdabcd']) {
      expect(parseSlotTime(bad)).toBeUndefined();
    }
    expect(isTemporary('.weir.202611201015.parquet.12-0.tmp')).toBe(true);
    expect(isTemporary('weir.202611201015.parquet')).toBe(false);
  });

  // Expected values from `date -u +%...` of the same times.
  it.each([
    [
      '2026-11-20T10:15:00',
      [
        '',
        '2026/11/20',
        '2026/11/20/10',
        '2026/46/5',
        '2026/46/5/10',
        '2026/324',
        '2026/324/10',
        '2026-11-20',
        '2026-11-20/10',
      ],
    ],
    [
      '2024-12-31T23:00:00',
      [
        '',
        '2024/12/31',
        '2024/12/31/23',
        '2024/53/2',
        '2024/53/2/23',
        '2024/366',
        '2024/366/23',
        '2024-12-31',
        '2024-12-31/23',
      ],
    ],
    [
      '2023-01-01T00:00:00',
      [
        '',
        '2023/01/01',
        '2023/01/01/00',
        '2023/00/7',
        '2023/00/7/00',
        '2023/001',
        '2023/001/00',
        '2023-01-01',
        '2023-01-01/00',
      ],
    ],
    [
      '2024-01-01T05:00:00',
      [
        '',
        '2024/01/01',
        '2024/01/01/05',
        '2024/01/1',
        '2024/01/1/05',
        '2024/001',
        '2024/001/05',
        '2024-01-01',
        '2024-01-01/05',
      ],
    ],
  ])('lie in the directory of their layout (%s)', (time, directories) => {
    expect(directories.map((_, layout) => slotDirectory(at(time), layout))).toEqual(directories);
  });
});
