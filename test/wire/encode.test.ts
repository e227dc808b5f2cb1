import { describe, expect, it } from 'vitest';
import { FlowBatch } from '../../src/flow/batch.ts';
import { v5Sampling, writeIpfixHeader, writeV5Header, writeV9Header } from '../../src/wire/encode-header.ts';
import { type Family, type RecordField, RecordLayout } from '../../src/wire/encode-record.ts';
import { optionsDataSet, optionsTemplateSet, templateId, templateSet } from '../../src/wire/encode-template.ts';
import { V5_LAYOUT } from '../../src/wire/encode-v5.ts';

/** 2024-03-01 12:00:00 UTC, 0x65e1c340 seconds. */
const NOW_MS = 1_709_294_400_000;
const BOOT_MS = NOW_MS - 10_000;

/** One TCP flow from 192.0.2.1:51000 to 198.51.100.2:443 that began 5 s and ended 2 s before `NOW_MS`. */
function oneFlow(): FlowBatch {
  const batch = new FlowBatch(1);
  batch.use('firstMs')[0] = NOW_MS - 5000;
  batch.use('lastMs')[0] = NOW_MS - 2000;
  batch.use('octets').set([0x1234, 0]);
  batch.use('packets').set([10, 0]);
  batch.use('srcAddrLo').set([0xc0000201, 0xffff]);
  batch.use('dstAddrLo').set([0xc6336402, 0xffff]);
  batch.use('srcPort')[0] = 51_000;
  batch.use('dstPort')[0] = 443;
  batch.use('proto')[0] = 6;
  batch.use('tos')[0] = 0x28;
  batch.use('tcpFlags')[0] = 0x1b;
  batch.use('inIf')[0] = 3;
  batch.use('srcAs')[0] = 64_500;
  batch.use('srcMask')[0] = 24;
  batch.rows = 1;
  return batch;
}

function encodeRecord(batch: FlowBatch, fields: readonly RecordField[], family: Family = 4, bootMs = BOOT_MS): string {
  const layout = new RecordLayout(fields, family);
  const bytes = Buffer.alloc(layout.recordBytes + 2, 0xee);
  const writer = layout.writer();
  writer.bind(batch);
  writer.write(bytes, Uint32Array.of(7, 0), 1, Uint32Array.of(1, 1), 1, bootMs);
  // Nothing beside the record is touched.
  expect([bytes[0], bytes.at(-1)]).toEqual([0xee, 0xee]);
  return bytes.toString('hex', 1, 1 + layout.recordBytes);
}

function headerOf(bytes: number, write: (view: DataView) => void): string {
  const buffer = Buffer.alloc(bytes);
  write(new DataView(buffer.buffer, buffer.byteOffset, bytes));
  return buffer.toString('hex');
}

const hex = (...parts: string[]) => parts.join('');

