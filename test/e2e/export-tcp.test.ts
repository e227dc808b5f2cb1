import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Walker } from '../export/walk.ts';
import { describeWith, ROOT, weir, weirOk } from '../support/process.ts';
import { UdpTap } from '../support/udp.ts';

const DEMO = join(ROOT, 'pcaps/demo.pcap');

describeWith(['weir'], 'weir export to tcp://', () => {
  it('sends IPFIX, beside a collector over UDP', async () => {
    const chunks: Buffer[] = [];
    const server = createServer((socket) => socket.on('data', (data: Buffer) => chunks.push(data)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const tap = await UdpTap.open();
    await weirOk(['export', '-r', DEMO, '-q', '-n', `tcp://127.0.0.1:${port}`, '-n', `127.0.0.1:${tap.port}`]);
    server.close();
    await once(server, 'close');
    const stream = Buffer.concat(chunks);
    const byTcp = new Walker();
    let flows = 0;
    for (let at = 0; at < stream.length; at += stream.readUInt16BE(at + 2)) {
      const message = byTcp.walk(stream.subarray(at, at + stream.readUInt16BE(at + 2)));
      expect(message.version).toBe(10);
      flows += message.flows.length;
    }
    expect(flows).toBe(810);
    const byUdp = new Walker();
    const datagrams = await tap.close();
    expect(datagrams.reduce((sum, datagram) => sum + byUdp.walk(datagram).flows.length, 0)).toBe(810);
  });

  it('says when nobody is there, and that v5 cannot', async () => {
    const gone = await weir(['export', '-r', DEMO, '-q', '-n', 'tcp://127.0.0.1:1']);
    expect(gone.status).toBe(1);
    expect(gone.stderr).toMatch(/^weir: tcp:\/\/127\.0\.0\.1:1: cannot connect: .*\n$/);
    const v5 = await weir(['export', '-r', DEMO, '-q', '-v', '5', '-n', 'tcp://127.0.0.1:1']);
    expect(v5.stderr).toMatch(/v5 goes over UDP only/);
  });
});
