import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Walker } from '../export/walk.ts';
import { add, rowCollector } from '../support/collect-rows.ts';
import { describeWith, ROOT, sleep, tempDir, weir, weirOk } from '../support/process.ts';
import { parquet, query, segmentFiles } from '../support/segments.ts';
import { drained, UdpTap } from '../support/udp.ts';

const DEMO = join(ROOT, 'pcaps/demo.pcap');

async function exported(args: readonly string[], collectors = 1): Promise<Buffer[][]> {
  const taps = await Promise.all(Array.from({ length: collectors }, () => UdpTap.open()));
  const to = taps.flatMap((tap) => ['-n', `127.0.0.1:${tap.port}`]);
  await weirOk(['export', '-r', DEMO, '-q', '--mtu', '1200', ...to, ...args]);
  return Promise.all(taps.map((tap) => tap.close()));
}

function packetsOf(datagrams: readonly Buffer[]): { flows: number; packets: number } {
  const { collector, rows } = rowCollector();
  for (const payload of datagrams) add(collector, { payload });
  collector.flush();
  const packets = rows.reduce((sum, row) => sum + Number(row['packets']), 0);
  return { flows: rows.length, packets };
}

describeWith(['weir'], 'options of weir export', () => {
  it('--template sends the fields of the preset under its known numbers', async () => {
    const [datagrams] = await exported(['--template', 'ng_netflow']);
    const walker = new Walker();
    const ids = new Set(datagrams!.flatMap((datagram) => walker.walk(datagram).templateIds));
    expect([...ids].sort()).toEqual([256, 259]);
  });

  it.each([
    [[], ['4', '5', '7', '8', '10', '11', '12', '14', '60']],
    [['--biflow'], ['4', '7', '8', '10', '11', '12', '14', '60']],
    [
      ['--track', 'ip'],
      ['8', '12', '60'],
    ],
    [
      ['--track', 'proto,tos'],
      ['4', '5', '8', '12', '60'],
    ],
  ])('the flow key of %j is told in options data', async (args, expected) => {
    const [datagrams] = await exported(['-v', '10', ...args]);
    const walker = new Walker();
    const messages = datagrams!.map((datagram) => walker.walk(datagram));
    const [told] = messages[0]!.options.filter(({ values }) => values.has('173'));
    const id = Number(told!.values.get('scope145'));
    const record = messages.flatMap(({ flows }) => flows).find(({ templateId }) => templateId === id);
    const names = [...record!.values.keys()].filter((_, i) => (told!.values.get('173')! >> BigInt(i)) & 1n);
    expect(names.sort((a, b) => Number(a) - Number(b))).toEqual(expected);
  });

  it('--refresh-packets sends templates again after so many datagrams', async () => {
    const walker = new Walker();
    const [datagrams] = await exported(['--refresh-packets', '5', '--refresh-seconds', '86400']);
    const announcing = datagrams!.filter((datagram) => walker.walk(datagram).templateIds.length > 0).length;
    expect(announcing).toBeGreaterThanOrEqual(Math.floor(datagrams!.length / 8));
    const [seldom] = await exported(['--refresh-packets', '1000000', '--refresh-seconds', '86400']);
    const once = new Walker();
    expect(seldom!.filter((datagram) => once.walk(datagram).templateIds.length > 0).length).toBeLessThan(announcing);
  });

  it('--if-name stands in options data', async () => {
    const walker = new Walker();
    const [datagrams] = await exported(['--if-name', '7=uplink']);
    const options = datagrams!.flatMap((datagram) => walker.walk(datagram).options);
    const named = options.find(({ values }) => values.get('10') === 7n);
    expect(named?.values.get('82')).toBe(BigInt(`0x${Buffer.from('uplink').toString('hex')}`));
  });

  it.each(['5', '9', '10'])(
    '--balance: every flow goes to one collector, and each can read its stream (v%s)',
    async (version) => {
      const [all] = await exported(['-v', version]);
      const shares = await exported(['-v', version, '--balance'], 3);
      const whole = packetsOf(all!);
      const parts = shares.map(packetsOf);
      expect(parts.reduce((sum, part) => sum + part.packets, 0)).toBe(whole.packets);
      expect(parts.reduce((sum, part) => sum + part.flows, 0)).toBe(whole.flows);
      for (const part of parts) expect(part.flows).toBeGreaterThan(whole.flows / 6);
      // Sequences of their own: nothing seems lost.
      for (const share of shares) {
        const walker = new Walker();
        let next = 0;
        for (const datagram of share) {
          const message = walker.walk(datagram);
          expect(message.sequence).toBe(next);
          next += version === '9' ? 1 : message.flows.length + (version === '10' ? message.options.length : 0);
        }
      }
    },
  );

  it.each([
    ['10', 10],
    ['10:random', 10],
  ])('--sampling %s meters one packet of ten and says so everywhere', async (sampling, rate) => {
    const { packets } = packetsOf((await exported([]))[0]!);
    const store = tempDir('sampling');
    const [v9] = await exported(['--sampling', sampling, '-w', store]);
    const sampled = packetsOf(v9!).packets;
    expect(Math.abs(sampled - packets / rate)).toBeLessThanOrEqual(Math.max(1, packets * 0.002));
    const walker = new Walker();
    const options = v9!.flatMap((datagram) => walker.walk(datagram).options);
    expect(options.find(({ values }) => values.has('34'))?.values.get('34')).toBe(BigInt(rate));
    expect(await query(`SELECT DISTINCT sampling FROM read_parquet('${store}/**/*.parquet')`)).toEqual([
      { sampling: rate },
    ]);
    const [v5] = await exported(['--sampling', sampling, '-v', '5']);
    const mode = sampling.endsWith('random') ? 2 : 1;
    for (const datagram of v5!) expect(datagram.readUInt16BE(22)).toBe((mode << 14) | rate);
    // Chance is seeded: the same capture gives the same flows.
    expect(packetsOf((await exported(['--sampling', sampling]))[0]!)).toEqual(packetsOf(v9!));
  });

  it('--when-full ignore meters no new flows at --max-flows, and counts what it leaves out', async () => {
    const run = (...args: string[]) =>
      weir(['export', '-r', DEMO, '-w', tempDir('full'), '--max-flows', '16', ...args]);
    const all = (await run()).stderr;
    const [, read = '', octets = ''] = /, (\d+) metered \((\d+) IP octets\)/.exec(all) ?? [];
    expect(all).toMatch(/\d+ cache full/);
    const store = tempDir('ignored');
    const { status, stderr } = await run('--when-full', 'ignore', '-w', store);
    const [, metered = '', meteredOctets = ''] = /, (\d+) metered \((\d+) IP octets\)/.exec(stderr) ?? [];
    const [, ignored = '', ignoredOctets = ''] =
      /(\d+) packets not metered \((\d+) IP octets\): --max-flows flows were held/.exec(stderr) ?? [];
    expect(status).toBe(0);
    expect(stderr).not.toContain('cache full');
    expect(Number(ignored)).toBeGreaterThan(0);
    expect(Number(metered) + Number(ignored)).toBe(Number(read));
    expect(Number(meteredOctets) + Number(ignoredOctets)).toBe(Number(octets));
    expect(
      await query(
        `SELECT sum(packets)::BIGINT AS packets, sum(octets)::BIGINT AS octets FROM ${parquet(segmentFiles(store))}`,
      ),
    ).toEqual([{ packets: BigInt(metered), octets: BigInt(meteredOctets) }]);
  });

  it('-o has the fields of the template', async () => {
    const printed = await weirOk(['export', '-r', DEMO, '-q', '-o', 'json', '--template', 'full']);
    const flows = printed
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(flows.length).toBeGreaterThan(0);
    for (const flow of flows) expect(Number(flow['ip_minttl'])).toBeGreaterThan(0);
    expect(flows.some((flow) => /[1-9a-f]/.test(String(flow['in_src_mac'])))).toBe(true);
  });

  it('--source-address is where datagrams come from', async () => {
    const socket = createSocket('udp4');
    const senders = new Set<string>();
    socket.on('message', (_, { address }) => senders.add(address));
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const to = `127.0.0.1:${socket.address().port}`;
    await weirOk(['export', '-r', DEMO, '-q', '-n', to, '--source-address', '127.0.0.9']);
    await drained(socket.address().port);
    await sleep(50);
    socket.close();
    expect([...senders]).toEqual(['127.0.0.9']);
  });
});
