import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { FlowStore } from '../../src/store/flow-store.ts';
import { chooseSegments } from '../../src/store/segment-files.ts';
import { isTemporary, partTime } from '../../src/store/slots.ts';
import { tempDir } from '../support/process.ts';
import { query } from './query-files.ts';
import { randomNumbers } from './synthetic-flows.ts';

/** Times that a collector is killed; WEIR_KILLS asks for more. */
const KILLS = Number(process.env['WEIR_KILLS'] ?? 6);

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Starts a child that stores flows, kills it, and gives the number of flows it knew to be durable. */
function storeAndKill(directory: string, firstId: number, afterMs: number): Promise<number> {
  const child = spawn(process.execPath, [here('run-ts.mjs'), here('crash-child.ts')], {
    env: { ...process.env, DIRECTORY: directory, FIRST_ID: String(firstId) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const starting = output === '';
    output += chunk;
    if (starting) setTimeout(() => child.kill('SIGKILL'), afterMs);
  });
  return new Promise((resolve, reject) => {
    child.on('close', (_, signal) => {
      if (signal !== 'SIGKILL') reject(new Error(`the child ended by itself: ${output.slice(-500)}`));
      resolve(Number(output.slice(0, output.lastIndexOf('\n')).split('\n').at(-1)));
    });
  });
}

async function storedIds(directory: string): Promise<bigint[]> {
  const paths = (await chooseSegments({ range: directory })).map((file) => file.path);
  if (paths.length === 0) return [];
  return (await query('select flow_id from files where packets = 1 order by 1', paths)).map(([id]) => id as bigint);
}

it(
  'a killed collector loses nothing that was flushed, and nothing counts twice',
  async () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const random = randomNumbers(seed);
    const directory = tempDir('store');
    let expected: bigint[] = [];
    for (let round = 0; round < KILLS; round++) {
      const context = `seed ${seed}, round ${round}`;
      const firstId = (round + 1) * 10_000_000;
      const durable = await storeAndKill(directory, firstId, 100 + random() * 1500);
      const after = await storedIds(directory);
      // What was there stays; of the new flows there are the first ones, at least as many as were known to be durable.
      const fresh = after.slice(expected.length);
      expect(after.slice(0, expected.length), context).toEqual(expected);
      expect(fresh, context).toEqual(fresh.map((_, index) => BigInt(firstId + index)));
      expect(fresh.length, context).toBeGreaterThanOrEqual(durable);
      expected = after;
      if (round % 2 === 1) continue;
      // Every other time the next process recovers by itself.
      const store = await FlowStore.open({ directory, mode: 'replay', intervalSeconds: 1, log: () => {} });
      await store.close();
      expect(await storedIds(directory), context).toEqual(expected);
      const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).map(
        (path) => path.split('/').at(-1)!,
      );
      expect(
        names.filter((name) => isTemporary(name) || partTime(name) !== undefined),
        context,
      ).toEqual([]);
    }
    expect(expected.length).toBeGreaterThan(1000);
  },
  KILLS * 20_000,
);
