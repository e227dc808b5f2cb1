import { expect, it } from 'vitest';
import { netflow5 } from '../support/netflow5.ts';
import { Daemon, describeWith, sleep, tempDir } from '../support/process.ts';
import { parquet, query, segmentFiles } from '../support/segments.ts';
import { freeUdpPort, kernelQueue, sendDatagrams } from '../support/udp.ts';

/** Slots of a second that end while datagrams come; WEIR_ROTATIONS asks for more. */
const ROTATIONS = Number(process.env['WEIR_ROTATIONS'] ?? 6);
const BURST = 32;

describeWith(['weir'], 'rotation', () => {
  it(
    `${ROTATIONS} times under load loses no flow and no slot`,
    async () => {
      const directory = tempDir('rotations');
      const port = await freeUdpPort();
      const collector = Daemon.weir(['collect', '-b', '127.0.0.1', '-p', String(port), '-w', directory, '-t', '1']);
      await collector.until('listening', () => kernelQueue(port).listeners > 0);
      let flows = 0;
      for (const begin = Date.now(); Date.now() - begin < (ROTATIONS + 1) * 1000; await sleep(1)) {
        await sendDatagrams(
          Array.from({ length: BURST }, (_, i) => netflow5(30, flows + i * 30)),
          port,
        );
        flows += BURST * 30;
      }
      expect(kernelQueue(port).drops).toBe(0);
      expect((await collector.stop()).status, collector.output).toBe(0);

      const files = segmentFiles(directory);
      expect(files.length).toBeGreaterThan(ROTATIONS);
      const [sums] = await query(`SELECT count(*) AS n, sum(packets) AS p, sum(octets) AS o FROM ${parquet(files)}`);
      expect([Number(sums!['n']), Number(sums!['p']), Number(sums!['o'])]).toEqual([flows, flows, flows * 100]);
      expect(collector.output).toContain(`${flows} flows stored`);
    },
    (ROTATIONS + 60) * 1000,
  );
});
