import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { FlowExporter } from '../../src/export/exporter.ts';
import { TcpTransport } from '../../src/export/tcp-transport.ts';
import type { FlowBatch } from '../../src/flow/batch.ts';
import { FlowOutput } from '../../src/pipeline/flow-output.ts';
import type { RangeConsumer } from '../../src/pipeline/outlet.ts';
import { BOOT_MS, batchOf, sampleFlows } from '../export/support.ts';

/** Notes the source ports that it gets; takes nothing more while it is stalled. */
class Taker implements RangeConsumer {
  readonly ports: number[] = [];
  concurrentWrites?: number;
  closed = false;
  private gate: Promise<void> | undefined;
  private open: () => void = () => {};

  write(batch: FlowBatch, start = 0, end = batch.rows): Promise<void> | undefined {
    this.ports.push(...batch.get('srcPort')!.subarray(start, end));
    return this.gate;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  stall(): void {
    this.gate = new Promise((resolve) => {
      this.open = resolve;
    });
  }

  goOn(): void {
    this.gate = undefined;
    this.open();
  }
}

/** Writes batches of `rows` flows with ports that count up. */
function writer(output: FlowOutput, rows: number): () => void {
  let port = 0;
  return () => {
    const batch = output.acquire();
    for (let row = 0; row < rows; row++) {
      batch.use('srcPort')[row] = port++;
      batch.use('packets')[row * 2] = 2;
      batch.use('octets')[row * 2 + 1] = 1;
    }
    batch.rows = rows;
    output.write(batch);
  };
}

function counting(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

it('begins as many writes as a consumer takes at once, and a step in between waits for them', async () => {
  const taker = new Taker();
  taker.concurrentWrites = 2;
  const output = new FlowOutput({ destinations: [{ name: 'a', consumer: taker }], dropWhenFull: false });
  const write = writer(output, 10);
  taker.stall();
  for (let i = 0; i < 2; i++) write();
  let stepped = false;
  output.afterGiven(taker, () => {
    stepped = true;
  });
  write();
  expect(taker.ports).toEqual(counting(20));
  expect(stepped).toBe(false);
  taker.goOn();
  await output.close();
  expect(stepped).toBe(true);
  expect(taker.ports).toEqual(counting(30));
});

it('a step in between comes behind what was given before, also where that is lost', async () => {
  for (const dropWhenFull of [false, true]) {
    const taker = new Taker();
    const other = new Taker();
    const output = new FlowOutput({
      destinations: [
        { name: 'a', consumer: taker },
        { name: 'b', consumer: other },
      ],
      dropWhenFull,
    });
    const write = writer(output, 10);
    const seen: number[][] = [];
    output.afterGiven(other, () => seen.push([-1]));
    expect(seen.splice(0)).toEqual([[-1]]);
    taker.stall();
    for (let i = 0; i < 3; i++) write();
    output.afterGiven(taker, () => seen.push([...taker.ports]));
    write();
    expect(seen).toEqual([]);
    taker.goOn();
    await output.idle();
    expect(seen).toEqual([counting(30)]);
    expect(taker.ports).toEqual(counting(40));
    await output.close();
  }
});

describe('a destination that stalls', () => {
  it('live: loses what its queue does not hold, and costs the others nothing', async () => {
    const slow = new Taker();
    const fast = new Taker();
    const output = new FlowOutput({
      destinations: [
        { name: 'slow', consumer: slow },
        { name: 'fast', consumer: fast },
      ],
      maxHeld: 3,
      dropWhenFull: true,
    });
    const write = writer(output, 10);
    slow.stall();
    for (let i = 0; i < 20; i++) write();
    expect(fast.ports).toEqual(counting(200));
    expect(slow.ports).toEqual(counting(10));
    expect(output.losses()).toEqual([
      { name: 'slow', flows: 170, packets: 340, octets: 170 * 2 ** 32 },
      { name: 'fast', flows: 0, packets: 0, octets: 0 },
    ]);
    slow.goOn();
    await sleep(0);
    expect(slow.ports).toEqual(counting(30));
    write();
    expect(slow.ports.slice(-10)).toEqual(fast.ports.slice(-10));
    await output.close();
    expect([slow.closed, fast.closed, output.flows, output.lostFlows]).toEqual([true, true, 210, 170]);
  });

  it('replay: is waited for, and nothing is lost', async () => {
    const slow = new Taker();
    const fast = new Taker();
    const output = new FlowOutput({
      destinations: [
        { name: 'slow', consumer: slow },
        { name: 'fast', consumer: fast },
      ],
      dropWhenFull: false,
    });
    const write = writer(output, 10);
    for (let i = 0; i < 50; i++) {
      if (i % 10 === 0) {
        slow.stall();
        setTimeout(() => slow.goOn(), 5);
      }
      write();
      if (output.isFull) await output.ready();
    }
    await output.close();
    expect(slow.ports).toEqual(counting(500));
    expect(fast.ports).toEqual(counting(500));
    expect(output.lostFlows).toBe(0);
  });

  it('is not waited for without end when the run is to end', async () => {
    const stuck = new Taker();
    const output = new FlowOutput({ destinations: [{ name: 'stuck', consumer: stuck }], dropWhenFull: false });
    const write = writer(output, 10);
    stuck.stall();
    for (let i = 0; i < 4; i++) write();
    expect(output.isFull).toBe(true);
    output.hurry();
    await output.ready();
    write();
    await output.close();
    expect(stuck.closed).toBe(true);
    // One batch was in its hands.
    expect([stuck.ports.length, output.lostFlows, output.flows]).toEqual([10, 40, 50]);
  });
});

it('destinations are exchanged between two batches: those before get what was theirs, and are closed', async () => {
  const [before, stays, after] = [new Taker(), new Taker(), new Taker()];
  const old = { name: 'collector', consumer: before };
  const output = new FlowOutput({ destinations: [old, { name: 'files', consumer: stays }], dropWhenFull: true });
  const write = writer(output, 10);
  before.stall();
  for (let i = 0; i < 6; i++) write();
  const closed = output.exchange([old], [{ name: 'collector', consumer: after }]);
  write();
  expect([before.closed, after.ports.length]).toEqual([false, 10]);
  before.goOn();
  await closed;
  expect([before.closed, before.ports.length]).toEqual([true, 40]);
  await output.close();
  expect(stays.ports).toEqual(counting(70));
  expect(after.ports).toEqual(counting(70).slice(60));
  expect(output.losses()).toEqual([
    { name: 'collector', flows: 20, packets: 40, octets: 20 * 2 ** 32 },
    { name: 'files', flows: 0, packets: 0, octets: 0 },
  ]);
});

describe('destinations that share', () => {
  it('get each flow once, and the share of one that stalls goes to the others', async () => {
    const takers = [new Taker(), new Taker(), new Taker()];
    const output = new FlowOutput({
      destinations: [takers.map((consumer, i) => ({ name: String(i), consumer }))],
      maxHeld: 2,
      dropWhenFull: true,
    });
    const write = writer(output, 10);
    for (let i = 0; i < 30; i++) write();
    const shares = takers.map(({ ports }) => ports.length);
    expect(Math.min(...shares)).toBeGreaterThan(80);
    takers[1]!.stall();
    for (let i = 0; i < 30; i++) write();
    expect(output.lostFlows).toBe(0);
    takers[1]!.goOn();
    await output.close();
    const all = takers.flatMap(({ ports }) => ports).sort((a, b) => a - b);
    expect(all).toEqual(counting(600));
  });
});

it('a TCP peer that stops reading: bounded, counted by name, and the others get all', async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    sockets.push(socket.pause());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const transport = await TcpTransport.open({
    host: '127.0.0.1',
    port,
    queueBytes: 400_000,
    patienceMs: Number.POSITIVE_INFINITY,
    log: () => undefined,
  });
  const exporter = new FlowExporter({ version: 10, transports: [transport], clock: 'flows', bootMs: () => BOOT_MS });
  const other = new Taker();
  const output = new FlowOutput({
    destinations: [
      { name: 'stuck', consumer: exporter },
      { name: 'other', consumer: other },
    ],
    dropWhenFull: true,
  });
  const flows = sampleFlows(2000);
  let written = 0;
  try {
    // The system's buffers take some megabytes first.
    for (; output.lostFlows < 10_000; written++) {
      const batch = batchOf(flows);
      output.write(batch);
      await sleep(0);
    }
    expect(other.ports.length).toBe(written * 2000);
    expect(output.losses()[1]!.flows).toBe(0);
    const [stuck] = output.losses();
    expect(stuck!.packets).toBeGreaterThan(stuck!.flows * 10);
    expect(transport.stats().failed).toBe(0);
    // It reads again, and what comes from now on arrives.
    for (const socket of sockets) socket.resume();
    while (output.isFull) await output.ready();
    const lost = output.lostFlows;
    output.write(batchOf(flows));
    await output.close();
    expect(output.lostFlows).toBe(lost);
    expect(exporter.stats().flows).toBe((written + 1) * 2000 - lost);
    expect(transport.stats().failed).toBe(0);
  } finally {
    transport.abort();
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});