describe('byte for byte', () => {
  it('NetFlow v5', () => {
    const header = headerOf(24, (view) =>
      writeV5Header(view, 1, NOW_MS + 250, BOOT_MS, 77, 0x0102, v5Sampling(100, false)),
    );
    expect(header).toBe(
      hex(
        '0005', // version
        '0001', // count: records
        '0000280a', // sysUptime: 10 250 ms after boot
        '65e1c340', // unix_secs
        '0ee6b280', // unix_nsecs: the same instant's 250 000 000 ns
        '0000004d', // flow_sequence: flows before
        '01', // engine_type
        '02', // engine_id
        '4064', // sampling: mode 1 in the top two bits, interval 100
      ),
    );
    expect(encodeRecord(oneFlow(), V5_LAYOUT)).toBe(
      hex(
        'c0000201', // srcaddr
        'c6336402', // dstaddr
        '00000000', // nexthop: not known
        '0003', // input
        '0000', // output
        '0000000a', // dPkts
        '00001234', // dOctets
        '00001388', // first: uptime 5000
        '00001f40', // last: uptime 8000
        'c738', // srcport
        '01bb', // dstport
        '00', // pad1
        '1b', // tcp_flags
        '06', // prot
        '28', // tos
        'fbf4', // src_as
        '0000', // dst_as
        '18', // src_mask
        '00', // dst_mask
        '0000', // pad2
      ),
    );
  });

  it('NetFlow v9 (RFC 3954)', () => {
    // Section 5.1. The export time has 250 ms, unix_secs has none: both clocks say the next whole second.
    const header = headerOf(20, (view) => writeV9Header(view, 2, NOW_MS + 250, BOOT_MS, 5, 9));
    expect(header).toBe(
      hex(
        '0009', // version
        '0002', // count: a template and a flow
        '00002af8', // sysUptime: 11 000
        '65e1c341', // unix_secs
        '00000005', // sequence: datagrams before
        '00000009', // source id
      ),
    );
    const fields: RecordField[] = [
      { element: 22, length: 4, value: 'firstMs' },
      { element: 1, length: 8, value: 'octets' },
      { element: 8, length: 4, value: 'srcAddr' },
      { element: 4, length: 1, value: 'proto' },
    ];
    // Section 5.2.
    expect(Buffer.from(templateSet(9, 300, fields)).toString('hex')).toBe(
      hex('0000', '0018', '012c', '0004', '00160004', '00010008', '00080004', '00040001'),
    );
    expect(encodeRecord(oneFlow(), fields)).toBe(hex('00001388', '0000000000001234', 'c0000201', '06'));
    // Section 6.1: lengths of scopes and options in bytes; scope 1 is the system. Padded to 4 bytes, pad included.
    const table = {
      scopes: [{ element: 1, length: 4 }],
      fields: [
        { element: 34, length: 4 },
        { element: 35, length: 1 },
      ],
      rows: [[0, 100, 2]],
    };
    expect(Buffer.from(optionsTemplateSet(9, 301, table)).toString('hex')).toBe(
      hex('0001', '0018', '012d', '0004', '0008', '00010004', '00220004', '00230001', '0000'),
    );
    expect(Buffer.from(optionsDataSet(301, table)).toString('hex')).toBe(
      hex('012d', '0010', '00000000', '00000064', '02', '000000'),
    );
  });

  it('IPFIX (RFC 7011)', () => {
    // Section 3.1.
    const header = headerOf(16, (view) => writeIpfixHeader(view, 60, NOW_MS + 250, 2 ** 32 - 1, 9));
    expect(header).toBe(hex('000a', '003c', '65e1c340', 'ffffffff', '00000009'));
    const fields: RecordField[] = [
      { element: 152, length: 8, value: 'firstMs' },
      { element: 27, length: 16, value: 'srcAddr' },
      { element: 60, length: 1, value: 'ipVersion' },
    ];
    // Section 3.4.1.
    expect(Buffer.from(templateSet(10, 300, fields)).toString('hex')).toBe(
      hex('0002', '0014', '012c', '0003', '00980008', '001b0010', '003c0001'),
    );
    const batch = oneFlow();
    batch.use('srcAddrHi').set([0x00010002, 0x20010db8]);
    batch.use('srcAddrLo').set([0x00000009, 0x00000000]);
    // 1 709 294 395 000 ms = 0x18df9e29e78; section 6.1.8.
    expect(encodeRecord(batch, fields, 6)).toBe(hex('0000018df9e29e78', '20010db8000100020000000000000009', '06'));
    // Section 3.4.2.2: field count, then scope field count; scope 149 is an ordinary element.
    const table = {
      scopes: [{ element: 149, length: 4 }],
      fields: [{ element: 160, length: 8 }],
      rows: [[9, BOOT_MS]],
    };
    expect(Buffer.from(optionsTemplateSet(10, 301, table)).toString('hex')).toBe(
      hex('0003', '0014', '012d', '0002', '0001', '00950004', '00a00008', '0000'),
    );
    expect(Buffer.from(optionsDataSet(301, table)).toString('hex')).toBe(
      hex('012d', '0010', '00000009', '0000018df9e28af0'),
    );
  });
});

