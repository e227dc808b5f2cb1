/** Biflows (RFC 5103): what goes one way and what goes the other, against flows of one way, softflowd -b, and nfcapd. */
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { bundledCaptures, inPairs, sharedCaptures } from '../support/captures.ts';
import { type Row, rowsIn } from '../support/collect-rows.ts';
import { startCollector } from '../support/collector.ts';
import { lineDifferences } from '../support/flow.ts';
import { collectWithNfcapd, senderOf } from '../support/nfdump.ts';
import { describeWith, runOk, tempDir, weir, weirOk } from '../support/process.ts';
import { parquet, query, segmentFiles } from '../support/segments.ts';
import { drained, freeUdpPort, UdpTap } from '../support/udp.ts';

const demo = bundledCaptures.find((file) => basename(file) === 'demo.pcap')!;
/** Both families, tunnels, scans, ICMP, fragments, connections without a beginning. */
const NAMES = [
  'tcp.pcap',
  'mix-ndpi-a.pcap',
  'ndpi-reddit.pcap',
  'ndpi-bot.pcap',
  'ndpi-synscan.pcap',
  'ndpi-dns_fragmented.pcap',
  'ndpi-icmp-tunnel.pcap',
  'td-gso-ipv6.pcap',
  'zeek-http-vlan-0.pcap',
];
/** Without fragments, whose ports softflowd does not find, and of a link type that it knows. */
const OF_SOFTFLOWD = ['demo.pcap', 'tcp.pcap', 'ndpi-reddit.pcap', 'ndpi-bot.pcap'];
const files = [...bundledCaptures, ...sharedCaptures.filter((file) => NAMES.includes(basename(file)))];

const ICMP = 1;
const ICMP6 = 58;
/** What an answer has for a destination port where the request has this: types of ICMP, with their codes. */
function answerPort({ proto, dstPort }: Row): number {
  const type = Number(dstPort) >> 8;
  return ((type === 8 && proto === ICMP ? 0 : type + 1) << 8) | (Number(dstPort) & 0xff);
}

interface Way {
  packets: number;
  octets: number;
  tcpFlags: number;
}

/** Packets, octets and flags by directed key; a biflow gives both ways of it. */
function ways(rows: readonly Row[], withIcmp: boolean): string[] {
  const sums = new Map<string, Way>();
  const addWay = (key: (number | bigint | undefined)[], packets: unknown, octets: unknown, flags: unknown) => {
    if (Number(packets) === 0) return;
    const sum = sums.get(key.join(' ')) ?? { packets: 0, octets: 0, tcpFlags: 0 };
    sums.set(key.join(' '), sum);
    sum.packets += Number(packets);
    sum.octets += Number(octets);
    sum.tcpFlags |= Number(flags) & 0xff;
  };
  for (const row of rows) {
    const isIcmp = row.proto === ICMP || row.proto === ICMP6;
    if (isIcmp && !withIcmp) continue;
    const [src, dst] = [
      [row.srcAddrHi, row.srcAddrLo],
      [row.dstAddrHi, row.dstAddrLo],
    ];
    addWay([row.proto, ...src!, row.srcPort, ...dst!, row.dstPort], row.packets, row.octets, row.tcpFlags);
    const [from, to] = isIcmp ? [0, answerPort(row)] : [row.dstPort, row.srcPort];
    addWay([row.proto, ...dst!, from, ...src!, to], row.outPackets, row.outOctets, row.reverseTcpFlags);
  }
  return [...sums].map(([key, way]) => `${key} ${JSON.stringify(way)}`).sort();
}

async function exported(file: string, ...more: string[]): Promise<Row[]> {
  const tap = await UdpTap.open();
  await weir(['export', '-r', file, '-q', '-v', '10', '-n', `127.0.0.1:${tap.port}`, ...more]);
  return rowsIn(await tap.close());
}

