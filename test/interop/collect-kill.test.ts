import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { startCollector } from '../support/collector.ts';
import { netflow5 } from '../support/netflow5.ts';
import { type Daemon, describeWith, sleep, tempDir } from '../support/process.ts';
import { countRows, segmentFiles } from '../support/segments.ts';
import { drained, freeUdpPort, sendDatagrams } from '../support/udp.ts';

/** What a collector may lose: one flush interval, and what this machine needs to get round to a flush. */
const FLUSH_MS = 2000;
const SLACK_MS = 1000;

describeWith(['weir'], 'kill -9 of a collector', () => {
  it('under load loses at most the last flush interval; the next start makes the file of the interval whole', async () => {
    const directory = tempDir('kill-load');
    const port = await freeUdpPort();
    const first = await collectorOf(directory, port);
    const sent: { ms: number; flows: number }[] = [];
    let flows = 0;
    for (const begin = Date.now(); Date.now() - begin < 3 * (FLUSH_MS + SLACK_MS); await sleep(10)) {
      const burst = Array.from({ length: 16 }, (_, i) => netflow5(30, flows + i * 30));
      await sendDatagrams(burst, port);
      flows += 16 * 30;
      sent.push({ ms: Date.now(), flows });
    }
    const killedMs = Date.now();
    expect((await first.stop('SIGKILL')).signal).toBe('SIGKILL');

    const safe = sent.findLast(({ ms }) => ms < killedMs - FLUSH_MS - SLACK_MS)!.flows;
    expect(safe).toBeGreaterThan(10_000);
    const kept = await countRows(segmentFiles(directory));
    expect(kept).toBeGreaterThanOrEqual(safe);
    expect(kept).toBeLessThanOrEqual(flows);
    for (const file of segmentFiles(directory)) expectWhole(file);

    const second = await collectorOf(directory, port);
    await sendDatagrams([netflow5(30, 0)], port);
    await drained(port);
    expect((await second.stop('SIGTERM')).status).toBe(0);
    expect(await countRows(segmentFiles(directory))).toBe(kept + 30);
    expect(segmentFiles(directory)).toHaveLength(1);
  });

  it('of a collector that gets a record now and then loses none that is older than a flush interval', async () => {
    const directory = tempDir('kill-idle');
    const port = await freeUdpPort();
    let kept = 0;
    for (let round = 0; round < 2; round++) {
      const collector = await collectorOf(directory, port);
      for (let record = 0; record < 2; record++) {
        await sendDatagrams([netflow5(1, record)], port);
        await sleep(FLUSH_MS + SLACK_MS);
        kept += 1;
        expect(await countRows(segmentFiles(directory))).toBe(kept);
      }
      await collector.stop('SIGKILL');
      expect(await countRows(segmentFiles(directory))).toBe(kept);
    }
    const last = await collectorOf(directory, port);
    expect((await last.stop('SIGTERM')).status).toBe(0);
    expect(await countRows(segmentFiles(directory))).toBe(kept);
    expect(segmentFiles(directory)).toHaveLength(1);
  });
});

/** One interval a day, so that none ends within the test. */
function collectorOf(directory: string, port: number): Promise<Daemon> {
  return startCollector(['-w', directory, '-t', '86400'], port);
}

/** A Parquet file that was written to its end begins and ends with the same four letters. */
function expectWhole(file: string): void {
  const bytes = readFileSync(file);
  expect([bytes.toString('latin1', 0, 4), bytes.toString('latin1', bytes.length - 4)], file).toEqual(['PAR1', 'PAR1']);
}
