import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { canonical } from '../support/flow.ts';
import { collectWithNfcapd, senderOf } from '../support/nfdump.ts';
import { describeWith, runOk, SHARED_DATA, tempDir, weirOk } from '../support/process.ts';
import { addressText, parquet, query, segmentFiles } from '../support/segments.ts';
import { UdpTap } from '../support/udp.ts';

const CAPTURES = [
  'zeek-q-in-q.pcap',
  'zeek-mpls-in-vlan.pcap',
  'zeek-vlan-collisions.pcap',
  'zeek-http-vlan-0.pcap',
  'akv-mpls-explicit-null-ipv4.pcap',
  'akv-mpls-ipv6.pcap',
  'ipfixprobe-vlan.pcapng',
  // Flow labels, and fragments of both families.
  'ndpi-dns_fragmented.pcap',
  'ndpi-reddit.pcap',
].map((name) => join(SHARED_DATA, 'pcap', name));

/** All packets between two hosts are one flow, in each VLAN and between each two stations. */
const METERING = ['--track', 'ip,vlan,mac', '--active', '2678400', '--inactive', '2678400'];

interface LinkFields {
  src: string;
  dst: string;
  vlans: number[];
  srcMac: string;
  dstMac: string;
  labels: string[];
  packets: number;
  etherType: number;
  ttl: [number, number];
  length: [number, number];
  flowLabel: number;
  fragmentFlags: number;
}

const FIELDS = [
  'eth.src',
  'eth.dst',
  'vlan.id',
  'mpls.label',
  'mpls.exp',
  'mpls.bottom',
  'ip.src',
  'ip.dst',
  'ip.ttl',
  'ip.len',
  'ip.flags.df',
  'ip.flags.mf',
  'ipv6.src',
  'ipv6.dst',
  'ipv6.hlim',
  'ipv6.plen',
  'ipv6.flow',
  'ipv6.fraghdr.more',
] as const;

/** What tshark sees in the packets, put together by hosts, VLANs and stations. */
async function seenByTshark(file: string): Promise<LinkFields[]> {
  const fields = FIELDS.flatMap((name) => ['-e', name]);
  const noReassembly = ['-o', 'ip.defragment:FALSE', '-o', 'ipv6.defragment:FALSE'];
  const text = await runOk('tshark', [
    '-n',
    '-r',
    file,
    ...noReassembly,
    '-Y',
    'ip || ipv6',
    '-T',
    'fields',
    ...fields,
  ]);
  const groups = new Map<string, LinkFields>();
  for (const line of text.trimEnd().split('\n')) {
    const values = line.split('\t');
    const all = (name: (typeof FIELDS)[number]) => (values[FIELDS.indexOf(name)] || undefined)?.split(',') ?? [];
    const first = (name: (typeof FIELDS)[number]) => Number(all(name)[0] ?? 0);
    // Of an ICMP error the packet, not the one that it tells of.
    const isV4 = all('ip.src').length > 0;
    const bit = (name: (typeof FIELDS)[number], value: number) => (/^(1|True)$/.test(all(name)[0] ?? '') ? value : 0);
    const ttl = isV4 ? first('ip.ttl') : first('ipv6.hlim');
    const length = isV4 ? first('ip.len') : first('ipv6.plen') + 40;
    const src = canonical(all(isV4 ? 'ip.src' : 'ipv6.src')[0]!);
    const dst = canonical(all(isV4 ? 'ip.dst' : 'ipv6.dst')[0]!);
    const vlans = [0, 1].map((i) => Number(all('vlan.id')[i] ?? 0));
    const [srcMac, dstMac] = [all('eth.src')[0]!, all('eth.dst')[0]!];
    const id = [src, dst, vlans, srcMac, dstMac].join();
    const group = groups.get(id) ?? {
      src,
      dst,
      vlans,
      srcMac,
      dstMac,
      labels: all('mpls.label').map((label, i) =>
        [label, all('mpls.exp')[i], /^(1|True)$/.test(all('mpls.bottom')[i]!) ? 1 : 0].join('-'),
      ),
      packets: 0,
      etherType: isV4 ? 0x0800 : 0x86dd,
      ttl: [255, 0],
      length: [65_535, 0],
      flowLabel: isV4 ? 0 : first('ipv6.flow'),
      fragmentFlags: 0,
    };
    groups.set(id, group);
    group.packets++;
    group.ttl = [Math.min(group.ttl[0], ttl), Math.max(group.ttl[1], ttl)];
    group.length = [Math.min(group.length[0], length), Math.max(group.length[1], length)];
    group.fragmentFlags |= bit('ip.flags.df', 64) | bit('ip.flags.mf', 32) | bit('ipv6.fraghdr.more', 32);
  }
  return sorted([...groups.values()]);
}

