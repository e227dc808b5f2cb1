import { expect, it } from 'vitest';
import { BATCH_ROWS, FlowBatch } from '../../../src/flow/batch.ts';
import type { FlowConsumer } from '../../../src/flow/consumer.ts';
import { expireAll } from '../../../src/pipeline/export/expire-all.ts';
import { FlowOutput } from '../../../src/pipeline/flow-output.ts';
import { collecting, type TestPacket } from '../../cache/packets.ts';

it('a full cache leaves whole through a live output with a slow consumer', async () => {
  const flows = 8 * BATCH_ROWS;
  let taken = 0;
  const slow: FlowConsumer = {
    async write(batch) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      taken += batch.rows;
    },
    close: async () => {},
  };
  const output = new FlowOutput({ destinations: [{ name: 'counter', consumer: slow }], dropWhenFull: true });
  const { cache, add } = collecting({
    maxFlows: flows,
    sink: output.write,
    acquire: () => new FlowBatch(BATCH_ROWS),
  });
  for (let first = 0; first < flows; first += BATCH_ROWS) {
    const packets = Array.from({ length: BATCH_ROWS }, (_, i): TestPacket => {
      const number = first + i;
      return { timeUs: 1.7e15, src: [0, 0, 0xffff, number], hash: Math.imul(number, 0x9e3779b1) };
    });
    add(...packets.slice(0, BATCH_ROWS / 2));
    add(...packets.slice(BATCH_ROWS / 2));
  }
  expect(await expireAll(cache, output)).toBe(flows);
  await output.close();
  expect([taken, output.lostFlows]).toEqual([flows, 0]);
}, 30_000);
