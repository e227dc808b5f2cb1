/** Where a worker thread of the flow cache begins. */
import { parentPort, workerData } from 'node:worker_threads';
import { addon } from '../addon/addon.ts';
import { Shard, type ShardRequest, type ShardSetup } from './shard.ts';

const shard = new Shard(workerData as ShardSetup, (bytes) => addon().allocateHuge(bytes));
parentPort!.on('message', (request: ShardRequest) => parentPort!.postMessage(shard.handle(request)));
