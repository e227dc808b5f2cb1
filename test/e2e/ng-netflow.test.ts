import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWith, ROOT, tempDir, weirOk } from '../support/process.ts';
import { FORWARDED, OWN, RECEIVED, RouterLab, type Seen } from '../support/router-lab.ts';
import { query, segmentFiles } from '../support/segments.ts';
import { UdpTap } from '../support/udp.ts';

const DEMO = join(ROOT, 'pcaps/demo.pcap');

/** The rows of docs/ng_netflow.md that a router in network namespaces can show. */
describeWith(['weir', 'root', 'ip'], 'setconfig of ng_netflow, on a router', () => {
  const lab = new RouterLab();
  beforeAll(() => lab.build(), 30_000);
  afterAll(() => lab.remove());

  const brief = ({ kind, in: from, out, direction, packets }: Seen) => [kind, from, out, direction, packets];
  const both = (words: string) => ['-i', `r0:${words}`, '-i', `r1:${words}`];

  const ingressOnce = ['forwarded', 'r0', 'r1', 0, FORWARDED];
  const egressAgain = ['forwarded', '0', 'r1', 1, FORWARDED];
  const received = ['received', 'r0', '0', 0, RECEIVED];
  const own = ['own', '0', 'r1', 1, OWN];

  it.each([
    ['conf=7', [ingressOnce, received, own], new RegExp(`${FORWARDED} packets counted before`)],
    ['ingress,egress,once', [ingressOnce, received, own], /counted before on another interface/],
    ['thisonce', [ingressOnce, received, own], /counted before on another interface/],
    ['conf=3', [ingressOnce, egressAgain, received, own], / 52 metered/],
    ['conf=1', [ingressOnce, received], new RegExp(`${FORWARDED + OWN} packets of a direction that is not accounted`)],
    ['conf=2', [egressAgain, own], new RegExp(`${FORWARDED + RECEIVED} packets of a direction that is not accounted`)],
  ] as const)('%s', async (words, expected, message) => {
    const { seen, log } = await lab.account(both(words));
    expect(seen.map(brief)).toEqual(expected);
    expect(log).toMatch(message);
  });

  it('once on one interface, not on the other: counted on both', async () => {
    const { seen } = await lab.account(['-i', 'r0:conf=7', '-i', 'r1:conf=3']);
    expect(seen.map(brief)).toEqual([ingressOnce, egressAgain, received, own]);
  });

  it('routes: masks, next hop and output interface; nosrclookup and nodstlookup leave them out', async () => {
    const routed = (seen: Seen[]) =>
      seen
        .filter(({ kind }) => kind === 'forwarded')
        .map(({ out, srcMask, dstMask, nextHop }) => [out, srcMask, dstMask, nextHop]);
    const asked = async (words: string) => routed((await lab.account(both(words))).seen);
    expect(await asked('conf=7')).toEqual([['r1', 24, 16, '10.2.0.2']]);
    expect(await asked('conf=23')).toEqual([['r1', 0, 16, '10.2.0.2']]);
    expect(await asked('conf=39')).toEqual([['0', 24, 0, '::']]);
    expect(await asked('once,nosrclookup,nodstlookup')).toEqual([['0', 0, 0, '::']]);
  });

  it('setifindex: index=N, of packets and of routes', async () => {
    const { seen } = await lab.account(['-i', 'r0:conf=7,index=77', '-i', 'r1:conf=7,index=88']);
    expect(seen.map(({ kind, in: from, out }) => [kind, from, out])).toEqual([
      ['forwarded', '77', '88'],
      ['received', '77', '0'],
      ['own', '0', '88'],
    ]);
  });

  it('a filter of one interface', async () => {
    const { seen } = await lab.account(['-i', 'r0:filter=dst port 4000', '-i', 'r1:filter=dst port 4002']);
    expect(seen.map(brief)).toEqual([ingressOnce, own]);
  });

  it('info and ifinfo: SIGUSR1 tells of each interface', async () => {
    const log = await lab.export(['-i', 'r0', '-i', 'r1', '-o', 'csv', 'udp'], async (daemon) => {
      await lab.send();
      daemon.child.kill('SIGUSR1');
      await daemon.until('told', () => daemon.output.includes('at hand'));
    });
    expect(log).toContain(`r0: ${FORWARDED + RECEIVED} packets in`);
    expect(log).toContain(`r1: ${FORWARDED + OWN} packets in`);
    expect(log).toMatch(/\d+ flows? at hand, \d+ since the start/);
  });

  it('info, ifinfo, show and settimeouts: weir ctl', async () => {
    const socket = join(tempDir('info'), 'control');
    const ctl = (...args: string[]) => weirOk(['ctl', '-s', socket, ...args]);
    await lab.export(['-i', 'r0', '-i', 'r1', '-o', 'csv', '--control', socket, 'udp'], async () => {
      await lab.send();
      const [atR0, atR1] = [FORWARDED + RECEIVED, FORWARDED + OWN];
      const { packets, cache } = JSON.parse(await ctl('statistics', '--json'));
      expect([packets.packets, cache.packets, cache.active > 0]).toEqual([atR0 + atR1, atR0 + atR1, true]);
      expect([cache.octets > 28 * cache.packets, cache.endedBy.length]).toEqual([true, 6]);
      const { inputs } = JSON.parse(await ctl('status', '--json'));
      expect(inputs).toMatchObject([
        { name: 'r0', packets: atR0, dropped: 0 },
        { name: 'r1', packets: atR1, dropped: 0 },
      ]);
      const shown = (await ctl('flows', 'json')).trimEnd().split('\n');
      const flows = shown.map((line) => JSON.parse(line) as { in_packets: number });
      expect(flows.reduce((sum, flow) => sum + flow.in_packets, 0)).toBe(atR0 + atR1);
      expect(await ctl('timeouts', 'general=15', 'maxlife=1800')).toMatch(/general {2}15 s\n(.*\n)*maxlife {2}1800 s/);
    });
  });
});

