import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { bundledCaptures, inPairs, sharedCaptures } from '../support/captures.ts';
import { type Flow, flowLines, lineDifferences, totalsByProtocol } from '../support/flow.ts';
import { collectWithNfcapd, senderOf } from '../support/nfdump.ts';
import { Daemon, describeWith, runOk, tempDir, weirOk } from '../support/process.ts';
import { readSegments } from '../support/segments.ts';
import { datagramCapture, drained, freeUdpPort, kernelQueue, sendDatagrams, UdpTap } from '../support/udp.ts';

const VERSIONS = ['5', '9', '10'] as const;
const NAMES = [
  'demo.pcap',
  'tcp.pcap',
  'mix-ndpi-a.pcap',
  'ndpi-reddit.pcap',
  'ipfixprobe-mixed.pcap',
  'ndpi-netflix.pcap',
];

describeWith(['weir', 'softflowd', 'nfcapd', 'nfdump'], 'softflowd to weir collect and to nfcapd', () => {
  const files = [...bundledCaptures, ...sharedCaptures].filter((file) => NAMES.includes(basename(file)));

  it.each(VERSIONS)('version %s: both have the same totals and records out of the same datagrams', async (version) => {
    const directory = tempDir('softflowd');
    const streams = await inPairs(files, (file) => exportedBySoftflowd(file, version, directory));
    const nfcapd = await collectWithNfcapd(streams, tempDir('softflowd-nfcapd'));
    const weir = await inPairs(streams, (datagrams, i) => collectedFromFile(datagrams, i, directory));
    expect(nfcapd.reduce((sum, { flows }) => sum + flows.length, 0)).toBeGreaterThan(500);
    for (const [i, file] of files.entries()) {
      const name = basename(file);
      expect({ name, ...totalsByProtocol(weir[i]!) }).toEqual({ name, ...totalsByProtocol(nfcapd[i]!.flows) });
      const wanted = nfcapd[i]!.flows.map(inOrder);
      const comparable = nfcapdView(version, wanted);
      const lines = (flows: Flow[]) => flowLines(flows.map(comparable));
      expect(lineDifferences(name, lines(weir[i]!), lines(wanted))).toEqual([]);
    }
  });

  it('over UDP weir collect stores what it stores from a capture of the same datagrams', async () => {
    const directory = tempDir('softflowd-udp');
    const [file] = files;
    const datagrams = await exportedBySoftflowd(file!, '9', directory);
    const fromFile = await collectedFromFile(datagrams, 0, directory);
    const port = await freeUdpPort();
    const store = join(directory, 'udp');
    const weir = Daemon.weir(['collect', '-b', '127.0.0.1', '-p', String(port), '-w', store]);
    await weir.until('listening', () => kernelQueue(port).listeners > 0);
    await sendDatagrams(datagrams, port);
    await drained(port);
    expect((await weir.stop('SIGTERM')).status).toBe(0);
    expect(flowLines(await readSegments(store))).toEqual(flowLines(fromFile));
  });
});

/** nfcapd 1.7.1 exchanges the two times of IPFIX records that count from the boot of the exporter, as softflowd's do. */
function inOrder(flow: Flow): Flow {
  return { ...flow, firstMs: Math.min(flow.firstMs, flow.lastMs), lastMs: Math.max(flow.firstMs, flow.lastMs) };
}

/**
 * A flow less what nfcapd 1.7.1 does not read: the type of ICMPv6 in v9 and, in IPFIX, times of records that began as the exporter
 * booted, which it leaves at 0.
 */
function nfcapdView(version: string, wanted: readonly Flow[]): (flow: Flow) => Flow {
  const withoutTimes = (flow: Flow) => ({ ...flow, firstMs: 0, lastMs: 0 });
  const timeless = new Set(flowLines(wanted.filter(({ firstMs }) => firstMs === 0)));
  return (flow) => {
    const seen = version === '9' && flow.proto === 58 ? { ...flow, dstPort: 0 } : flow;
    return timeless.has(flowLines([withoutTimes(seen)])[0]!) ? withoutTimes(seen) : seen;
  };
}

async function exportedBySoftflowd(file: string, version: string, directory: string): Promise<Buffer[]> {
  const tap = await UdpTap.open();
  const pid = join(directory, `${basename(file)}.pid`);
  // -a: times of the file; -c none: without a control socket, which can block for ever when a file is read.
  await runOk('softflowd', [
    '-d',
    '-a',
    '-c',
    'none',
    '-p',
    pid,
    '-v',
    version,
    '-r',
    file,
    '-n',
    `127.0.0.1:${tap.port}`,
  ]);
  return tap.close();
}

async function collectedFromFile(datagrams: Buffer[], i: number, directory: string): Promise<Flow[]> {
  const capture = join(directory, `stream-${i}.pcap`);
  const store = join(directory, `store-${i}`);
  writeFileSync(
    capture,
    datagramCapture(datagrams.map((payload) => ({ payload, from: senderOf(i), port: 9995, ms: 1_700_000_000_000 }))),
  );
  await weirOk(['collect', '-f', capture, '-w', store]);
  return readSegments(store);
}
