/**
 * Nanoseconds a record to decode NetFlow v5, v9 and IPFIX into flow batches, all columns, on one thread.
 *
 *   npx rolldown test/bench/decode.ts --file dist/bench.mjs --platform node && node dist/bench.mjs [millions of records]
 *
 * As one file, because weir is built with constants put in; with imports as they stand the loops are far slower.
 */

import { DATAGRAM_META_BYTES, DATAGRAM_META_WORDS } from '../../src/addon/datagram-layout.ts';
import { Collector } from '../../src/collect/collector.ts';
import { DatagramSlot } from '../../src/collect/datagram-slot.ts';
import { type FlowBatch, FlowBatchPool } from '../../src/flow/batch.ts';
import {
  EXPORT_SECONDS,
  fill,
  ipfixMessage,
  ROUTER_FIELDS,
  recordBytes,
  type TemplateField,
  v5Datagram,
  v9Datagram,
} from '../support/flow-datagrams.ts';

const RECORDS = Number(process.argv[2] ?? 5) * 1e6;
const DATAGRAMS_PER_SLOT = 512;
/** The best part counts: other work on the machine disturbs the rest. */
const PARTS = 40;

const IPFIX_FIELDS: TemplateField[] = ROUTER_FIELDS.map(([element, length]) => {
  if (element === 22) return [152, 8];
  if (element === 21) return [153, 8];
  return element === 1 || element === 2 ? [element, 8] : [element, length];
});

/** Random records, but for times: those of a real exporter all lie within an hour. */
function records(fields: readonly TemplateField[], count: number, seed: number): Uint8Array {
  const stride = recordBytes(fields);
  const bytes = fill(count * stride, seed);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [element, length] of fields) {
    for (let i = 0; i < count && length === 8 && element >= 152; i++) {
      const ms = BigInt(EXPORT_SECONDS * 1000 - (view.getUint32(i * stride) >>> 10));
      view.setBigUint64(i * stride + at, ms);
    }
    at += length;
  }
  return bytes;
}

function slotOf(make: (i: number) => Uint8Array): { slot: DatagramSlot; count: number } {
  const datagrams = Array.from({ length: DATAGRAMS_PER_SLOT }, (_, i) => make(i));
  const metaBytes = DATAGRAMS_PER_SLOT * DATAGRAM_META_BYTES;
  const bytes = new Uint8Array(metaBytes + datagrams.reduce((sum, datagram) => sum + datagram.length + 8, 0));
  const slot = new DatagramSlot(bytes);
  let at = metaBytes;
  datagrams.forEach((datagram, i) => {
    bytes.set(datagram, at);
    const meta = i * DATAGRAM_META_WORDS;
    slot.words.set([at, datagram.length, 40_000, 2055, 0, 0, 0xc0000201, 0xffff], meta);
    slot.doubles[(meta >> 1) + 4] = 1_700_000_000_000 + i;
    at += datagram.length;
  });
  return { slot, count: datagrams.length };
}

function run(name: string, perDatagram: number, make: (i: number) => Uint8Array): void {
  let rows = 0;
  const pool = new FlowBatchPool();
  const sink = (batch: FlowBatch) => {
    rows += batch.rows;
    pool.release(batch);
  };
  const collector = new Collector({ sink, acquire: () => pool.acquire() });
  const { slot, count } = slotOf(make);
  const rounds = Math.ceil(RECORDS / (perDatagram * count));
  const round = () => collector.addSlot(slot, count);
  for (let i = 0; i < 20; i++) round();
  collector.flush();
  rows = 0;
  const best = { ns: Number.POSITIVE_INFINITY };
  for (let part = 0; part < PARTS; part++) {
    rows = 0;
    const start = process.hrtime.bigint();
    for (let i = 0; i < rounds / PARTS; i++) round();
    collector.flush();
    best.ns = Math.min(best.ns, Number(process.hrtime.bigint() - start) / rows);
  }
  console.log(`${name}: ${best.ns.toFixed(1)} ns a record, ${(1e3 / best.ns).toFixed(1)} M records/s`);
}

run('v5, 30 records', 30, (i) => v5Datagram({ sequence: i * 30, records: fill(30 * 48, i) }));
const v9Count = Math.floor(1400 / recordBytes(ROUTER_FIELDS));
run(`v9, 20 fields, ${v9Count} records`, v9Count, (i) =>
  v9Datagram({
    sequence: i,
    templates: i === 0 ? [{ id: 256, fields: ROUTER_FIELDS }] : [],
    data: [{ id: 256, bytes: records(ROUTER_FIELDS, v9Count, i) }],
  }),
);
const ipfixCount = Math.floor(1400 / recordBytes(IPFIX_FIELDS));
run(`IPFIX, 20 fields, ${ipfixCount} records`, ipfixCount, (i) =>
  ipfixMessage({
    sequence: i * ipfixCount,
    templates: i === 0 ? [{ id: 256, fields: IPFIX_FIELDS }] : [],
    data: [{ id: 256, bytes: records(IPFIX_FIELDS, ipfixCount, i) }],
  }),
);
