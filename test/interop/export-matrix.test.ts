import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { bundledCaptures, inPairs, sharedCaptures } from '../support/captures.ts';
import { canonical, type Flow, flowLines, lineDifferences, totalsByProtocol } from '../support/flow.ts';
import { meter } from '../support/flow-meter.ts';
import { type Accounted, accountWithNfacctd } from '../support/nfacctd.ts';
import { type Collected, collectWithNfcapd, readWithNfdump } from '../support/nfdump.ts';
import { Daemon, describeWith, runOk, tempDir, weir } from '../support/process.ts';
import { packetsByTshark } from '../support/tshark-meter.ts';
import { datagramCapture, drained, freeUdpPort, kernelQueue, UdpTap } from '../support/udp.ts';

const VERSIONS = ['5', '9', '10'] as const;
const TIMEOUTS = { activeSec: 300, inactiveSec: 60 };

/** Captures whose link type weir does not know: it must say so and fail. */
const UNKNOWN_LINK_TYPES: Record<string, string> = {
  'zeek-radiotap.pcap': 'IEEE 802.11 with radiotap',
  'zeek-nflog-http.pcap': 'NFLOG',
  'zeek-llc.pcap': 'FDDI',
  'td-LINKTYPE_PKTAP.pcap': 'PKTAP',
};

/** Captures whose times are not compared, in which versions, and why. */
const OTHER_TIMES: Record<string, readonly string[]> = {
  // Some packets are years older than the first: v5 and v9 tell times as 32 bits of milliseconds since boot.
  'ipfixprobe-tls.pcap': ['5', '9'],
  'suri-bug-1450-04-tls_DER-incomplete-header.pcap': ['5', '9'],
  // The clock stands at the start of 1970, so that the exporter booted before, which nfcapd cannot compute in v5.
  'png-be-basic-test001.pcapng': ['5'],
  'png-be-basic-test010.pcapng': ['5'],
  'png-le-advanced-test100.pcapng': ['5'],
  'png-le-basic-test001.pcapng': ['5'],
  'png-le-basic-test016.pcapng': ['5'],
  'png-le-difficult-test201.pcapng': ['5'],
  // Fractions of more than a second: tshark adds them up, weir takes them for one second (decision 0011).
  'td-timestamp_invalid_micro.pcap': ['5', '9', '10'],
};

interface Exported {
  name: string;
  version: (typeof VERSIONS)[number];
  datagrams: Buffer[];
  status: number;
  stderr: string;
}