describeWith(['weir'], 'weir export --biflow', () => {
  it('has of each way what flows of one way have', { timeout: 120_000 }, async () => {
    const differences = await inPairs(files, async (file) => {
      const both = await exported(file, '--biflow', '--template', 'full');
      const one = await exported(file, '--template', 'full');
      expect(both.length).toBeLessThanOrEqual(one.length);
      return lineDifferences(basename(file), ways(both, true), ways(one, true));
    });
    expect(differences.flat()).toEqual([]);
    expect(files.length).toBeGreaterThan(3);
  });

  it('gives flow files what it gives collectors', { timeout: 60_000 }, async () => {
    const [own, collected] = [tempDir('biflow-own'), tempDir('biflow-collected')];
    const port = await freeUdpPort();
    const collector = await startCollector(['-w', collected], port);
    await weirOk(['export', '-r', demo, '--biflow', '-q', '-n', `127.0.0.1:${port}`, '-w', own]);
    await drained(port);
    await collector.stop();
    const [fromFile, fromCollector] = [await biflows(own), await biflows(collected)];
    expect(fromCollector).toEqual(fromFile);
    const begun = await query(`SELECT count(*) AS n FROM ${parquet(segmentFiles(own))} WHERE biflow_direction = 1`);
    expect(Number(begun[0]!['n'])).toBeGreaterThan(100);
  });

  it('is for IPFIX and flow files', async () => {
    const v9 = await weir(['export', '-r', demo, '--biflow', '-v', '9', '-n', '127.0.0.1:9']);
    expect([v9.status, v9.stderr]).toEqual([1, expect.stringContaining('use -v 10 (IPFIX) with --biflow')]);
    const mac = await weir(['export', '-r', demo, '--biflow', '--track', 'ether', '-o', 'line']);
    expect([mac.status, mac.stderr]).toEqual([1, expect.stringContaining('MAC')]);
  });
});

describeWith(['weir', 'softflowd'], 'weir export --biflow and softflowd -b', () => {
  it('count the same packets each way', { timeout: 60_000 }, async () => {
    const directory = tempDir('biflow-softflowd');
    for (const file of files.filter((file) => OF_SOFTFLOWD.includes(basename(file)))) {
      const tap = await UdpTap.open();
      const quiet = ['-d', '-a', '-c', 'none', '-p', join(directory, 'pid')];
      await runOk('softflowd', [...quiet, '-b', '-v', '10', '-r', file, '-n', `127.0.0.1:${tap.port}`]);
      const packets = (lines: string[]) => lines.map((line) => line.replace(/,"octets".*/, ''));
      const wanted = packets(ways(rowsIn(await tap.close()), false));
      const got = packets(ways(await exported(file, '--biflow'), false));
      expect(lineDifferences(basename(file), got, wanted)).toEqual([]);
      expect(wanted.length).toBeGreaterThan(0);
    }
  });
});

describeWith(['weir', 'nfcapd', 'nfdump'], 'weir export --biflow to nfcapd', () => {
  it('reads in nfdump as in weir', { timeout: 60_000 }, async () => {
    const tap = await UdpTap.open();
    const own = tempDir('biflow-biline');
    await weirOk(['export', '-r', demo, '--biflow', '-q', '-n', `127.0.0.1:${tap.port}`, '-w', own]);
    const directory = tempDir('biflow-nfcapd');
    await collectWithNfcapd([await tap.close()], directory);
    const kept = join(directory, senderOf(0).replaceAll('.', '-'));
    expect(readdirSync(kept).length).toBeGreaterThan(0);
    const lines = (text: string) => text.trimEnd().split('\n').sort();
    const theirs = lines(await runOk('nfdump', ['-R', kept, '-q', '-o', 'biline']));
    const ours = lines(await weirOk(['dump', '-R', own, '-q', '-o', 'biline']));
    expect(lineDifferences('biline', ours, theirs)).toEqual([]);
    expect(ours.length).toBeGreaterThan(300);
  });
});

/** Flows of a store with everything that a biflow has, a line each. */
async function biflows(directory: string): Promise<string[]> {
  const columns =
    'proto,src_addr_lo,src_port,dst_addr_lo,dst_port,packets,octets,tcp_flags,first,last,biflow_direction,' +
    'out_packets,out_octets,reverse_tcp_flags,reverse_tos,reverse_first,reverse_last';
  const rows = await query(`SELECT ${columns} FROM ${parquet(segmentFiles(directory))}`);
  return rows.map((row) => Object.values(row).join(',')).sort();
}
