import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { ShardReply, ShardRequest, ShardSetup } from './shard.ts';

/** The way to one shard: every request gets one reply, in turn. */
export interface ShardLink {
  send(request: ShardRequest): void;
  close(): Promise<void>;
}

export interface ShardEvents {
  reply(reply: ShardReply): void;
  /** There will be no more replies. */
  failed(error: Error): void;
}

export type OpenShard = (setup: ShardSetup, events: ShardEvents) => ShardLink;

/** A shard in a thread of its own. Built or not, the file that it begins with stands beside this one (scripts/build.mjs). */
export function openShardThread(setup: ShardSetup, events: ShardEvents): ShardLink {
  const file = new URL(`./shard-thread${extname(import.meta.url)}`, import.meta.url);
  const worker = new Worker(file, { workerData: setup, name: `weir shard ${setup.shard}` });
  let isClosing = false;
  worker.on('message', (reply: ShardReply) => events.reply(reply));
  worker.on('error', (error) => events.failed(error));
  worker.on('exit', (code) => {
    if (!isClosing) events.failed(new Error(`worker ${setup.shard + 1} of the flow cache ended with status ${code}`));
  });
  return {
    send: (request) => worker.postMessage(request),
    close: async () => {
      isClosing = true;
      await worker.terminate();
    },
  };
}