describeWith(['weir', 'nfcapd', 'nfdump', 'nfacctd', 'tshark'], 'weir export to its peers', () => {
  const files = [...bundledCaptures, ...sharedCaptures];
  const reference = new Map<string, { flows: Flow[]; damaged: boolean }>();
  let exported: Exported[] = [];
  let collected: Collected[] = [];

  beforeAll(async () => {
    await inPairs(files, async (file) => {
      const { packets, damaged } = await packetsByTshark(file);
      reference.set(basename(file), { flows: meter(packets, TIMEOUTS), damaged });
    });
    const runs = files.flatMap((file) => VERSIONS.map((version) => ({ file, version })));
    exported = await inPairs(runs, async ({ file, version }) => {
      const tap = await UdpTap.open();
      const target = `127.0.0.1:${tap.port}`;
      const { status, stderr } = await weir(['export', '-r', file, '-n', target, '-v', version, '-q']);
      return { name: basename(file), version, datagrams: await tap.close(), status, stderr };
    });
    collected = await collectWithNfcapd(
      exported.map(({ datagrams }) => datagrams),
      tempDir('nfcapd'),
    );
  }, 600_000);

  it.each(VERSIONS)(
    'version %s: flows, packets and octets of each protocol are those of an independent count',
    (version) => {
      const totals = (flows: Flow[], name: string) => ({ name, ...totalsByProtocol(flows) });
      const got = of(version).map(({ name, i }) => totals(collected[i]!.flows, name));
      const wanted = of(version).map(({ name }) => totals(referenceFlows(name, version), name));
      expect(got).toEqual(wanted);
    },
  );

  it.each(VERSIONS)('version %s: every flow has the right key, flags, counters and times', (version) => {
    const lines = (name: string, flows: Flow[]) => {
      const comparable = version === '5' ? flows : flows.map(withoutIcmpType);
      const isTimeless = OTHER_TIMES[name]?.includes(version) === true;
      return flowLines(isTimeless ? comparable.map(withoutTimes) : comparable);
    };
    const differences = of(version).flatMap(({ name, i }) =>
      lineDifferences(name, lines(name, collected[i]!.flows), lines(name, referenceFlows(name, version))),
    );
    expect(differences).toEqual([]);
  });

  // Not in IPFIX, where nfcapd 1.7.1 does not count options data records (RFC 7011 section 3.1 does): tshark looks there.
  it.each(['5', '9'])('version %s: nfcapd finds no gap in the sequence numbers and no bad datagram', (version) => {
    const errors = of(version).map(({ name, i }) => ({ ...collected[i]!, flows: 0, name }));
    expect(errors).toEqual(errors.map(({ name }) => ({ name, flows: 0, sequenceErrors: 0, badPackets: 0 })));
  });

  it.each(VERSIONS)('version %s: tshark dissects every datagram and record, and finds no gap', async (version) => {
    const streams = of(version);
    const sender = (stream: number) => `10.${Math.floor(stream / 250)}.${stream % 250}.1`;
    const datagrams = streams.flatMap(({ i }, stream) =>
      exported[i]!.datagrams.map((payload) => ({ payload, from: sender(stream), port: 9995, ms: 1_700_000_000_000 })),
    );
    const file = join(tempDir('dissect'), 'exported.pcap');
    writeFileSync(file, datagramCapture(datagrams));
    const { complaints, records } = await dissected(file, version);
    expect(complaints).toEqual([]);
    const differences = streams.flatMap(({ name }, stream) => {
      const wanted = flowLines(referenceFlows(name, version).map(withoutTimes));
      return lineDifferences(name, flowLines(records.get(sender(stream)) ?? []), wanted);
    });
    expect(differences).toEqual([]);
  });

  // In v5 tshark does not look at the numbers; nfcapd does, above.
  it.each(['9', '10'] as const)('version %s: tshark would see a datagram that is missing', async (version) => {
    const stream = exported.find(({ name, version: its }) => name === 'demo.pcap' && its === version)!;
    const kept = stream.datagrams.filter((_, i) => i !== 2);
    const file = join(tempDir('gap'), 'gap.pcap');
    const arrived = kept.map((payload) => ({ payload, from: '10.0.0.1', port: 9995, ms: 1_700_000_000_000 }));
    writeFileSync(file, datagramCapture(arrived));
    expect((await dissected(file, version)).complaints).not.toEqual([]);
  });

  // nfacctd 1.7.7 listens on UDP alone (and DTLS, which weir does not speak).
  it('nfacctd accounts every packet and octet under the right key', { timeout: 120_000 }, async () => {
    const accounted = await accountWithNfacctd(
      exported.map(({ datagrams }) => datagrams),
      tempDir('nfacctd'),
    );
    const differences = exported.flatMap(({ name, version }, i) =>
      lineDifferences(
        `${name} ${version}`,
        accountedLines(accounted[i]!.map((one) => ({ ...one, src: canonical(one.src), dst: canonical(one.dst) }))),
        accountedLines(referenceFlows(name, version).map((flow) => asAccounted(flow, version))),
      ),
    );
    expect(differences).toEqual([]);
    expect(accounted.reduce((sum, lines) => sum + lines.length, 0)).toBeGreaterThan(10_000);
  });

  it('ends with success, but for files that are damaged or of an unknown link type', () => {
    const failed = exported.filter(({ status }) => status !== 0).map(({ name, version }) => `${name} ${version}`);
    const wanted = exported
      .filter(({ name }) => reference.get(name)!.damaged || name in UNKNOWN_LINK_TYPES)
      .map(({ name, version }) => `${name} ${version}`);
    expect(failed).toEqual(wanted);
  });

  it('says in one line why it failed', () => {
    const failed = exported.filter(({ status }) => status !== 0);
    for (const { name, stderr } of failed) {
      expect(stderr.trimEnd().split('\n').length, stderr).toBe(1);
      expect(stderr).toContain(name);
    }
    for (const { name, stderr } of failed.filter(({ name }) => name in UNKNOWN_LINK_TYPES)) {
      expect(stderr, name).toMatch(/link type/);
    }
  });

  function of(version: string): { name: string; i: number }[] {
    return exported.map(({ name }, i) => ({ name, i })).filter(({ i }) => exported[i]!.version === version);
  }

  function referenceFlows(name: string, version: string): Flow[] {
    const { flows } = reference.get(name)!;
    return version === '5' ? flows.filter(({ src }) => !src.includes(':')) : flows;
  }
});

/** nfcapd 1.7.1 does not take type and code out of the destination port in v9 and IPFIX; later ones and tshark do. */
function withoutIcmpType(flow: Flow): Flow {
  return flow.proto === 1 || flow.proto === 58 ? { ...flow, dstPort: 0 } : flow;
}

