import { expect, it } from 'vitest';
import { startCollector } from '../support/collector.ts';
import { netflow5 } from '../support/netflow5.ts';
import { describeWith, tempDir, weir } from '../support/process.ts';
import { countRows, segmentFiles } from '../support/segments.ts';
import { drained, freeUdpPort, sendDatagrams, UdpTap } from '../support/udp.ts';

describeWith(['weir'], 'weir collect -R', () => {
  it('sends every datagram on as it came, also what is no flow export, and stores as before', async () => {
    const directory = tempDir('repeat');
    const [first, second] = [await UdpTap.open(), await UdpTap.open()];
    const port = await freeUdpPort();
    const collector = await startCollector(
      ['-w', directory, '-R', `127.0.0.1/${first.port}`, '-R', `127.0.0.1/${second.port}`],
      port,
    );
    const sent = Array.from({ length: 200 }, (_, i) => netflow5(1 + (i % 30), i * 30));
    sent.push(Buffer.from('this is no flow export'), Buffer.alloc(0));
    await sendDatagrams(sent, port);
    await drained(port);
    expect((await collector.stop()).status, collector.output).toBe(0);
    for (const tap of [first, second]) expect(await tap.close()).toEqual(sent);
    const flows = sent.slice(0, 200).reduce((sum, datagram) => sum + datagram.readUInt16BE(2), 0);
    expect(await countRows(segmentFiles(directory))).toBe(flows);
    expect(collector.output).toContain(`202 datagrams repeated to 127.0.0.1:${first.port}`);
  });

  it('to a collector that is not there costs a line', async () => {
    const directory = tempDir('repeat-nowhere');
    const [port, nowhere] = [await freeUdpPort(), await freeUdpPort()];
    const collector = await startCollector(['-w', directory, '-R', `127.0.0.1/${nowhere}`], port);
    await sendDatagrams(
      Array.from({ length: 10 }, (_, i) => netflow5(30, i * 30)),
      port,
    );
    await drained(port);
    expect((await collector.stop()).status, collector.output).toBe(0);
    expect(await countRows(segmentFiles(directory))).toBe(300);
    expect(collector.output).toMatch(new RegExp(`datagrams to 127\\.0\\.0\\.1:${nowhere} failed`));
  });

  it('refuses a name that cannot be and more than eight', async () => {
    // No name server is asked.
    const refused = await weir(['collect', '-w', tempDir('repeat-bad'), '-p', '0', '-R', 'collector..invalid/9995']);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/collector\.\.invalid:9995: the host name does not resolve/);
    const nine = Array.from({ length: 9 }, (_, i) => ['-R', `127.0.0.1/${9000 + i}`]).flat();
    expect((await weir(['collect', '-w', tempDir('repeat-many'), ...nine])).stderr).toMatch(/-R: at most 8/);
  });
});
