/** IPFIX over TCP as Wireshark sees it on the wire: segments put together, messages cut by their length, records added up. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { bundledCaptures, inPairs, sharedCaptures } from '../support/captures.ts';
import { meter } from '../support/flow-meter.ts';
import { Daemon, describeWith, runOk, sleep, tempDir, weir } from '../support/process.ts';
import { packetsByTshark } from '../support/tshark-meter.ts';

/** Tunnels, VLANs, both families, fragments, many flows, few flows. */
const OF_OTHERS = [
  'mix-ndpi-a.pcap',
  'ndpi-443-firefox.pcap',
  'ndpi-6in4tunnel.pcap',
  'ndpi-bot.pcap',
  'ndpi-dns_fragmented.pcap',
  'ndpi-icmp-tunnel.pcap',
  'ndpi-synscan.pcap',
  'td-gso-ipv6.pcap',
  'zeek-http-vlan-0.pcap',
  'zeek-pppoe.pcap',
];

interface Totals {
  flows: number;
  packets: bigint;
  octets: bigint;
}

describeWith(['weir', 'root', 'tshark'], 'IPFIX over TCP on the wire', () => {
  it('has every flow, packet and octet, and nothing malformed', async () => {
    const files = [...bundledCaptures, ...sharedCaptures.filter((file) => OF_OTHERS.includes(basename(file)))];
    const truth = await inPairs(files, async (file): Promise<Totals> => {
      const { packets } = await packetsByTshark(file);
      return totals(meter(packets, { activeSec: 300, inactiveSec: 60 }));
    });
    const server = createServer((socket) => socket.resume().on('error', () => undefined));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const seen = join(tempDir('wire'), 'seen.pcapng');
    const tshark = new Daemon('tshark', ['-q', '-i', 'lo', '-B', '16', '-w', seen, '-f', `tcp port ${port}`]);
    await tshark.until('capturing', () => /Capturing on/.test(tshark.output));
    await sleep(500);
    // The observation domain tells whose flows they are. Few flows in one message: many messages in a segment.
    await inPairs(files, (file, i) =>
      weir(['export', '-r', file, '-q', '-n', `tcp://127.0.0.1:${port}`, '--domain', String(i + 1), ...perMessage(i)]),
    );
    await sleep(500);
    await tshark.stop('SIGINT');
    server.close();
    const read = ['-r', seen, '-2', '-d', `tcp.port==${port},cflow`];
    const bad = await runOk('tshark', [...read, '-Y', '_ws.malformed || cflow.template_frame == 0', '-V']);
    expect(bad).toBe('');
    const columns = ['cflow.od_id', 'cflow.octets', 'cflow.packets'].flatMap((field) => ['-e', field]);
    const out = await runOk('tshark', [...read, '-Y', 'cflow', '-T', 'fields', ...columns]);
    const sums = files.map((): Totals => ({ flows: 0, packets: 0n, octets: 0n }));
    for (const line of out.trimEnd().split('\n')) {
      const [domains = '', octets = '', packets = ''] = line.split('\t');
      const sum = sums[Number(domains.split(',')[0]) - 1]!;
      const counts = octets.split(',').filter((text) => text !== '');
      sum.flows += counts.length;
      sum.octets += addUp(counts);
      sum.packets += addUp(packets.split(',').filter((text) => text !== ''));
    }
    const named = (all: Totals[]) => Object.fromEntries(all.map((one, i) => [basename(files[i]!), one]));
    expect(named(sums)).toEqual(named(truth));
    expect(files.length).toBeGreaterThan(3);
  });
});

function perMessage(i: number): string[] {
  return i % 2 === 0 ? [] : ['--max-records4', '3', '--max-records6', '2'];
}

function totals(flows: readonly { packets: number | bigint; octets: number | bigint }[]): Totals {
  return {
    flows: flows.length,
    packets: addUp(flows.map(({ packets }) => packets)),
    octets: addUp(flows.map(({ octets }) => octets)),
  };
}

function addUp(values: readonly (string | number | bigint)[]): bigint {
  return values.reduce((sum: bigint, value) => sum + BigInt(value), 0n);
}
