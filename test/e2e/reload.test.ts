import { once } from 'node:events';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { messagesOf, Walker } from '../export/walk.ts';
import { rowsIn, sumOf } from '../support/collect-rows.ts';
import { startCollector } from '../support/collector.ts';
import { netflow5 } from '../support/netflow5.ts';
import { Daemon, describeWith, ROOT, tempDir } from '../support/process.ts';
import { segmentFiles } from '../support/segments.ts';
import { freeUdpPort, sendDatagrams, UdpTap } from '../support/udp.ts';

const DEMO = join(ROOT, 'pcaps/demo.pcap');

function packetsIn(datagrams: readonly Buffer[]): number {
  return sumOf(rowsIn(datagrams), 'packets');
}

describeWith(['weir'], 'SIGHUP', () => {
  it('weir export sends to other collectors with other timeouts, and no packet is lost between them', async () => {
    const taps = [await UdpTap.open(), await UdpTap.open()];
    const directory = tempDir('reload');
    const [config, log] = [join(directory, 'weir.yaml'), join(directory, 'weir.log')];
    const settings = (collector: number, inactive: number, more = '') =>
      `captures: ${DEMO}\nspeed: 4\nlog: ${log}\nactive: 2\ninactive: ${inactive}\n` +
      `collectors: [127.0.0.1:${taps[collector]!.port}]\n${more}`;
    writeFileSync(config, settings(0, 1));
    const daemon = Daemon.weir(['export', '--config', config]);
    const logged = () => readFileSync(log, 'utf8');
    const hangUp = async (message: string) => {
      daemon.child.kill('SIGHUP');
      await daemon.until(message, () => logged().includes(message));
    };
    await daemon.until('sending', () => taps[0]!.datagrams.length > 0);

    writeFileSync(config, settings(1, 1, 'actve: 7\n'));
    await hangUp(`SIGHUP: ${config}:7: there is no setting "actve": did you mean active?`);
    writeFileSync(config, settings(1, 1, 'domain: x\n'));
    await hangUp(`SIGHUP: ${config}:7: domain takes a whole number`);
    const before = taps[0]!.datagrams.length;
    await daemon.until('still sending to the first', () => taps[0]!.datagrams.length > before);
    expect(taps[1]!.datagrams).toEqual([]);

    renameSync(log, `${log}.1`);
    writeFileSync(config, settings(1, 2, 'max-flows: 1000\n'));
    daemon.child.kill('SIGHUP');
    await daemon.until('log again', () => {
      try {
        return logged().includes('SIGHUP: needs a restart: max-flows');
      } catch {
        return false;
      }
    });
    expect(logged()).toContain('SIGHUP: changed timeouts, collectors');
    await daemon.until('sending to the second', () => taps[1]!.datagrams.length > 2);
    const settled = taps[0]!.datagrams.length;
    const more = taps[1]!.datagrams.length;
    await daemon.until('sending on', () => taps[1]!.datagrams.length > more);
    expect(taps[0]!.datagrams.length).toBe(settled);

    expect((await daemon.stop()).status, daemon.output).toBe(0);
    const metered = Number(/, (\d+) metered/.exec(logged())?.[1]);
    const sent = await Promise.all(taps.map((tap) => tap.close()));
    // Each collector can read its stream from its own beginning.
    expect(sent.map(packetsIn).reduce((sum, packets) => sum + packets)).toBe(metered);
    expect(sent.map(packetsIn).every((packets) => packets > 0)).toBe(true);
  });

  it.each([
    ['', ''],
    [' by three workers', 'workers: 3\n'],
  ])('weir export%s changes templates in the sessions there are, and no packet is lost in between', async (_, more) => {
    const tap = await UdpTap.open();
    const chunks: Buffer[] = [];
    let connections = 0;
    const server = createServer((socket) => {
      connections++;
      socket.on('data', (data: Buffer) => chunks.push(data));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const directory = tempDir('reload-template');
    const [config, log] = [join(directory, 'weir.yaml'), join(directory, 'weir.log')];
    const settings = (template: string) =>
      `captures: ${DEMO}\nspeed: 4\nlog: ${log}\nactive: 2\ninactive: 1\nexport-version: 10\nprint: json\n` +
      `collectors: [127.0.0.1:${tap.port}, tcp://127.0.0.1:${port}]\n${more}${template}`;
    writeFileSync(config, settings(''));
    const daemon = Daemon.weir(['export', '--config', config]);
    const hangUp = async (message: string) => {
      daemon.child.kill('SIGHUP');
      await daemon.until(message, () => readFileSync(log, 'utf8').includes(message));
    };
    await daemon.until('sending', () => tap.datagrams.length > 0);
    // Link addresses are not in what is captured already.
    writeFileSync(config, settings('template: nfdump\n'));
    await hangUp('SIGHUP: needs a restart: template (packets are read without link addresses, ');
    writeFileSync(config, settings('fields: srcAddr,dstAddr,packets,minTtl\n'));
    await hangUp('SIGHUP: changed template');
    const before = tap.datagrams.length;
    await daemon.until('sending on', () => tap.datagrams.length > before + 2);
    expect((await daemon.stop()).status, daemon.output).toBe(0);
    const metered = Number(/, (\d+) metered/.exec(readFileSync(log, 'utf8'))?.[1]);
    server.close();
    await once(server, 'close');

    expect(connections).toBe(1);
    for (const messages of [await tap.close(), messagesOf(Buffer.concat(chunks))]) {
      const rows = rowsIn(messages);
      expect(sumOf(rows, 'packets')).toBe(metered);
      const withTtl = rows.filter(({ minTtl }) => Number(minTtl) > 0);
      expect(withTtl.length).toBeGreaterThan(2);
      expect(withTtl.every(({ proto }) => proto === 0)).toBe(true);
      expect(rows.every(({ proto, minTtl }) => Number(proto) > 0 || Number(minTtl) > 0)).toBe(true);
    }
    // Numbers go on, and over the connection the templates from before are withdrawn ahead of the others.
    const walker = new Walker();
    let sequence = 0;
    const announced: number[] = [];
    const withdrawn: number[] = [];
    for (const message of messagesOf(Buffer.concat(chunks)).map((bytes) => walker.walk(bytes))) {
      expect(message.sequence).toBe(sequence);
      sequence += message.flows.length + message.options.length;
      if (withdrawn.length === 0 && message.withdrawnIds.length > 0) {
        expect(new Set(message.withdrawnIds)).toEqual(new Set(announced));
      }
      announced.push(...message.templateIds);
      withdrawn.push(...message.withdrawnIds);
      expect(message.flows.some(({ templateId }) => withdrawn.includes(templateId))).toBe(false);
    }
    expect(withdrawn.length).toBeGreaterThan(0);

    const printed = daemon.output.split('\n').filter((line) => line.startsWith('{'));
    const flows = printed.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(flows.reduce((sum, flow) => sum + Number(flow['in_packets']), 0)).toBe(metered);
    const changedAt = flows.findIndex((flow) => 'ip_minttl' in flow);
    expect(changedAt).toBeGreaterThan(0);
    expect(flows.slice(changedAt).every((flow) => 'ip_minttl' in flow)).toBe(true);
  });

  it('weir collect repeats to others, and opens its log anew', async () => {
    const [port, tap] = [await freeUdpPort(), await UdpTap.open()];
    const directory = tempDir('reload-collect');
    const [config, log] = [join(directory, 'weir.yaml'), join(directory, 'weir.log')];
    writeFileSync(config, `directory: ${directory}/flows\nlog: ${log}\nlog-format: json\nflush: 100\n`);
    const collector = await startCollector(['--config', config], port);
    await sendDatagrams([netflow5(30, 0)], port);
    await collector.until('stored', () => segmentFiles(`${directory}/flows`).length > 0);
    renameSync(log, `${log}.1`);
    writeFileSync(
      config,
      `directory: ${directory}/elsewhere\nlog: ${log}\nlog-format: json\nflush: 100\nrepeat: [127.0.0.1:${tap.port}]\n`,
    );
    collector.child.kill('SIGHUP');
    const lines = () => {
      try {
        return readFileSync(log, 'utf8')
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as Record<string, string>);
      } catch {
        return [];
      }
    };
    await collector.until('reloaded', () => lines().length >= 2);
    expect(lines().map(({ level, message }) => `${level} ${message}`)).toEqual([
      'info SIGHUP: changed repeat',
      'warning SIGHUP: needs a restart: directory, sources, directory-by-exporter, ident',
    ]);
    await sendDatagrams([netflow5(30, 30)], port);
    await collector.until('repeated', () => tap.datagrams.length === 1);
    expect((await collector.stop()).status, collector.output).toBe(0);
    expect(lines().at(-1)).toMatchObject({ level: 'info', command: 'collect' });
    expect((await tap.close()).map((datagram) => datagram.readUInt32BE(16))).toEqual([30]);
  });

  it('without settings to read again it ends as a terminal that has gone', async () => {
    const daemon = Daemon.weir(['export', '-r', DEMO, '--speed', '1', '--active', '1', '-o', 'json']);
    await daemon.until('running', () => daemon.output.includes('{'));
    expect((await daemon.stop('SIGHUP')).status).toBe(0);
    expect(daemon.output).toContain('SIGHUP: sending the flows at hand');
  });
});
