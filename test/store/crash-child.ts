// Stores flows until it is killed. Arguments in the environment: DIRECTORY, FIRST_ID. Each flow has the next flow id;
// after each write the number of flows that are durable is printed.
import { writeSync } from 'node:fs';
import { FlowBatch } from '../../src/flow/batch.ts';
import { FlowStore } from '../../src/store/flow-store.ts';

const firstId = Number(process.env.FIRST_ID);
const store = await FlowStore.open({
  directory: process.env.DIRECTORY!,
  mode: 'live',
  intervalSeconds: 1,
  flushMs: 15,
  log: () => {},
});
writeSync(1, 'ready\n');
const batch = new FlowBatch(2000);
let id = firstId;
for (let round = 0; ; round++) {
  batch.reset();
  const ids = batch.use('flowId');
  const packets = batch.use('packets');
  // Now and then a column that no flow had before.
  if (round % 40 > 30) batch.use('srcAs')[0] = 1;
  batch.rows = round % 7 === 0 ? 2000 : 50;
  for (let row = 0; row < batch.rows; row++) {
    ids[row * 2] = id++;
    packets[row * 2] = 1;
  }
  await store.write(batch);
  writeSync(1, `${store.storedFlows}\n`);
  await new Promise((resolve) => setTimeout(resolve, 3));
}
