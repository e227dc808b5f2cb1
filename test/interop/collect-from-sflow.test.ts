import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { bundledCaptures, inPairs } from '../support/captures.ts';
import { type Flow, flowLines, lineDifferences, totalsByProtocol } from '../support/flow.ts';
import { collectWithNfcapd } from '../support/nfdump.ts';
import { readUdp } from '../support/pcap-udp.ts';
import { describeWith, SHARED_DATA, tempDir, weirOk } from '../support/process.ts';
import { readSegments, type StoredFlow } from '../support/segments.ts';
import { addressV4, flowSample, headerRecord, sflowDatagram } from '../support/sflow-datagrams.ts';
import { datagramCapture } from '../support/udp.ts';

/** Captures whose frames are sampled; all of them Ethernet. */
const SAMPLED = ['demo.pcap', 'tcp.pcap', 'fragments.pcap', 'protocols.pcap'];
/** Later fragments have the ports of their first in weir; sfcapd gives them none, or reads them out of the payload. */
const FRAGMENTS = 'fragments.pcap';
const RATE = 1000;
const HEADER_BYTES = 128;
const SAMPLES = 6;
/** Ethernet header and checksum, which sfcapd counts as bytes and weir does not. */
const FRAMING = 18;

describeWith(['weir', 'sfcapd', 'nfdump'], 'sFlow to weir collect and to sfcapd', () => {
  it('both have the same flows of the same samples, and totals once the rate is applied', async () => {
    const files = bundledCaptures.filter((file) => SAMPLED.includes(basename(file)));
    const streams = files.map((file) => sampled(ethernetFrames(file)));
    const [sfcapd, weir] = await collectWithBoth(streams);
    expect(sfcapd.flat().length).toBeGreaterThan(1000);
    for (const [i, file] of files.entries()) {
      const ours = weir[i]!.map((flow) => ({ ...scaled(flow), octets: (flow.octets + FRAMING) * RATE }));
      // Frames are filled up to 60 octets, before the checksum.
      const padded = ours.map((flow) => ({ ...flow, octets: Math.max(flow.octets, 64 * RATE) }));
      const name = basename(file);
      expect({ name, ...totalsByProtocol(padded) }).toEqual({ name, ...totalsByProtocol(sfcapd[i]!) });
      if (name === FRAGMENTS) continue;
      expect(lineDifferences(name, comparable(padded), comparable(sfcapd[i]!))).toEqual([]);
    }
  });
});

describeWith(
  ['weir', 'sfcapd', 'nfdump', 'shared captures'],
  'captures of sFlow agents to weir collect and to sfcapd',
  () => {
    it('both have the same flows and packets', async () => {
      const directory = join(SHARED_DATA, 'flows');
      const { captures } = JSON.parse(readFileSync(join(directory, 'expected.json'), 'utf8')) as {
        captures: Record<string, { file: string; exportPackets: Record<string, number> }>;
      };
      const found = Object.values(captures).filter(({ exportPackets }) => 'sFlow v5' in exportPackets);
      const streams = found.map(({ file }) =>
        readUdp(readFileSync(join(directory, file))).map(({ payload }) => Buffer.from(payload)),
      );
      const [sfcapd, weir] = await collectWithBoth(streams);
      expect(sfcapd.flat().length).toBeGreaterThan(20);
      for (const [i, { file }] of found.entries()) {
        // Octets are those of the frame there and of the IP packet here.
        const noOctets = (flows: Flow[]) => comparable(flows.map((flow) => ({ ...flow, octets: 0 })));
        expect(lineDifferences(file, noOctets(weir[i]!.map(scaled)), noOctets(sfcapd[i]!))).toEqual([]);
      }
    });
  },
);

async function collectWithBoth(streams: Buffer[][]): Promise<[Flow[][], StoredFlow[][]]> {
  const sfcapd = await collectWithNfcapd(streams, tempDir('sfcapd'), 'sfcapd');
  const directory = tempDir('sflow');
  const weir = await inPairs(streams, async (datagrams, i) => {
    const file = join(directory, `${i}.pcap`);
    const ms = Date.UTC(2024, 4, 1);
    writeFileSync(file, datagramCapture(datagrams.map((payload) => ({ payload, from: '192.0.2.1', port: 6343, ms }))));
    await weirOk(['collect', '-f', file, '-w', join(directory, String(i)), '-q']);
    return readSegments(join(directory, String(i)));
  });
  return [sfcapd.map(({ flows }) => flows), weir];
}

function scaled(flow: StoredFlow): Flow {
  return { ...flow, packets: flow.packets * flow.sampling };
}

/**
 * Flows without their times, which are those of receipt. sfcapd reads no ports of SCTP, and puts the type and code of ICMP
 * into ports where nfdump does not look for them.
 */
function comparable(flows: readonly Flow[]): string[] {
  return flowLines(
    flows.map((flow) => {
      const ports = flow.proto === 6 || flow.proto === 17 ? {} : { srcPort: 0, dstPort: 0 };
      return { ...flow, ...ports, firstMs: 0, lastMs: 0 };
    }),
  );
}

interface Frame {
  bytes: Buffer;
  wireLength: number;
}

/** Frames of one of our pcap files, which are little-endian. */
function ethernetFrames(file: string): Frame[] {
  const bytes = readFileSync(file);
  const frames: Frame[] = [];
  for (let at = 24; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at + 8);
    frames.push({ bytes: bytes.subarray(at + 16, at + 16 + length), wireLength: bytes.readUInt32LE(at + 12) });
    at += 16 + length;
  }
  return frames;
}

/** Every frame as the sample of a switch, in compact and expanded form by turns. */
function sampled(frames: readonly Frame[]): Buffer[] {
  const datagrams: Buffer[] = [];
  for (let start = 0; start < frames.length; start += SAMPLES) {
    const samples = frames.slice(start, start + SAMPLES).map(({ bytes, wireLength }, i) => {
      const octets = Math.max(wireLength, 60) + 4;
      const records = [headerRecord(1, bytes.subarray(0, HEADER_BYTES), octets, 4)];
      const ends = i % 2 === 0 ? { input: 1, output: 2 } : { input: [0, 1] as const, output: [0, 2] as const };
      return flowSample({ sequence: start + i, source: 1, rate: RATE, ...ends, records });
    });
    const sequence = datagrams.length + 1;
    datagrams.push(Buffer.from(sflowDatagram({ agent: addressV4('192.0.2.7'), sequence, samples })));
  }
  return datagrams;
}
