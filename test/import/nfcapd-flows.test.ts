import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FlowBatchPool } from '../../src/flow/batch.ts';
import { FlowFileError } from '../../src/import/flow-file-error.ts';
import { NfcapdDecoder } from '../../src/import/nfcapd-decoder.ts';
import { NfcapdFile } from '../../src/import/nfcapd-file.ts';
import { firstFlowMs, readNfcapd } from '../../src/import/nfcapd-flows.ts';
import { addressOf, type Row, rowOf } from '../support/collect-rows.ts';
import { fuzz } from '../support/fuzz.ts';
import { jsonDifferences, parseJsonFlows } from '../support/nfcapd-archive.ts';
import {
  block,
  extensionMap,
  flow17,
  generic,
  layout1File,
  layout2File,
  oldFlow,
  packed,
  record,
} from '../support/nfcapd-file.ts';
import { describeWith, runOk, tempDir, weirOk } from '../support/process.ts';

const MS = 1_700_000_123_456;
const V6_SRC = packed([8, 0x20010db800000001n], [8, 0x10n]);
const V6_DST = packed([8, 0x20010db800000002n], [8, 0x20n]);

/** Interfaces, AS numbers, masks, next hop, VLANs, MAC addresses, received, in two maps; both families, both widths. */
const OLD_BLOCKS = [
  [
    record(7, packed([4, 5], [8, 0], [8, 0xc0000207n], [2, 2], [2, 1], [4, 0x0102])),
    extensionMap(1, 28, [4, 6, 8, 9, 13, 27]),
    oldFlow({
      map: 1,
      firstMs: MS,
      lastMs: MS + 5_500,
      proto: 6,
      srcPort: 40_000,
      dstPort: 443,
      tcpFlags: 0x1b,
      tos: 0x10,
      content: packed(
        [4, 0xc0000201],
        [4, 0xc6336401],
        [4, 10],
        [4, 5_000],
        [2, 3],
        [2, 4],
        [2, 64_512],
        [2, 64_513],
        [1, 0x20],
        [1, 0],
        [1, 24],
        [1, 16],
        [4, 0xc0000263],
        [2, 100],
        [2, 200],
        [8, MS + 6_000],
      ),
    }),
  ],
  [
    extensionMap(2, 36, [5, 7, 20, 18]),
    oldFlow({
      flags: 7,
      map: 2,
      firstMs: MS + 1_000,
      lastMs: MS + 1_000,
      proto: 58,
      srcPort: 0,
      dstPort: 0x8000,
      content: Buffer.concat([
        V6_SRC,
        V6_DST,
        packed(
          [8, 0x1_0000_0001n],
          [8, 0x2_0000_0002n],
          [4, 70_000],
          [4, 70_001],
          [4, 4_200_000_000],
          [4, 4_200_000_001],
        ),
        packed([8, 0x020000000001n], [8, 0x020000000002n], [4, 7]),
      ]),
    }),
  ],
];

const FLOW = flow17([
  [1, generic(MS, MS + 1, MS + 2, 3, 400)],
  [2, packed([4, 0xc0000201], [4, 0xc6336401])],
]);

async function rowsOf(bytes: Buffer): Promise<{ rows: Row[]; lost: ReadonlyMap<string, number> }> {
  const path = join(tempDir('nfcapd'), 'nfcapd.202311142215');
  writeFileSync(path, bytes);
  const rows: Row[] = [];
  const { lost } = await readNfcapd(path, new FlowBatchPool(3), async (batch) => {
    for (let row = 0; row < batch.rows; row++) rows.push(rowOf(batch, row));
  });
  return { rows, lost };
}

