import { existsSync, readdirSync } from 'node:fs';
import { FlowBatch } from '../../src/flow/batch.ts';
import { FlowStore, type FlowStoreOptions } from '../../src/store/flow-store.ts';
import { chooseSegments } from '../../src/store/segment-files.ts';
import type { EndedSlot } from '../../src/store/slot-sealer.ts';
import { query } from './query-files.ts';

export const START_MS = Date.UTC(2026, 10, 20, 10, 0, 0);
export const DAY = '2026/11/20';

export interface Flow {
  id: number;
  receivedMs?: number;
  proto?: number;
  octets?: number;
  srcAs?: number;
}

export function batchOf(flows: Flow[]): FlowBatch {
  const batch = new FlowBatch(Math.max(1, flows.length));
  for (const [row, flow] of flows.entries()) {
    batch.use('receivedMs')[row] = flow.receivedMs ?? START_MS;
    batch.use('firstMs')[row] = (flow.receivedMs ?? START_MS) - 1000;
    batch.use('lastMs')[row] = flow.receivedMs ?? START_MS;
    batch.use('flowId')[row * 2] = flow.id;
    batch.use('proto')[row] = flow.proto ?? 6;
    batch.use('packets')[row * 2] = 2;
    batch.use('octets')[row * 2] = flow.octets ?? 100;
    if (flow.srcAs !== undefined) batch.use('srcAs')[row] = flow.srcAs;
  }
  batch.rows = flows.length;
  return batch;
}

export function many(from: number, count: number, more: Partial<Flow> = {}): Flow[] {
  return Array.from({ length: count }, (_, index) => ({ id: from + index, ...more }));
}

/** A live store whose clock stands where the test puts it, and whose flush happens when the test says. */
export async function liveStore(directory: string, options: Partial<FlowStoreOptions> = {}) {
  const clock = { nowMs: START_MS };
  const ended: EndedSlot[] = [];
  const messages: string[] = [];
  const store = await FlowStore.open({
    directory,
    mode: 'live',
    flushMs: 5,
    now: () => clock.nowMs,
    onSlotEnd: (slot) => ended.push(slot),
    log: (message) => messages.push(message),
    ...options,
  });
  return { store, clock, ended, messages };
}

export async function ids(directory: string): Promise<number[]> {
  const paths = (await chooseSegments({ range: directory })).map((file) => file.path);
  if (paths.length === 0) return [];
  return (await query('select flow_id from files order by 1', paths)).map(([id]) => Number(id));
}

export const visible = (directory: string) =>
  existsSync(directory)
    ? readdirSync(directory)
        .filter((name) => !name.startsWith('.'))
        .sort()
    : [];
