import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Walker } from '../export/walk.ts';
import { startCollector } from '../support/collector.ts';
import { describeWith, runOk, SHARED_DATA, tempDir, weirOk } from '../support/process.ts';
import { parquet, query, segmentFiles } from '../support/segments.ts';
import { freeUdpPort, UdpTap } from '../support/udp.ts';

const CAPTURES = ['td-tcp-handshake-nano.pcap', 'ndpi-nano.pcapng', 'zeek-http-vlan-0.pcap']
  .map((name) => join(SHARED_DATA, 'pcap', name))
  .filter((file) => existsSync(file));
/** All packets from one host to another are one flow. */
const METERING = ['--template', 'full', '--track', 'ip', '--active', '2678400', '--inactive', '2678400'];
const NTP_EPOCH_SECONDS = 2_208_988_800n;

/** First and last packet of each pair of hosts, nanoseconds since 1970. */
async function spansOf(file: string): Promise<[bigint, bigint][]> {
  const fields = ['frame.time_epoch', 'ip.src', 'ip.dst', 'ipv6.src', 'ipv6.dst'].flatMap((name) => ['-e', name]);
  const text = await runOk('tshark', ['-n', '-r', file, '-Y', 'ip || ipv6', '-T', 'fields', ...fields]);
  const spans = new Map<string, [bigint, bigint]>();
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [time = '', ...hosts] = line.split('\t');
    const [seconds = '', fraction = ''] = time.split('.');
    const at = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
    const [first, last] = spans.get(hosts.join()) ?? [at, at];
    spans.set(hosts.join(), [at < first ? at : first, at > last ? at : last]);
  }
  return sorted([...spans.values()]);
}

async function storedSpans(directory: string): Promise<[bigint, bigint][]> {
  const rows = await query(
    `SELECT epoch_ms(first) AS first, first_ns, epoch_ms(last) AS last, last_ns FROM ${parquet(segmentFiles(directory))}`,
  );
  const nanoseconds = (ms: unknown, below: unknown) => BigInt(ms as bigint) * 1_000_000n + BigInt(below as number);
  const spans = rows.map((row): [bigint, bigint] => [
    nanoseconds(row['first'], row['first_ns']),
    nanoseconds(row['last'], row['last_ns']),
  ]);
  return sorted(spans);
}

describeWith(['weir', 'tshark', 'shared captures'], 'times of flows to the nanosecond', () => {
  it.each(CAPTURES)('are in flow files as in %s', async (file) => {
    const directory = tempDir('nanoseconds');
    await weirOk(['export', '-r', file, '-q', '-w', directory, ...METERING]);
    expect(await storedSpans(directory)).toEqual(await spansOf(file));
  });

  it.each(CAPTURES)('come through a collector as in %s', async (file) => {
    const directory = tempDir('nanoseconds-collected');
    const port = await freeUdpPort();
    const collector = await startCollector(['-w', directory], port);
    await weirOk(['export', '-r', file, '-q', '-n', `127.0.0.1:${port}`, '-v', '10', ...METERING]);
    await collector.stop();
    expect(await storedSpans(directory)).toEqual(await spansOf(file));
  });

  it.each(CAPTURES)('are sent over IPFIX as in %s', async (file) => {
    const tap = await UdpTap.open();
    await weirOk(['export', '-r', file, '-q', '-n', `127.0.0.1:${tap.port}`, '-v', '10', ...METERING]);
    const walker = new Walker();
    const flows = (await tap.close()).flatMap((datagram) => walker.walk(datagram).flows);
    const nanoseconds = (ntp: bigint) =>
      ((ntp >> 32n) - NTP_EPOCH_SECONDS) * 1_000_000_000n + (((ntp & 0xffff_ffffn) * 1_000_000_000n) >> 32n);
    const spans = flows.map(({ values }): [bigint, bigint] => [
      nanoseconds(values.get('156')!),
      nanoseconds(values.get('157')!),
    ]);
    expect(sorted(spans)).toEqual(await spansOf(file));
  });
});

function sorted(spans: [bigint, bigint][]): [bigint, bigint][] {
  return spans.sort((a, b) => (a[0] !== b[0] ? Number(a[0] - b[0]) : Number(a[1] - b[1])));
}
