/**
 * Nanoseconds a flow from batch to datagrams, everything but the socket, on one thread; as one file, see decode.ts.
 *
 *   npx rolldown test/bench/encode.ts --file dist/bench.mjs --platform node && node dist/bench.mjs [IPv6 share, 0.1]
 */
import { FlowExporter } from '../../src/export/exporter.ts';
import type { ExportVersion } from '../../src/export/exporter-options.ts';
import type { TemplatePreset } from '../../src/export/templates.ts';
import type { DatagramTransport } from '../../src/export/transport.ts';
import { BATCH_ROWS, FlowBatch } from '../../src/flow/batch.ts';

const V6_SHARE = Number(process.argv[2] ?? 0.1);
const START_MS = Date.UTC(2024, 2, 1);
/** The best round counts: other work on the machine disturbs the rest. */
const ROUNDS = 40;

const sink: DatagramTransport = {
  send() {},
  room: () => undefined,
  async close() {},
};

function makeBatch(): FlowBatch {
  const batch = new FlowBatch();
  const address = (name: 'srcAddr' | 'dstAddr', row: number, isV6: boolean, word: number) => {
    batch.use(`${name}Lo`).set([word, isV6 ? row : 0xffff], row * 2);
    batch.use(`${name}Hi`).set(isV6 ? [row, 0x20010db8] : [0, 0], row * 2);
  };
  for (let row = 0; row < BATCH_ROWS; row++) {
    // Evenly mixed: the worst for whoever fills datagrams by family.
    const isV6 = Math.floor((row + 1) * V6_SHARE) > Math.floor(row * V6_SHARE);
    const firstMs = START_MS + Math.floor(row / 10);
    batch.use('firstMs')[row] = firstMs;
    batch.use('lastMs')[row] = firstMs + 50;
    batch.use('exportMs')[row] = firstMs + 1000;
    batch.use('octets')[row * 2] = row * 60;
    batch.use('packets')[row * 2] = row;
    address('srcAddr', row, isV6, row * 77_777);
    address('dstAddr', row, isV6, row * 3333);
    batch.use('inIf')[row] = 3;
    batch.use('outIf')[row] = 4;
    batch.use('srcPort')[row] = row;
    batch.use('dstPort')[row] = 443;
    batch.use('proto')[row] = 6;
    batch.use('tcpFlags')[row] = 0x1b;
    batch.use('endReason')[row] = 1;
  }
  batch.rows = BATCH_ROWS;
  return batch;
}

function run(batch: FlowBatch, version: ExportVersion, preset: TemplatePreset): void {
  const exporter = new FlowExporter({
    version,
    template: preset,
    transports: [sink],
    clock: 'flows',
    bootMs: () => START_MS - 1000,
  });
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    exporter.write(batch);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / batch.rows);
  }
  console.log(`version ${version}, ${preset}: ${best.toFixed(1)} ns a flow, ${(1e3 / best).toFixed(1)} M flows/s`);
}

const batch = makeBatch();
run(batch, 5, 'default');
run(batch, 9, 'default');
run(batch, 10, 'default');
run(batch, 9, 'nfdump');
