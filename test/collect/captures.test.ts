import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { formatAddress } from '../../src/flow/address.ts';
import { type Column, columns, fieldByName, fields } from '../../src/flow/fields.ts';
import { elementById, elements } from '../../src/wire/elements.ts';
import { VERSION_SFLOW } from '../../src/wire/protocol.ts';
import { add, addressOf, type Row, rowCollector } from '../support/collect-rows.ts';
import { readUdp } from '../support/pcap-udp.ts';

/** Real exports of real devices, each record of which has been decoded independently. Not part of the repository. */
const DATA = new URL('../../../shared/data/flows/', import.meta.url);
const hasData = existsSync(new URL('expected.json', DATA));

interface Capture {
  file: string;
  exportPackets: Record<string, number>;
  expect: { flowRecords?: number; minFlowRecords?: number; maxFlowRecords?: number };
  optionsRecords: number;
  records: {
    kind: string;
    norm?: Norm;
    fields: Record<string, number | string | unknown[] | null>;
    /** sFlow: the address that the agent gives itself. */
    agent?: string;
    pdu: number;
    set: number | string;
  }[];
}

interface Norm {
  packets?: number | string;
  bytes?: number | string;
  inIf?: number;
  outIf?: number;
  firstMs?: number;
  lastMs?: number;
  src?: string;
  dst?: string;
  sport?: number;
  dport?: number;
  proto?: number;
  tcpFlags?: number;
  samplingInterval?: number;
}

/** Columns with rules of their own (the flow view has them), and those for which a stream's header is the source. */
const INDIRECT: ReadonlySet<string> = new Set([
  'firstMs',
  'lastMs',
  'dstPort',
  'sampling',
  'domain',
  'octets',
  'packets',
]);

/**
 * Where weir departs from the flow view of `expected.json`, and why. A departure that does not happen fails the test
 * as much as one that is not listed.
 */
const departures: Record<string, { field: keyof Norm; rows: number; reason: string }[]> = {
  'ipfix-netscaler': (['firstMs', 'lastMs'] as const).map((field) => ({
    field,
    rows: 3,
    reason:
      'the fractions of all six NTP times lie below 2^20 (0x68584 to 0x86b59), which three flows would have by chance hardly ever (2^-12 each): they are microseconds, as NetScaler is known to send',
  })),
  'v9-cisco-asa-nsel-a': [
    {
      field: 'dport',
      rows: 14,
      reason:
        'ICMP records with 176 and 177: the ASA puts the echo identifier (0x448d, 0x458d, 0x468d) into one port and 0 into the other, while type and code say echo reply (0), echo request (8) or port unreachable (3/3); the destination port of an ICMP row is type * 256 + code',
    },
  ],
};

/** Columns that a single element is copied to as it is, beyond the flow view. */
const plainColumns: [string, Column][] = columns
  .filter((column) => !column.name.endsWith('Hi') && !column.name.endsWith('Lo') && !INDIRECT.has(column.name))
  .flatMap((column): [string, Column][] => {
    const element = elementById(fieldByName(column.field).ie);
    return element === undefined ? [] : [[element.name, column]];
  });

/** Other addresses, where a record has one family of them. */
const plainAddresses = fields
  .filter((field) => field.type === 'addr' && !['srcAddr', 'dstAddr', 'exporter'].includes(field.name))
  .map((field) => ({ field, names: [field.ie, field.ie6 ?? 0].map((id) => elementById(id)?.name ?? '') }));

function expectedCell(value: number | string, isWide: boolean): number | bigint {
  if (typeof value === 'number') return isWide ? BigInt(value) : value;
  if (value.includes(':')) return BigInt(`0x${value.replaceAll(':', '')}`);
  return isWide ? BigInt(value) : Number.parseInt(value, 16);
}

const readers: Record<keyof Norm, (row: Row) => string> = {
  packets: (row) => String(row.packets),
  bytes: (row) => String(row.octets),
  inIf: (row) => String(row.inIf),
  outIf: (row) => String(row.outIf),
  firstMs: (row) => String(row.firstMs),
  lastMs: (row) => String(row.lastMs),
  src: (row) => addressOf(row, 'srcAddr'),
  dst: (row) => addressOf(row, 'dstAddr'),
  sport: (row) => String(row.srcPort),
  dport: (row) => String(row.dstPort),
  proto: (row) => String(row.proto),
  tcpFlags: (row) => String(row.tcpFlags),
  samplingInterval: (row) => String(row.sampling),
};

/** In the flow view of sFlow: the length of the frame, of which weir keeps the IP packet's. */
const NOT_KEPT = 'frameBytes';

