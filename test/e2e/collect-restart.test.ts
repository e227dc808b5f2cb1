import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startCollector } from '../support/collector.ts';
import { concat, ipfixMessage, uint } from '../support/flow-datagrams.ts';
import { describeWith, tempDir } from '../support/process.ts';
import { readSegments } from '../support/segments.ts';
import { drained, freeUdpPort, sendDatagrams } from '../support/udp.ts';

const nowSeconds = () => Math.floor(Date.now() / 1000);
const fields = [
  [8, 4],
  [12, 4],
  [2, 4],
] as const;
const template = Buffer.from(ipfixMessage({ templates: [{ id: 300, fields }], exportSeconds: nowSeconds() }));
const dataOf = (packets: number) =>
  Buffer.from(
    ipfixMessage({
      exportSeconds: nowSeconds(),
      data: [{ id: 300, bytes: concat(uint(0xc0000201, 4), uint(0xc6336401, 4), uint(packets, 4)) }],
    }),
  );

describeWith(['weir'], 'a collector that starts again', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'decodes at once what the one before had templates for (%s)',
    async (signal) => {
      const directory = tempDir('restart');
      const state = join(directory, '.weir.templates.json');
      const port = await freeUdpPort();
      const first = await startCollector(['-w', directory], port);
      await sendDatagrams([template], port);
      await drained(port);
      if (signal === 'SIGKILL') await first.until('written down', () => textOf(state).includes('"definition"'));
      await first.stop(signal);

      const second = await startCollector(['-w', directory], port);
      await sendDatagrams([dataOf(5)], port);
      await drained(port);
      expect((await second.stop()).status, second.output).toBe(0);
      expect(second.output).not.toMatch(/before their template/);
      expect((await readSegments(directory)).map(({ packets, src }) => [src, packets])).toEqual([['192.0.2.1', 5]]);

      // And the run after that, which heard no template either.
      const third = await startCollector(['-w', directory], port);
      await sendDatagrams([dataOf(6)], port);
      await drained(port);
      await third.stop();
      expect((await readSegments(directory)).map(({ packets }) => packets).sort()).toEqual([5, 6]);
    },
  );

  it('goes on without a state that it cannot read, and says so', async () => {
    const directory = tempDir('restart-bad');
    const port = await freeUdpPort();
    writeFileSync(join(directory, '.weir.templates.json'), '{"schema": 1, "exporters": [');
    const collector = await startCollector(['-w', directory, '-q'], port);
    await sendDatagrams([template, dataOf(7)], port);
    await drained(port);
    expect((await collector.stop()).status, collector.output).toBe(0);
    expect(collector.output).toMatch(/\.weir\.templates\.json is not used: .*JSON/);
    expect(await readSegments(directory)).toHaveLength(1);
  });
});

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
