import { expect, it } from 'vitest';
import type { LogOutput } from '../../../src/pipeline/daemon/log-output.ts';
import { Reloader } from '../../../src/pipeline/daemon/reload.ts';
import type { ServiceManager } from '../../../src/pipeline/daemon/service-manager.ts';

it('reads settings once for all requests that come meanwhile, and not at all once the run ends', async () => {
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  const log = { info: write, warn: write, reopen: () => {} } as unknown as LogOutput;
  const manager = { reloading: () => {}, ready: () => {} } as unknown as ServiceManager;
  let applied = 0;
  const goOn: (() => void)[] = [];
  const reloader = new Reloader(log, manager, 'running', async () => {
    await new Promise<void>((resolve) => goOn.push(resolve));
    applied++;
    return { applied: ['stats'], restart: [] };
  });
  for (let i = 0; i < 3; i++) reloader.request();
  goOn.shift()!();
  while (goOn.length === 0) await Promise.resolve();
  reloader.request();
  const ended = reloader.end();
  reloader.request();
  goOn.shift()!();
  await ended;
  reloader.request();
  expect(applied).toBe(2);
  expect(goOn).toEqual([]);
  expect(lines).toEqual(['SIGHUP: changed stats', 'SIGHUP: changed stats']);
});
