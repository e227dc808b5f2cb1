import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { runTop } from '../../../src/pipeline/query/top.ts';
import { pressKey, splitKeys, type TopAction, type TopState } from '../../../src/pipeline/query/top-state.ts';
import { segmentName, slotTime } from '../../../src/store/slots.ts';
import { makeFlows } from '../../query/support/generate.ts';
import { writeOwnSegment } from '../../query/support/parquet.ts';
import { tempDir } from '../../support/process.ts';

const START: TopState = {
  statistic: 'srcip',
  order: 'bytes',
  filter: '',
  windowSeconds: 300,
  paused: false,
  prompt: undefined,
};

function press(keys: string, state = START): { state: TopState; actions: TopAction[] } {
  const actions: TopAction[] = [];
  for (const key of splitKeys(keys)) {
    const pressed = pressKey(state, key);
    state = pressed.state;
    actions.push(pressed.action);
  }
  return { state, actions };
}

it('keys change statistic, order and window, in rounds', () => {
  expect(press('s').state.statistic).toBe('dstip');
  expect(press('sS').state).toEqual(START);
  expect(press('S').state.statistic).toBe('router');
  expect(press('oo').state.order).toBe('flows');
  expect(press('wwww').state.windowSeconds).toBe(300);
  expect(press('  ').actions).toEqual(['redraw', 'ask']);
  expect(press('x\x1b[A').actions).toEqual(['none', 'none']);
  expect(press('q').actions).toEqual(['quit']);
});

it('a filter is typed, corrected, given up', () => {
  const typed = press('fport 53q\x7f\r');
  expect(typed.state).toEqual({ ...START, filter: 'port 53' });
  expect(typed.actions.at(-1)).toBe('ask');
  expect(press('f\x15udp\x1b', typed.state).state).toEqual(typed.state);
  expect(press('f\x15udp\x1b[D\r', typed.state).state.filter).toBe('udp');
  expect(press('tdstport\r').state.statistic).toBe('dstport');
  expect(press('fq\x03').actions.at(-1)).toBe('quit');
});

it('prints once where there is no terminal', async () => {
  const store = tempDir('top');
  const shift = Date.now() - 60_000 - Math.max(...makeFlows(50).map(({ numbers }) => numbers['lastMs']!));
  const flows = makeFlows(50).map(({ numbers, addresses }) => ({
    numbers: { ...numbers, firstMs: numbers['firstMs']! + shift, lastMs: numbers['lastMs']! + shift },
    addresses,
  }));
  await writeOwnSegment(join(store, segmentName(slotTime(Date.now() - 60_000, 300))), flows, 100, 'zstd');
  const top = async (filter: string) => {
    const stdout = new PassThrough();
    const options = { statistic: 'proto', order: 'flows', windowSeconds: 80, everySeconds: 2, rows: 3 };
    const streams = { stdin: new PassThrough(), stdout } as unknown as Parameters<typeof runTop>[1];
    await runTop({ ...options, stores: [store], filter }, streams);
    return String(stdout.read());
  };
  // A flow may leave the window meanwhile.
  const inWindow = () => flows.filter(({ numbers }) => numbers['lastMs']! >= Date.now() - 80_000).length;
  const before = inWindow();
  const total = Number(/total flows: (\d+),/.exec(await top(''))?.[1]);
  expect(before).toBeGreaterThan(0);
  expect(total).toBeLessThanOrEqual(before);
  expect(total).toBeGreaterThanOrEqual(inWindow());
  await expect(top('nonsense')).rejects.toThrow('nonsense');
});