describe('files of nfdump 1.6', () => {
  it('give their flows, of both families and widths', async () => {
    const { rows, lost } = await rowsOf(layout1File('old', OLD_BLOCKS));
    expect(lost.size).toBe(0);
    expect(rows).toHaveLength(2);
    const [v4, v6] = rows as [Row, Row];
    expect(v4).toMatchObject({
      firstMs: MS,
      lastMs: MS + 5_500,
      receivedMs: MS + 6_000,
      proto: 6,
      srcPort: 40_000,
      dstPort: 443,
      tcpFlags: 0x1b,
      tos: 0x10,
      packets: 10n,
      octets: 5_000n,
      inIf: 3,
      outIf: 4,
      srcAs: 64_512,
      dstAs: 64_513,
      dstTos: 0x20,
      srcMask: 24,
      dstMask: 16,
      srcVlan: 100,
      dstVlan: 200,
      domain: 0x0102,
      exportVersion: 5,
    });
    expect(['srcAddr', 'dstAddr', 'nextHop', 'exporter'].map((field) => addressOf(v4, field))).toEqual([
      '192.0.2.1',
      '198.51.100.1',
      '192.0.2.99',
      '192.0.2.7',
    ]);
    expect(v6).toMatchObject({
      proto: 58,
      dstPort: 0x8000,
      packets: 0x1_0000_0001n,
      octets: 0x2_0000_0002n,
      inIf: 70_000,
      srcAs: 4_200_000_000,
      inSrcMac: 0x020000000001n,
      outDstMac: 0x020000000002n,
      flows: 7n,
    });
    expect(addressOf(v6, 'srcAddr')).toBe('2001:db8:0:1::10');
    expect(addressOf(v6, 'dstAddr')).toBe('2001:db8:0:2::20');
  });
});

describeWith(['weir', 'nfdump'], 'a file of nfdump 1.6', () => {
  it('is read by weir dump as by nfdump', async () => {
    const path = join(tempDir('nfcapd'), 'nfcapd.202311142215');
    writeFileSync(path, layout1File('old', OLD_BLOCKS));
    const theirs = parseJsonFlows(await runOk('nfdump', ['-r', path, '-o', 'json']));
    const ours = parseJsonFlows(await weirOk(['dump', '-r', path, '-o', 'json']));
    expect(theirs).toHaveLength(2);
    // What the exporter's own record says, nfdump does not print with the flow.
    for (const flow of ours) delete flow['ip4_router'];
    expect(theirs.flatMap((flow, i) => jsonDifferences(flow, ours[i]!))).toEqual([]);
  });
});

describe('files of nfdump 1.7', () => {
  it('give more flows than a batch holds, in their order', async () => {
    const flows = Array.from({ length: 8 }, (_, i) => flow17([[1, generic(MS + i, MS + i, MS, i, i)]]));
    const { rows } = await rowsOf(layout2File('new', [flows.slice(0, 5), flows.slice(5)]));
    expect(rows.map((row) => row['packets'])).toEqual([0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n]);
  });

  it('have a name of their source', async () => {
    const path = join(tempDir('nfcapd'), 'nfcapd.202311142215');
    writeFileSync(path, layout2File('border1', [[FLOW]]));
    const file = await NfcapdFile.open(path);
    await file.close();
    expect({ ident: file.ident, createdMs: file.createdMs }).toEqual({
      ident: 'border1',
      createdMs: 1_700_000_100_000,
    });
  });

  it('count by name what has no column, and counters that were multiplied', async () => {
    const flow = flow17(
      [
        [1, generic(MS, MS, MS, 100, 1)],
        [24, Buffer.alloc(68)],
        [77, Buffer.alloc(4)],
      ],
      2,
    );
    const { rows, lost } = await rowsOf(layout2File('new', [[flow, record(13, Buffer.alloc(8))]]));
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ packets: 100n, sampling: 1 });
    expect(Object.fromEntries(lost)).toEqual({
      'user name': 1,
      'extension 77': 1,
      'counters multiplied by the sampling rate': 1,
      'record of type 13': 1,
    });
  });

  it('leave a flow without addresses of the other family', async () => {
    const both = flow17([
      [1, generic(MS, MS, MS, 1, 1)],
      [2, packed([4, 0], [4, 0])],
      [3, Buffer.concat([V6_SRC, V6_DST])],
    ]);
    const { rows } = await rowsOf(layout2File('new', [[both]]));
    expect(addressOf(rows[0]!, 'srcAddr')).toBe('2001:db8:0:1::10');
  });
});