/** Flow files of weir, read by somebody else. */
async function storedByWeir(file: string): Promise<LinkFields[]> {
  const directory = tempDir('link-fields');
  await weirOk(['export', '-r', file, '-q', '-w', directory, '--template', 'full', ...METERING]);
  const rows = await query(`SELECT * FROM ${parquet(segmentFiles(directory))}`);
  return sorted(
    rows.map((row) => ({
      src: addressText(row['src_addr_hi'] as bigint, row['src_addr_lo'] as bigint),
      dst: addressText(row['dst_addr_hi'] as bigint, row['dst_addr_lo'] as bigint),
      vlans: [Number(row['src_vlan']), Number(row['inner_vlan'])],
      srcMac: macText(row['in_src_mac']),
      dstMac: macText(row['in_dst_mac']),
      labels: labelsOf((i) => labelText(Number(row[`mpls_${i}`]))),
      packets: Number(row['packets']),
      etherType: Number(row['ether_type']),
      ttl: [Number(row['min_ttl']), Number(row['max_ttl'])],
      length: [Number(row['min_length']), Number(row['max_length'])],
      flowLabel: Number(row['flow_label']),
      fragmentFlags: Number(row['fragment_flags']),
    })),
  );
}

/** What nfdump prints of flows that weir sent, as far as it knows it. */
interface NfdumpLinkFields {
  first: string;
  in_packets: number;
  src4_addr?: string;
  src6_addr?: string;
  dst4_addr?: string;
  dst6_addr?: string;
  src_vlan?: number;
  in_src_mac?: string;
  in_dst_mac?: string;
  [label: `mpls_${number}`]: string | undefined;
}

function ofNfdump(record: NfdumpLinkFields): Partial<LinkFields> {
  return {
    src: canonical(record.src4_addr ?? record.src6_addr ?? ''),
    dst: canonical(record.dst4_addr ?? record.dst6_addr ?? ''),
    vlans: [record.src_vlan ?? 0],
    srcMac: record.in_src_mac ?? '',
    dstMac: record.in_dst_mac ?? '',
    labels: labelsOf((i) => record[`mpls_${i}`] ?? '0-0-0'),
    packets: record.in_packets,
  };
}

describeWith(['weir', 'tshark', 'nfcapd', 'nfdump', 'shared captures'], 'VLANs, stations, labels and the like', () => {
  const captures = CAPTURES.filter((file) => existsSync(file));

  it.each(captures)('%s: flow files have what tshark sees', async (file) => {
    const wanted = await seenByTshark(file);
    expect(wanted.length).toBeGreaterThan(0);
    expect(await storedByWeir(file)).toEqual(wanted);
  });

  it.each(['9', '10'])('nfcapd stores what was seen (version %s)', { timeout: 60_000 }, async (version) => {
    const streams: Buffer[][] = [];
    for (const file of captures) {
      const tap = await UdpTap.open();
      const to = ['-n', `127.0.0.1:${tap.port}`, '-v', version, '--template', 'nfdump'];
      await weirOk(['export', '-r', file, '-q', ...to, ...METERING]);
      streams.push(await tap.close());
    }
    const directory = tempDir('link-fields-nfcapd');
    await collectWithNfcapd(streams, directory);
    for (const [i, file] of captures.entries()) {
      const stored = join(directory, senderOf(i).replaceAll('.', '-'));
      const records = JSON.parse(await runOk('nfdump', ['-R', stored, '-o', 'json'])) as NfdumpLinkFields[];
      const wanted = (await seenByTshark(file)).map(({ src, dst, vlans, srcMac, dstMac, labels, packets }) => ({
        src,
        dst,
        vlans: vlans.slice(0, 1),
        srcMac,
        dstMac,
        labels,
        packets,
      }));
      expect(sorted(records.map(ofNfdump)), file).toEqual(sorted(wanted));
    }
  });
});

function sorted<T extends object>(list: T[]): T[] {
  return list
    .map((one) => ({ text: JSON.stringify(one), one }))
    .sort((a, b) => (a.text < b.text ? -1 : 1))
    .map(({ one }) => one);
}

function macText(value: unknown): string {
  return (BigInt(String(value)).toString(16).padStart(12, '0').match(/../g) ?? []).join(':');
}

/** `label-class-bottom`, as nfdump has it. */
function labelText(entry: number): string {
  return `${entry >>> 4}-${(entry >>> 1) & 7}-${entry & 1}`;
}

/** Labels from the top, up to the first that is not there. */
function labelsOf(text: (i: number) => string): string[] {
  const labels = Array.from({ length: 10 }, (_, i) => text(i + 1));
  const end = labels.indexOf('0-0-0');
  return end < 0 ? labels : labels.slice(0, end);
}
