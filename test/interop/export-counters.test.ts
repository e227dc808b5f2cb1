import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { udpFrame } from '../capture/pcap-file.ts';
import { collectWithNfcapd } from '../support/nfdump.ts';
import { describeWith, tempDir, weirOk } from '../support/process.ts';
import { readSegments } from '../support/segments.ts';
import { UdpTap } from '../support/udp.ts';

/** So many of the longest IPv4 packets, cut by the snap length, are just beyond 2^32 octets. */
const LENGTH = 65_535;
const PACKETS = 65_540;
const OCTETS = LENGTH * PACKETS;

function capture(directory: string): string {
  const file = join(directory, 'large.pcap');
  const head = udpFrame(1, 0);
  head.writeUInt16BE(LENGTH, 16);
  const record = 16 + head.length;
  const bytes = Buffer.alloc(24 + PACKETS * record);
  bytes.set(Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex'));
  for (let n = 0; n < PACKETS; n++) {
    const at = 24 + n * record;
    bytes.writeUInt32LE(1_700_000_000 + Math.floor(n / 1000), at);
    bytes.writeUInt32LE((n % 1000) * 1000, at + 4);
    bytes.writeUInt32LE(head.length, at + 8);
    bytes.writeUInt32LE(14 + LENGTH, at + 12);
    bytes.set(head, at + 16);
  }
  writeFileSync(file, bytes);
  return file;
}

describeWith(['weir', 'nfcapd', 'nfdump'], 'a flow of more than 2^32 octets', () => {
  const file = capture(tempDir('counters'));

  it.each([
    ['-v 5', ['-v', '5'], 2],
    ['-v 9 with counters of four octets', ['-v', '9', '--template', 'softflowd'], 2],
    ['-v 9', ['-v', '9'], 1],
    ['-v 10', ['-v', '10'], 1],
  ])('%s: has all of them in nfcapd', async (_, args, records) => {
    const tap = await UdpTap.open();
    await weirOk(['export', '-r', file, '-q', '-n', `127.0.0.1:${tap.port}`, ...args]);
    const [collected] = await collectWithNfcapd([await tap.close()], tempDir('counters-nfcapd'));
    expect(collected!.flows).toHaveLength(records);
    expect(sumOf(collected!.flows)).toEqual({ packets: PACKETS, octets: OCTETS });
    expect(collected!.sequenceErrors).toBe(0);
  });

  it('is one row in flow files', async () => {
    const directory = tempDir('counters-files');
    await weirOk(['export', '-r', file, '-q', '-w', directory]);
    const flows = await readSegments(directory);
    expect(flows).toHaveLength(1);
    expect(sumOf(flows)).toEqual({ packets: PACKETS, octets: OCTETS });
  });
});

function sumOf(flows: readonly { packets: number; octets: number }[]) {
  const sum = { packets: 0, octets: 0 };
  for (const { packets, octets } of flows) {
    sum.packets += packets;
    sum.octets += octets;
  }
  return sum;
}