/** Fields of sFlow samples that have a column under another name than an element's; undefined where none is due. */
const sflowReaders: Record<string, (row: Row, value: unknown, fields: Row) => [got: unknown, due: unknown]> = {
  ipTTL: (row, value) => [
    [row.minTtl, row.maxTtl],
    [value, value],
  ],
  switchSrcVlan: (row, value) => [row.srcVlan, Number(value) > 4095 ? 0 : value],
  switchDstVlan: (row, value) => [row.dstVlan, Number(value) > 4095 ? 0 : value],
  nextHop: (row, value) => [addressOf(row, 'nextHop'), value],
  srcMaskLen: (row, value) => [row.srcMask, value],
  dstMaskLen: (row, value) => [row.dstMask, value],
  bgpNextHop: (row, value) => [addressOf(row, 'bgpNextHop'), value === '0.0.0.0' ? '::' : value],
  srcPeerAs: (row, value) => [row.prevAs, value],
  // 0, or no path, is the router's own AS.
  srcAs: (row, value, fields) => [row.srcAs, value || fields.routerAs],
  dstAsPath: (row, value, fields) => {
    const path = value as number[];
    return [
      [row.nextAs, row.dstAs],
      [path[0] ?? 0, path.at(-1) ?? fields.routerAs],
    ];
  },
  vlanIds: (row, value) => [row.srcVlan, (value as number[])[0]],
};

const captures: Record<string, Capture> = hasData
  ? JSON.parse(readFileSync(new URL('expected.json', DATA), 'utf8')).captures
  : {};

describe.skipIf(!hasData)('captures of real exporters (shared/data/flows)', () => {
  test('every IANA element in them has a name', () => {
    const known = new Set(elements.map(({ name }) => name));
    const used = Object.values(captures)
      .filter(({ exportPackets }) => !('sFlow v5' in exportPackets))
      .flatMap(({ records }) => records.flatMap(({ fields: found }) => Object.keys(found)))
      .filter((name) => !/^(nf9|pen)\.|^scope/.test(name));
    expect(used.length).toBeGreaterThan(1000);
    expect([...new Set(used)].filter((name) => !known.has(name))).toEqual([]);
  });

  for (const [name, capture] of Object.entries(captures)) {
    const datagrams = readUdp(readFileSync(new URL(capture.file, DATA)));

    test(`${name}: every record`, () => {
      // Nothing held back, as in expected.json.
      const { collector, rows } = rowCollector({ limits: { pendingBytes: 0 } });
      for (const datagram of datagrams) add(collector, datagram);
      collector.flush();
      const flows = capture.records.filter((record) => record.kind === 'flow');
      const { flowRecords, minFlowRecords, maxFlowRecords } = capture.expect;
      if (rows.length !== flows.length) {
        expect(rows.length).toBeGreaterThanOrEqual(flowRecords ?? minFlowRecords!);
        expect(rows.length).toBeLessThanOrEqual(flowRecords ?? maxFlowRecords!);
        return;
      }
      const { decode } = collector.stats();
      expect(decode.optionsRecords).toBe(capture.optionsRecords);
      const countOf = (kind: string) => capture.records.filter((record) => record.kind === kind).length;
      expect(decode.counterSamples).toBe(countOf('counters'));
      expect(decode.discardSamples).toBe(countOf('discard'));
      const found = new Map<string, string[]>();
      flows.forEach((flow, i) => {
        if (flow.agent !== undefined) {
          const isLoopback = flow.agent.startsWith('127.');
          expect(addressOf(rows[i]!, 'exporter')).toBe(
            isLoopback ? formatAddress(...datagrams[flow.pdu - 1]!.source) : flow.agent,
          );
          expect(rows[i]!.exportVersion).toBe(VERSION_SFLOW);
        }
        for (const [key, value] of Object.entries(flow.set === 'sflow' ? flow.fields : {})) {
          const [got, due] = sflowReaders[key]?.(rows[i]!, value, flow.fields as Row) ?? [];
          expect(got, `${key} of record ${i + 1}`).toEqual(due);
        }
        for (const [key, value] of Object.entries(flow.norm ?? {})) {
          if (key === NOT_KEPT) continue;
          const read = readers[key as keyof Norm];
          const got = read(rows[i]!);
          if (got === String(value)) continue;
          const list = found.get(key) ?? [];
          list.push(`record ${i + 1} (datagram ${flow.pdu}, set ${flow.set}): expected ${value}, got ${got}`);
          found.set(key, list);
        }
        for (const { field, names } of plainAddresses) {
          const values = names.map((element) => flow.fields[element]).filter((value) => typeof value === 'string');
          if (values.length !== 1) continue;
          expect(addressOf(rows[i]!, field.name)).toBe(String(values[0]).replace('::ffff:', ''));
        }
        for (const [element, column] of plainColumns) {
          const value = flow.fields[element];
          if (typeof value !== 'number' && typeof value !== 'string') continue;
          const got = rows[i]![column.name];
          if (got === expectedCell(value, column.type === 'u64')) continue;
          const list = found.get(element) ?? [];
          list.push(`record ${i + 1} (datagram ${flow.pdu}, set ${flow.set}): expected ${value}, got ${got}`);
          found.set(element, list);
        }
      });
      for (const { field, rows: count } of departures[name] ?? []) {
        expect(found.get(field), `departure ${field} of ${name}`).toHaveLength(count);
        found.delete(field);
      }
      expect(Object.fromEntries(found)).toEqual({});
    });
  }
});
