import { describe, expect, test } from 'vitest';
import { Allowance } from '../../src/flow/allowance.ts';

/** Takes one after the other until nothing is given any more. */
function flood(share: ReturnType<Allowance['share']>): void {
  while (share.take(1));
}

describe('an allowance', () => {
  test('gives one holder four fifths, and those who come after it theirs', () => {
    const allowance = new Allowance(9000);
    const shares = Array.from({ length: 5 }, () => allowance.share());
    for (const share of shares) flood(share);
    expect(shares[0]!.held).toBe(7200);
    // Each stops at four times of what it leaves, so the next always finds something.
    expect(shares.map(({ held }) => held)).toEqual([7200, 1440, 288, 57, 12]);
    expect(allowance.left).toBe(3);
    expect(shares.map(({ refused }) => refused)).toEqual([1, 1, 1, 1, 1]);
  });

  test('is divided evenly among those who take by turns', () => {
    const allowance = new Allowance(9000);
    const shares = [allowance.share(), allowance.share()];
    for (let turn = 0; turn < 9000; turn++) shares[turn % 2]!.take(1);
    expect(shares.map(({ held }) => held)).toEqual([4000, 4000]);
    expect(allowance.left).toBe(1000);
  });

  test('takes back what was given', () => {
    const allowance = new Allowance(10);
    const share = allowance.share();
    expect([share.take(8), share.take(1)]).toEqual([true, false]);
    share.giveBack(8);
    expect([share.held, allowance.left, share.refused]).toEqual([0, 10, 1]);
    expect(share.take(8)).toBe(true);
  });
});