describe('widths', () => {
  const one = (field: RecordField, fill: (batch: FlowBatch) => void, family: Family = 4) => {
    const batch = oneFlow();
    fill(batch);
    return encodeRecord(batch, [field], family);
  };

  it.each([
    ['MAC', { element: 56, length: 6, value: 'inSrcMac' }, '00005e0053af'],
    ['MPLS', { element: 70, length: 3, value: 'mpls1' }, '0186a3'],
    ['flow label in v9', { element: 31, length: 3, value: 'flowLabel' }, '0abcde'],
    ['flow label in IPFIX', { element: 31, length: 4, value: 'flowLabel' }, '000abcde'],
    ['wide counter', { element: 1, length: 8, value: 'outOctets' }, '0123456789abcdef'],
    ['TCP flags, 2 bytes', { element: 6, length: 2, value: 'tcpFlags' }, '01c2'],
    ['TCP flags, 1 byte', { element: 6, length: 1, value: 'tcpFlags' }, 'c2'],
    ['ifIndex beyond 16 bits', { element: 10, length: 2, value: 'inIf' }, 'ffff'],
    ['AS number beyond 16 bits', { element: 16, length: 2, value: 'srcAs' }, '5ba0'],
    ['direction not known', { element: 61, length: 1, value: 'direction' }, 'ff'],
    ['column that is not there', { element: 136, length: 1, value: 'endReason' }, '00'],
    ['address that is not there', { element: 63, length: 16, value: 'bgpNextHop' }, '0'.repeat(32)],
    ['constant', { element: 39, length: 1, value: 'constant', constant: 7 }, '07'],
    ['ICMP type and code of TCP', { element: 32, length: 2, value: 'icmpTypeCode' }, '0000'],
  ] as const)('%s', (_, field, expected) => {
    const written = one(field, (batch) => {
      batch.use('inSrcMac').set([0x5e0053af, 0]);
      batch.use('mpls1')[0] = 0x0186a3;
      batch.use('flowLabel')[0] = 0xabcde;
      batch.use('outOctets').set([0x89abcdef, 0x01234567]);
      batch.use('tcpFlags')[0] = 0x1c2;
      batch.use('inIf')[0] = 70_000;
      batch.use('srcAs')[0] = 4_200_000_000;
    });
    expect(written).toBe(expected);
  });

  it.each([
    [1, 4, 32, '0801'],
    [58, 6, 139, '0801'],
    [58, 4, 32, '0000'],
    [1, 6, 139, '0000'],
  ] as const)('protocol %i in a template for IPv%i', (proto, family, element, expected) => {
    const fill = (batch: FlowBatch) => {
      batch.use('proto')[0] = proto;
      batch.use('dstPort')[0] = 0x0801;
    };
    expect(one({ element, length: 2, value: 'icmpTypeCode' }, fill, family)).toBe(expected);
  });

  it('an uptime wraps, and a time not known stays 0', () => {
    const field: RecordField = { element: 21, length: 4, value: 'lastMs' };
    expect(encodeRecord(oneFlow(), [field], 4, NOW_MS - 2000 + 1)).toBe('ffffffff');
    expect(one(field, (batch) => batch.use('lastMs').fill(0))).toBe('00000000');
  });

  it('a width that no encoding exists for is refused when the template is made', () => {
    expect(() => new RecordLayout([{ element: 1, length: 3, value: 'octets' }], 4)).toThrow(/octets/);
    expect(() => new RecordLayout([{ element: 22, length: 8, value: 'firstMs' }], 4)).toThrow(/firstMs/);
  });
});

describe('template ids', () => {
  const fields = [
    { element: 8, length: 4 },
    { element: 12, length: 4 },
  ];

  it('are made from the fields, within 256 and 65535', () => {
    const id = templateId([], fields, new Set());
    expect(id).toBe(templateId([], structuredClone(fields), new Set()));
    expect(id).toBeGreaterThanOrEqual(256);
    expect(id).toBeLessThanOrEqual(65_535);
    // A change here would give running collectors new numbers for old templates.
    expect(id).toBe(22_441);
    const others = [
      templateId([], fields.toReversed(), new Set()),
      templateId([], [fields[0]!, { element: 12, length: 8 }], new Set()),
      templateId([fields[0]!], [fields[1]!], new Set()),
    ];
    expect(new Set([id, ...others]).size).toBe(4);
  });

  it('step over numbers that are taken', () => {
    const id = templateId([], fields, new Set());
    const next = templateId([], fields, new Set([id]));
    expect(next).not.toBe(id);
    expect(templateId([], fields, new Set([id, next]))).not.toBe(next);
  });
});