describeWith(['weir'], 'other messages of ng_netflow', () => {
  it('v9info and settemplate: the plan has templates and their refresh', async () => {
    const options = ['--template', 'ng_netflow', '--refresh-seconds', '600', '--refresh-packets', '500'];
    const plan = await weirOk(['export', '-r', DEMO, '-n', '127.0.0.1:9', ...options, '--dry-run']);
    expect(plan).toContain('templates again each 600 s or 500 datagrams');
    expect(plan).toContain('template 256 (IPv4');
    expect(plan).toContain('template 259 (IPv6');
  });

  it('settimeouts: a gap longer than --inactive makes two flows', async () => {
    const flows = async (inactive: string) => {
      const store = tempDir('timeouts');
      await weirOk(['export', '-r', DEMO, '-q', '-w', store, '--inactive', inactive, '--active', '1800']);
      const [row] = await query(`SELECT count(*) AS n FROM read_parquet('${segmentFiles(store)[0]}')`);
      return Number(row!['n']);
    };
    expect(await flows('1')).toBeGreaterThan(await flows('15'));
  });

  it('setmtu: --mtu bounds every datagram', async () => {
    const tap = await UdpTap.open();
    await weirOk(['export', '-r', DEMO, '-q', '-n', `127.0.0.1:${tap.port}`, '--mtu', '600']);
    const sizes = (await tap.close()).map(({ length }) => length);
    expect(sizes.length).toBeGreaterThan(1);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(600);
    expect(Math.max(...sizes)).toBeGreaterThan(500);
  });

  it('setdlt: link types tell themselves', async () => {
    // The same IP packets behind Ethernet and as they are.
    const ethernet = readFileSync(join(ROOT, 'pcaps/tcp.pcap'));
    const raw = withoutEthernet(ethernet);
    const directory = tempDir('dlt');
    writeFileSync(join(directory, 'raw.pcap'), raw);
    const flows = (file: string) => weirOk(['export', '-r', file, '-q', '-o', 'csv']);
    expect(await flows(join(directory, 'raw.pcap'))).toBe(await flows(join(ROOT, 'pcaps/tcp.pcap')));
  });
});

describe('docs/ng_netflow.md', () => {
  it('has every message and every bit', () => {
    const text = readFileSync(join(ROOT, 'docs/ng_netflow.md'), 'utf8');
    const messages = ['info', 'ifinfo', 'setdlt', 'setifindex', 'settimeouts', 'setconfig', 'settemplate', 'setmtu'];
    for (const message of [...messages, 'v9info', 'show']) expect(text).toContain(`| \`${message}`);
    for (const bit of [1, 2, 4, 8, 16, 32]) expect(text).toMatch(new RegExp(`^\\| ${bit} \\|`, 'm'));
  });
});

/** A little-endian pcap of Ethernet frames with IPv4 inside, as one of raw IP packets. */
function withoutEthernet(pcap: Buffer): Buffer {
  const header = Buffer.from(pcap.subarray(0, 24));
  header.writeUInt32LE(101, 20);
  const parts: Uint8Array[] = [header];
  for (let at = 24; at < pcap.length; ) {
    const captured = pcap.readUInt32LE(at + 8);
    const record = Buffer.from(pcap.subarray(at, at + 16));
    record.writeUInt32LE(captured - 14, 8);
    record.writeUInt32LE(pcap.readUInt32LE(at + 12) - 14, 12);
    parts.push(record, pcap.subarray(at + 16 + 14, at + 16 + captured));
    at += 16 + captured;
  }
  return Buffer.concat(parts);
}
