import { expect, it } from 'vitest';
import { startCollector } from '../support/collector.ts';
import { netflow5 } from '../support/netflow5.ts';
import { describeWith, tempDir, weirOk } from '../support/process.ts';
import { segmentFiles } from '../support/segments.ts';
import { freeUdpPort, sendDatagrams } from '../support/udp.ts';

describeWith(['weir'], 'the log lines of a slot', () => {
  it('have the figures of nfcapd, and -I has its sequence errors', async () => {
    const directory = tempDir('slot-line');
    const port = await freeUdpPort();
    const collector = await startCollector(['-w', directory, '-I', 'edge'], port);
    // 30 flows each: one datagram is missing, then comes late; and one comes twice. Of one time: what was sent later cannot be late.
    const nowMs = Date.now();
    const sent = [0, 30, 90, 60, 120, 120].map((sequence) => netflow5(30, sequence, nowMs));
    await sendDatagrams([...sent, Buffer.alloc(100)], port);
    expect((await collector.stop()).status).toBe(0);
    expect(collector.output).toMatch(
      /Ident: 'edge' Flows: 180, Packets: 180, Bytes: 18000, Sequence Errors: 3, Lost: 0 datagrams 0 records, Bad Packets: 1, File: /,
    );
    expect(collector.output).toMatch(
      /Total packets received: 7, avg: \d+\/s, ignored packets: 0, dropped by the kernel: 0, in our queues: 0\n/,
    );
    const files = segmentFiles(directory);
    expect(files).toHaveLength(1);
    expect(await weirOk(['dump', '-r', files[0]!, '-I'])).toContain('Sequence failures: 3\n');
  });
});
