import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { askControl, controlPath } from '../../../src/pipeline/export/control-client.ts';
import { ControlSocket } from '../../../src/pipeline/export/control-socket.ts';
import { tempDir } from '../../support/process.ts';

const IDLE_MS = 100;
let directory: string;
beforeAll(() => {
  directory = tempDir('control');
});

test('whoever waits for an answer is not cut off, however long it takes', async () => {
  const path = join(directory, 'slow');
  const warnings: string[] = [];
  const control = await ControlSocket.listen(path, undefined, (line) => warnings.push(line), IDLE_MS);
  control.serve({
    slow: async () => {
      await sleep(5 * IDLE_MS);
      return { lines: ['done'], data: 1 };
    },
    failing: async () => {
      await sleep(3 * IDLE_MS);
      throw new Error('broken');
    },
    // Who does not read is.
    endless: () => ({
      lines: [],
      data: {},
      stream: async (socket) => {
        while (socket.writable) {
          if (!socket.write(Buffer.alloc(1 << 16))) await new Promise((resolve) => socket.once('close', resolve));
        }
      },
    }),
  });
  try {
    const ask = (command: string, onText = async () => {}) => askControl(path, { command }, onText);
    expect(await ask('slow')).toMatchObject({ lines: ['done'] });
    await expect(ask('failing')).rejects.toThrow('broken');
    expect(warnings).toEqual(['control command failing: broken']);
    await ask('endless', () => sleep(10 * IDLE_MS)).catch(() => undefined);
  } finally {
    control.close();
  }
});

test('the only instance is found beside whatever else is in the directory', () => {
  const run = join(directory, 'run');
  expect(() => controlPath(undefined, run)).toThrow(/There is none in/);
  mkdirSync(join(run, 'eth0'), { recursive: true });
  mkdirSync(join(run, 'collect'));
  writeFileSync(join(run, 'eth0', 'control'), '');
  writeFileSync(join(run, 'weir.pid'), '1\n');
  expect(controlPath(undefined, run)).toBe(join(run, 'eth0', 'control'));
  expect(controlPath('eth7', run)).toBe(join(run, 'eth7', 'control'));
  expect(controlPath('/a/b', run)).toBe('/a/b');
  mkdirSync(join(run, 'eth1'));
  writeFileSync(join(run, 'eth1', 'control'), '');
  expect(() => controlPath(undefined, run)).toThrow(/eth0, eth1/);
});
