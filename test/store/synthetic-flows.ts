import type { FlowBatch } from '../../src/flow/batch.ts';

/** Small seeded generator of uniform numbers below 1 (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const SERVICE_PORTS = [443, 443, 443, 443, 80, 80, 53, 53, 53, 22, 25, 123, 993, 3389, 8080, 5060, 445, 1194];
const DATAGRAM_FLOWS = 30;

/**
 * Fills the rest of a batch with what a border router exports by NetFlow v5: clients of a /16 with servers of a long
 * tail of popularity, answers in the other direction, heavy-tailed counters, 30 flows a datagram.
 */
export function fillWithFlows(batch: FlowBatch, random: () => number, startMs: number, flowsPerSecond: number): void {
  const received = batch.use('receivedMs');
  const first = batch.use('firstMs');
  const last = batch.use('lastMs');
  const exported = batch.use('exportMs');
  const exporterLo = batch.use('exporterLo');
  batch.use('exporterHi');
  const version = batch.use('exportVersion');
  const srcLo = batch.use('srcAddrLo');
  const dstLo = batch.use('dstAddrLo');
  batch.use('srcAddrHi');
  batch.use('dstAddrHi');
  const srcPort = batch.use('srcPort');
  const dstPort = batch.use('dstPort');
  const proto = batch.use('proto');
  const inIf = batch.use('inIf');
  const outIf = batch.use('outIf');
  const packets = batch.use('packets');
  const octets = batch.use('octets');
  const flags = batch.use('tcpFlags');
  for (let row = batch.rows; row < batch.capacity; row++) {
    const datagramMs = startMs + Math.floor(((row - (row % DATAGRAM_FLOWS)) * 1000) / flowsPerSecond);
    received[row] = datagramMs;
    exported[row] = datagramMs - 3;
    const idle = random() * random() * 15_000;
    const duration = random() < 0.4 ? 0 : Math.exp(random() * 11);
    last[row] = Math.floor(datagramMs - 3 - idle);
    first[row] = Math.floor(datagramMs - 3 - idle - duration);
    exporterLo[row * 2] = 0x0a000001;
    exporterLo[row * 2 + 1] = 0xffff;
    version[row] = 5;
    const client = (0xc0a80000 | Math.floor(random() * random() * 65536)) >>> 0;
    const server = Math.floor(0x08000000 + random() ** 6 * 1_000_000) * 37;
    const kind = random();
    const isTcp = kind < 0.7;
    const service = kind > 0.97 ? 0 : SERVICE_PORTS[Math.floor(random() * SERVICE_PORTS.length)]!;
    const ephemeral = kind > 0.97 ? 0 : 32768 + Math.floor(random() * 28232);
    const outbound = random() < 0.5;
    srcLo[row * 2] = outbound ? client : server;
    dstLo[row * 2] = outbound ? server : client;
    srcLo[row * 2 + 1] = 0xffff;
    dstLo[row * 2 + 1] = 0xffff;
    srcPort[row] = outbound ? ephemeral : service;
    dstPort[row] = outbound ? service : ephemeral;
    proto[row] = kind > 0.97 ? 1 : isTcp ? 6 : 17;
    inIf[row] = outbound ? 2 : 1;
    outIf[row] = outbound ? 1 : 2;
    const count = Math.max(1, Math.floor(random() ** -0.7));
    packets[row * 2] = count;
    octets[row * 2] = Math.floor(count * (40 + (random() < 0.5 ? random() * 100 : random() * 1460)));
    flags[row] = isTcp ? (random() < 0.7 ? 0x1b : 0x12) : 0;
  }
  batch.rows = batch.capacity;
}
