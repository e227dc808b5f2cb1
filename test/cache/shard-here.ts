import { Shard, type ShardRequest } from '../../src/cache/shard.ts';
import type { OpenShard } from '../../src/cache/shard-link.ts';

/** A shard in this thread that answers some turns of the event loop after it was asked, and gets copies of all. */
export const openHere =
  (turns: number): OpenShard =>
  (setup, events) => {
    const shard = new Shard(structuredClone(setup), (bytes) => new Uint8Array(bytes));
    let last = Promise.resolve();
    const answer = async (request: ShardRequest) => {
      for (let turn = 0; turn < turns * (setup.shard % 3); turn++) await Promise.resolve();
      events.reply(structuredClone(shard.handle(request)));
    };
    return {
      send: (request) => {
        const copy = structuredClone(request);
        last = last.then(() => answer(copy)).catch((error) => events.failed(error));
      },
      close: () => last,
    };
  };
