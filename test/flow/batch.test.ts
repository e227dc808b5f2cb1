import { describe, expect, it } from 'vitest';
import { FlowBatch } from '../../src/flow/batch.ts';
import { columnByName, DIRECTION_UNKNOWN } from '../../src/flow/fields.ts';

const indexOf = (name: string) => columnByName.get(name)!.index;

describe('FlowBatch', () => {
  it('has absent in every cell that nobody wrote, in each filling', () => {
    const batch = new FlowBatch(8);
    for (const rows of [8, 3, 8]) {
      const direction = batch.use('direction');
      const octets = batch.use('octets');
      expect([...direction]).toEqual(Array(8).fill(DIRECTION_UNKNOWN));
      expect([...octets]).toEqual(Array(16).fill(0));
      direction.fill(1, 0, rows);
      octets.fill(7, 0, rows * 2);
      batch.rows = rows;
      batch.reset();
      expect(batch.get('direction')).toBeUndefined();
    }
  });

  it('clears what a claimed column had once the next maker uses it', () => {
    const batch = new FlowBatch(8);
    batch.claim('inIf').fill(9, 0, 6);
    batch.rows = 6;
    batch.reset();
    batch.claim('inIf')[0] = 5;
    batch.rows = 1;
    batch.reset();
    expect([...batch.use('inIf')]).toEqual(Array(8).fill(0));
  });

  it('spreads a constant column over its rows once somebody reads it', () => {
    const batch = new FlowBatch(8);
    batch.claim('exporterLo').set([1, 0xffff]);
    batch.claim('domain')[0] = 3;
    batch.rows = 3;
    for (const name of ['exporterLo', 'domain']) batch.setConstant(indexOf(name));
    expect([...batch.peek('domain')!.subarray(0, 1)]).toEqual([3]);
    expect(batch.isConstant(indexOf('domain'))).toBe(true);
    expect([...batch.get('domain')!]).toEqual([3, 3, 3, 0, 0, 0, 0, 0]);
    expect(batch.isConstant(indexOf('domain'))).toBe(false);
    expect([...batch.use('exporterLo').subarray(0, 8)]).toEqual([1, 0xffff, 1, 0xffff, 1, 0xffff, 0, 0]);
    batch.reset();
    expect(batch.isConstant(indexOf('domain'))).toBe(false);
    expect([...batch.use('domain')]).toEqual(Array(8).fill(0));
  });

  it('forgets a constant that nobody read', () => {
    const batch = new FlowBatch(4);
    batch.claim('domain')[0] = 3;
    batch.rows = 4;
    batch.setConstant(indexOf('domain'));
    batch.reset();
    expect([...batch.use('domain')]).toEqual([0, 0, 0, 0]);
  });
});
