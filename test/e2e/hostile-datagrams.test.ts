import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Random } from '../../pcaps/random.mjs';
import { netflow5 } from '../support/netflow5.ts';
import { Daemon, describeWith, tempDir } from '../support/process.ts';
import { readSegments } from '../support/segments.ts';
import { drained, freeUdpPort, kernelQueue, sendDatagrams } from '../support/udp.ts';

const SEED = 20_261_121;
const CUT_FROM = 7;

describeWith(['weir'], 'a collector that is sent rubbish', () => {
  it(`stays up, stores what is good and makes up nothing (seed ${SEED})`, async () => {
    const store = join(tempDir('hostile'), 'store');
    const port = await freeUdpPort();
    const collector = Daemon.weir(['collect', '-b', '127.0.0.1', '-p', String(port), '-w', store]);
    await collector.until('listening', () => kernelQueue(port).listeners > 0);
    await sendDatagrams([netflow5(3, 0)], port);
    await sendDatagrams(rubbish(new Random(SEED)), port);
    await sendDatagrams([netflow5(4, 3)], port);
    await drained(port);
    expect((await collector.stop('SIGTERM')).status, collector.output).toBe(0);
    // The source ports of the good ones; those of the datagrams that were cut follow.
    const good = (await readSegments(store)).filter(({ dst, dstPort, srcPort }) => {
      return dst === '198.51.100.1' && dstPort === 53 && srcPort < CUT_FROM;
    });
    expect(good).toHaveLength(CUT_FROM);
  });
});

/** Noise, noise behind the version of each protocol, whole datagrams cut anywhere, and templates meant to hurt. */
function rubbish(random: Random): Buffer[] {
  const noise = (length: number) => Buffer.from(Array.from({ length }, () => random.below(256)));
  const datagrams: Buffer[] = Array.from({ length: 400 }, () => noise(random.below(1400)));
  for (const version of [1, 5, 7, 9, 10]) {
    for (let i = 0; i < 200; i++) {
      const datagram = noise(4 + random.below(1400));
      datagram.writeUInt16BE(version, 0);
      if (version === 10) datagram.writeUInt16BE(datagram.length, 2);
      // A count that fits makes a v5 datagram of noise a good one.
      if (version === 5) datagram.writeUInt16BE(31 + random.below(60_000), 2);
      datagrams.push(datagram);
    }
  }
  const good = netflow5(30, CUT_FROM);
  for (let length = 0; length < good.length; length += 7) datagrams.push(good.subarray(0, length));
  return [...datagrams, ...hostileTemplates()];
}

function hostileTemplates(): Buffer[] {
  const sets: [string, number[]][] = [
    ['no fields', [256, 0]],
    ['65535 fields', [256, 65_535, 1, 4]],
    ['fields of no length', [257, 2, 1, 0, 2, 0, 257, 4]],
    ['a record longer than any datagram', [258, 2, 1, 65_000, 2, 65_000]],
    ['a reserved id', [3, 1, 1, 4]],
    ['a field twice', [259, 2, 8, 4, 8, 4]],
    ['the same id again, with other fields', [259, 1, 8, 16]],
    ['variable length everywhere', [260, 3, 82, 65_535, 83, 65_535, 84, 65_535]],
  ];
  const data = (id: number) => words([id, 36, ...Array(16).fill(0xffff)]);
  return sets.flatMap(([, template]) => {
    const set = words([2, 4 + template.length * 2, ...template]);
    const body = Buffer.concat([set, data(template[0]!), words([65_535, 65_535]), words([256, 0])]);
    const ipfix = Buffer.concat([words([10, 16 + body.length, 0, 0, 0, 0, 0, 1]), body]);
    const v9body = Buffer.concat([
      words([0, 4 + template.length * 2, ...template]),
      data(template[0]!),
      words([256, 3]),
    ]);
    return [ipfix, Buffer.concat([words([9, 65_535, 0, 1, 0, 0, 0, 0, 0, 1]), v9body])];
  });
}

function words(values: number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 2);
  for (const [i, value] of values.entries()) buffer.writeUInt16BE(value, i * 2);
  return buffer;
}
