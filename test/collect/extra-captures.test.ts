import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fields } from '../../src/flow/fields.ts';
import { elementById, elements } from '../../src/wire/elements.ts';
import { add, rowCollector } from '../support/collect-rows.ts';
import { readUdp } from '../support/pcap-udp.ts';

/** Every element of every record of real exports, decoded independently: it has a column, or it is in `extra`. */
const DATA = new URL('../../../shared/data/flows/', import.meta.url);
const hasData = existsSync(new URL('expected.json', DATA));

type Value = number | string | null | Value[];

interface Capture {
  file: string;
  exportPackets: Record<string, number>;
  records: { kind: string; set: number | string; fields: Record<string, Value> }[];
}

/** Elements whose meaning is in columns that are not named after them: times, ICMP, sampling, and the address family. */
const DERIVED = [
  ...[21, 22, 150, 151, 152, 153, 154, 155, 156, 157, 158, 159, 161, 162, 322, 323, 324, 325],
  ...[32, 139, 176, 177, 178, 179, 34, 50, 305, 306, 309, 310, 311, 60],
];

const inColumns = new Set([
  ...fields.flatMap(({ ie, ie6, alsoRead }) => [ie, ie6 ?? 0, ...(alsoRead ?? [])]).flatMap(nameOf),
  ...DERIVED.flatMap(nameOf),
  ...['reverseOctetDeltaCount', 'reversePacketDeltaCount'],
  // Cisco ASA's numbers of translated addresses and ports, and of the event.
  ...['nf9.40001', 'nf9.40002', 'nf9.40003', 'nf9.40004', 'nf9.40005', 'nf9.33002'],
]);

const typeByName = new Map(elements.map(({ name, type }) => [name, type]));

function nameOf(id: number): string[] {
  const name = elementById(id)?.name;
  return name === undefined ? [] : [name];
}

/** The key in `extra` of a field as expected.json names it. */
function keyOf(name: string): string {
  return name.replace(/^nf9\./, '').replace(/^pen\.(\d+)\.(\d+)$/, '$1/$2');
}

/** What `extra` may have for a value: hex of octets is also read as a number, a text or an address. */
function readings(name: string, value: Exclude<Value, Value[]>): unknown[] {
  if (typeof value !== 'string') return [value];
  const type = typeByName.get(name);
  if (type === 'application') {
    return [`${Number.parseInt(value.slice(0, 2), 16)}:${Number.parseInt(value.slice(2), 16)}`];
  }
  if (type === 'string' || type === 'mac' || type === 'ipv6') return [value];
  // An address of another length than it has is kept as its octets.
  if (type === 'ipv4') return value.includes('.') ? [value] : [`0x${value}`];
  if (type === 'u64') return [Number(value)];
  const bytes = Buffer.from(value, 'hex');
  const text = bytes.toString('utf8').replace(/\0.*$/s, '');
  const number = value.length <= 16 ? [Number.parseInt(value, 16)] : [];
  const isV4 = /^5951\.203$/.test(name) ? [[...bytes].join('.')] : [];
  return [`0x${value}`, text, ...number, ...isV4];
}

function isEmpty(name: string, value: Value): boolean {
  if (Array.isArray(value)) return value.every((each) => isEmpty(name, each));
  return value === null || value === '' || (name.startsWith('nf9.40000') && /^0*$/.test(String(value)));
}

const captures: Record<string, Capture> = hasData
  ? JSON.parse(readFileSync(new URL('expected.json', DATA), 'utf8')).captures
  : {};

/** Cut datagrams, which the other decoder reads further than their lengths say. */
const CUT = new Set(['v5-bad-count-a']);

describe.skipIf(!hasData)('elements without a column (shared/data/flows)', () => {
  let compared = 0;

  for (const [name, capture] of Object.entries(captures)) {
    if ('sFlow v5' in capture.exportPackets || CUT.has(name)) continue;
    test(name, () => {
      const { collector, extras } = rowCollector({ limits: { pendingBytes: 0 } });
      for (const datagram of readUdp(readFileSync(new URL(capture.file, DATA)))) add(collector, datagram);
      collector.flush();
      const problems: string[] = [];
      const flows = capture.records.filter(({ kind }) => kind === 'flow');
      expect(extras).toHaveLength(flows.length);
      flows.forEach((flow, i) => {
        const extra = { ...extras[i]! };
        for (const [field, value] of Object.entries(flow.fields)) {
          const key = keyOf(field);
          const got = extra[key];
          delete extra[key];
          const where = () => `${field} of record ${i + 1}: ${JSON.stringify(value)}, got ${JSON.stringify(got)}`;
          if (got === undefined) {
            // Of v5: the mode beside the rate, two bits that no sampler fills.
            if (flow.set === 'v5' && field === 'samplingAlgorithm') continue;
            if (isEmpty(field, value)) continue;
            // A value of all zeros may be an empty text.
            if (/^(pen|nf9)\./.test(field) && /^0*$/.test(String(value))) continue;
            if (!inColumns.has(field)) problems.push(where());
            continue;
          }
          compared++;
          const values = (Array.isArray(value) ? value : [value]) as Exclude<Value, Value[]>[];
          const allowed = new Set(values.flatMap((one) => readings(field, one)));
          if (!(Array.isArray(got) ? got : [got]).every((each) => allowed.has(each))) problems.push(where());
        }
        if (Object.keys(extra).length > 0) problems.push(`record ${i + 1} has no ${Object.keys(extra).join(', ')}`);
      });
      expect(problems).toEqual([]);
    });
  }

  test('and many were compared', () => {
    expect(compared).toBeGreaterThan(5000);
  });
});