/** Out of v5 nfacctd takes ports of TCP, UDP and ICMP alone. */
function asAccounted(flow: Flow, version: string): Accounted {
  const hasPorts = version !== '5' || [1, 6, 17, 58].includes(flow.proto);
  return hasPorts ? flow : { ...flow, srcPort: 0, dstPort: 0 };
}

/** Packets, octets and the union of flags by what nfacctd tells flows apart by. */
function accountedLines(flows: readonly Accounted[]): string[] {
  const sums = new Map<string, { packets: number; octets: number; flags: number }>();
  for (const flow of flows) {
    const { proto, src, srcPort, dst, dstPort, tos, tcpFlags } = flow;
    const key = `${proto} ${src}:${srcPort} > ${dst}:${dstPort} tos ${tos}`;
    const sum = sums.get(key) ?? { packets: 0, octets: 0, flags: 0 };
    sums.set(key, sum);
    sum.packets += flow.packets;
    sum.octets += flow.octets;
    sum.flags |= tcpFlags;
  }
  return [...sums].map(
    ([key, { packets, octets, flags }]) => `${key} flags ${flags} ${packets} packets ${octets} octets`,
  );
}

function withoutTimes(flow: Flow): Flow {
  return { ...flow, firstMs: 0, lastMs: 0 };
}

/**
 * What tshark finds in a capture of datagrams: the flows but for their times by sender, and every datagram that
 * is of another version, malformed, without its template or out of sequence.
 */
async function dissected(file: string, version: string) {
  const ofMessages = ['ip.src', 'cflow.version', '_ws.malformed', '_ws.expert.message'];
  const ofFlows = ['protocol', 'srcport', 'dstport', 'tos', 'tcpflags', 'packets', 'octets'];
  const addresses = ['srcaddr', 'dstaddr', 'srcaddrv6', 'dstaddrv6'];
  const fields = [...ofMessages, ...[...ofFlows, ...addresses].map((name) => `cflow.${name}`)];
  const args = ['-n', '-r', file, '-d', 'udp.port==9995,cflow', '-T', 'fields', '-E', 'occurrence=a'];
  const output = await runOk('tshark', [...args, ...fields.flatMap((field) => ['-e', field])]);
  const records = new Map<string, Flow[]>();
  const complaints: string[] = [];
  for (const line of output.trimEnd().split('\n')) {
    const [from = '', seen = '', malformed = '', expert = '', ...lists] = line.split('\t');
    if (seen !== version || malformed !== '' || expert !== '') complaints.push(line);
    const [src4, dst4, src6, dst6] = lists.slice(ofFlows.length);
    // One kind of flows in one message.
    const [sources, targets] = src4 === '' ? [src6!, dst6!] : [src4!, dst4!];
    const columns = [...lists.slice(0, ofFlows.length), sources, targets].map((list) => list.split(','));
    if (columns.some(({ length }) => length !== columns[0]!.length)) complaints.push(line);
    if (sources === '') continue;
    const here = columns[0]!.map((_, i): Flow => {
      const [proto, srcPort, dstPort, tos, tcpFlags, packets, octets, src, dst] = columns.map((list) => list[i]!);
      return {
        src: canonical(src!),
        dst: canonical(dst!),
        proto: Number(proto),
        srcPort: Number(srcPort),
        dstPort: Number(dstPort),
        tos: Number(tos),
        tcpFlags: Number(tcpFlags),
        packets: Number(packets),
        octets: Number(octets),
        firstMs: 0,
        lastMs: 0,
      };
    });
    records.set(from, [...(records.get(from) ?? []), ...here]);
  }
  return { complaints, records };
}

describeWith(['weir', 'nfcapd', 'nfdump', 'tshark'], 'weir export straight to nfcapd over UDP', () => {
  it('loses nothing on the way', async () => {
    const demo = bundledCaptures.find((file) => file.endsWith('demo.pcap'))!;
    const { packets } = await packetsByTshark(demo);
    const port = await freeUdpPort();
    const directory = tempDir('nfcapd-direct');
    const nfcapd = new Daemon('nfcapd', ['-b', '127.0.0.1', '-p', String(port), '-w', directory, '-t', '86400']);
    await nfcapd.until('listening', () => kernelQueue(port).listeners > 0);
    const { status } = await weir(['export', '-r', demo, '-n', `127.0.0.1:${port}`]);
    await drained(port);
    await nfcapd.stop();
    expect(status).toBe(0);
    const received = (await readWithNfdump(directory)).map(withoutIcmpType);
    const wanted = meter(packets, TIMEOUTS).map(withoutIcmpType);
    expect(lineDifferences('demo.pcap', flowLines(received), flowLines(wanted))).toEqual([]);
  });
});