describe('a file that is not whole', () => {
  const whole = layout2File('new', [[FLOW, FLOW], [FLOW]]);
  const cases: [string, Buffer, RegExp][] = [
    ['empty', Buffer.alloc(0), /not a file of nfcapd/],
    ['of text', Buffer.from('x'.repeat(500)), /not a file of nfcapd/],
    ['of a big-endian machine', Buffer.from(whole).fill(Buffer.from([0xa5, 0x0c, 0, 2]), 0, 4), /big-endian/],
    ['of another layout', Buffer.from(whole).fill(9, 2, 3), /layout 9/],
    ['cut in a block', whole.subarray(0, 150), /cut|damaged/],
    ['with a huge block', Buffer.from(whole).fill(0xff, 44, 48), /block of 4294967295/],
    ['with its appendix far beyond its end', Buffer.from(whole).fill(0xff, 24, 32), /place beyond its end/],
    ['encrypted', Buffer.from(whole).fill(1, 17, 18), /encrypted/],
    ['packed in an unknown way', Buffer.from(whole).fill(9, 16, 17), /compression 9/],
    ['said to be packed', Buffer.from(whole).fill(3, 16, 17), /lz4/],
    ['still being written', Buffer.from(whole).fill(0, 18, 20).fill(0, 36, 40), /not closed/],
    ['with a record that is cut', layout2File('new', [[Buffer.from(FLOW).fill(0xff, 2, 4)]]), /record is cut/],
    ['with a map that is missing', layout1File('old', [[OLD_BLOCKS[0]![2]!]]), /without its extension map/],
  ];

  it('begun at a time that cannot be has no time', async () => {
    const path = join(tempDir('nfcapd'), 'nfcapd.odd');
    writeFileSync(path, Buffer.from(layout2File('new', [])).fill(0xff, 8, 16));
    expect(await firstFlowMs(path, new FlowBatchPool(4))).toBe(0);
  });

  it.each(cases)('%s is an error with a reason', async (_, bytes, message) => {
    await expect(rowsOf(bytes)).rejects.toThrow(message);
    await expect(rowsOf(bytes)).rejects.toBeInstanceOf(FlowFileError);
  });

  it('of random damage gives flows or an error, never anything else', async () => {
    const pool = new FlowBatchPool(4);
    const blocks = [...OLD_BLOCKS.map((records) => block(2, records)), block(3, [FLOW, FLOW])];
    await fuzz((roll) => {
      const decoder = new NfcapdDecoder();
      for (const source of blocks) {
        const bytes = Buffer.from(source.subarray(12));
        for (let i = roll(6); i > 0; i--) bytes[roll(bytes.length)] = roll(4) === 0 ? 255 : roll(256);
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length - roll(5));
        decoder.begin({ type: source.readUInt16LE(8), records: roll(6), view });
        const batch = pool.acquire();
        try {
          while (!decoder.decode(batch)) batch.reset();
        } catch (error) {
          if (!(error instanceof FlowFileError)) throw error;
        } finally {
          expect(batch.rows).toBeLessThanOrEqual(batch.capacity);
          pool.release(batch);
        }
      }
    });
  });

  it('of random damage in head and blocks gives flows or an error', async () => {
    const path = join(tempDir('nfcapd'), 'nfcapd.202311142215');
    const pool = new FlowBatchPool(100);
    await fuzz(async (roll) => {
      const bytes = Buffer.from(roll(2) === 0 ? whole : layout1File('old', OLD_BLOCKS));
      for (let i = roll(8); i > 0; i--) bytes[roll(bytes.length)] = roll(256);
      writeFileSync(path, bytes.subarray(0, bytes.length - (roll(2) === 0 ? roll(bytes.length) : 0)));
      await readNfcapd(path, pool, () => Promise.resolve()).catch((error) => {
        if (!(error instanceof FlowFileError)) throw error;
      });
    });
  });
});
