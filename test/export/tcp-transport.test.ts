import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { FlowExporter } from '../../src/export/exporter.ts';
import { TcpTransport } from '../../src/export/tcp-transport.ts';
import { UserError } from '../../src/flow/user-error.ts';
import { until } from '../support/process.ts';
import { BOOT_MS, batchOf, sampleFlows } from './support.ts';
import { type WalkedMessage, Walker } from './walk.ts';

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** A collector that keeps what each connection brought. */
class Peer {
  readonly sessions: { socket: Socket; bytes: Buffer }[] = [];
  readonly server: Server;
  port = 0;

  constructor() {
    this.server = createServer((socket) => {
      const session = { socket, bytes: Buffer.alloc(0) };
      this.sessions.push(session);
      socket.on('error', () => undefined);
      socket.on('data', (data: Buffer) => {
        session.bytes = Buffer.concat([session.bytes, data]);
      });
    });
  }

  async listen(port = 0): Promise<this> {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as { port: number }).port;
    open.push(() => this.stop());
    return this;
  }

  stop(): void {
    this.server.close();
    for (const { socket } of this.sessions) socket.destroy();
  }

  /** Messages of a session, cut by their length field alone (RFC 7011 section 10.4) and walked by the book. */
  messages(index: number): WalkedMessage[] {
    const { bytes } = this.sessions[index]!;
    const walker = new Walker();
    const messages: WalkedMessage[] = [];
    for (let at = 0; at + 4 <= bytes.length; ) {
      const length = bytes.readUInt16BE(at + 2);
      if (at + length > bytes.length) break;
      messages.push(walker.walk(bytes.subarray(at, at + length)));
      at += length;
    }
    return messages;
  }
}

async function transportTo(port: number, more: { queueBytes?: number; patienceMs?: number; required?: boolean } = {}) {
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  const transport = await TcpTransport.open({ host: '127.0.0.1', port, log, ...more });
  open.push(() => transport.abort());
  return { transport, lines };
}

function exporterOver(transport: TcpTransport, version: 9 | 10 = 10): FlowExporter {
  const exporter = new FlowExporter({ version, transports: [transport], clock: 'flows', bootMs: () => BOOT_MS });
  transport.onSessionEnd(() => exporter.restartSession());
  return exporter;
}

/** Templates come first, the sequence counts data records from 0. */
function expectWholeSession(messages: readonly WalkedMessage[]): number {
  expect(messages[0]!.templateIds.length).toBeGreaterThan(0);
  let sequence = 0;
  let flows = 0;
  for (const message of messages) {
    expect(message.sequence).toBe(sequence);
    sequence += message.flows.length + message.options.length;
    flows += message.flows.length;
  }
  return flows;
}

it('brings every message, in order', async () => {
  const peer = await new Peer().listen();
  const { transport } = await transportTo(peer.port);
  const exporter = exporterOver(transport);
  for (let i = 0; i < 50; i++) await exporter.write(batchOf(sampleFlows(200)));
  await exporter.close();
  await until(() => peer.sessions[0]!.socket.closed);
  expect(expectWholeSession(peer.messages(0))).toBe(10_000);
  const { sent, bytes, failed } = transport.stats();
  expect({ sent, bytes, failed }).toEqual({
    sent: exporter.stats().datagrams,
    bytes: peer.sessions[0]!.bytes.length,
    failed: 0,
  });
});

it('NetFlow v9 for those who ask', async () => {
  const peer = await new Peer().listen();
  const { transport } = await transportTo(peer.port);
  const exporter = exporterOver(transport, 9);
  // One flow makes one message: v9 has no length to cut a stream by.
  await exporter.write(batchOf(sampleFlows(1)));
  await exporter.close();
  await until(() => peer.sessions[0]!.socket.closed);
  expect(new Walker().walk(peer.sessions[0]!.bytes).flows.length).toBe(1);
});

it('a broken connection is made anew: a session of its own, templates first, with what was under way', async () => {
  const peer = await new Peer().listen();
  const { transport, lines } = await transportTo(peer.port);
  const exporter = exporterOver(transport);
  for (let round = 0; round < 4; round++) {
    await until(() => peer.sessions.length > round && lines.length === round * 2);
    // The last datagram of a batch stays open: it leaves in the next session.
    await exporter.write(batchOf(sampleFlows(333)));
    await transport.drain();
    await until(() => peer.sessions[round]!.bytes.length === transport.stats().bytes - bytesBefore(peer, round));
    peer.sessions[round]!.socket.destroy();
    await until(() => lines.length >= round * 2 + 1);
    // While nobody is there.
    await exporter.write(batchOf(sampleFlows(100)));
  }
  await until(() => peer.sessions.length > 4);
  await exporter.close();
  await until(() => peer.sessions[4]!.socket.closed);
  let flows = 0;
  for (let i = 0; i <= 4; i++) flows += expectWholeSession(peer.messages(i));
  expect(flows).toBe(4 * 433);
  expect(transport.stats().failed).toBe(0);
  expect(lines[0]).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+: connection lost: .*trying again$/);
  expect(lines[1]).toMatch(/: connected$/);
});

it('keeps within bounds while the collector is away, and counts what is lost', async () => {
  const peer = await new Peer().listen();
  const { transport, lines } = await transportTo(peer.port, { queueBytes: 20_000 });
  const exporter = exporterOver(transport);
  await exporter.write(batchOf(sampleFlows(100)));
  await transport.drain();
  peer.stop();
  await until(() => lines.length > 0);
  for (let i = 0; i < 20; i++) expect(exporter.write(batchOf(sampleFlows(500)))).toBe(undefined);
  const lost = transport.stats().failed;
  expect(lost).toBeGreaterThan(100);

  const again = await new Peer().listen(peer.port);
  await until(() => again.sessions.length > 0);
  await exporter.close();
  await until(() => again.sessions[0]!.socket.closed);
  const messages = again.messages(0);
  expect(messages[0]!.sequence).toBe(0);
  expect(messages[0]!.templateIds.length).toBeGreaterThan(0);
  const bytes = again.sessions[0]!.bytes.length;
  expect(bytes).toBeLessThanOrEqual(20_000 + 2000);
  const { sent, failed } = transport.stats();
  expect(sent + failed).toBe(exporter.stats().datagrams);
});

it('waits for room in a replay, and no longer than it has patience', async () => {
  const peer = await new Peer().listen();
  const { transport, lines } = await transportTo(peer.port, { queueBytes: 20_000, patienceMs: 300 });
  const exporter = exporterOver(transport);
  await exporter.write(batchOf(sampleFlows(100)));
  peer.stop();
  await until(() => lines.length > 0);
  const waits = exporter.write(batchOf(sampleFlows(500)));
  expect(waits).toBeInstanceOf(Promise);
  await waits;
  expect(exporter.write(batchOf(sampleFlows(500)))).toBe(undefined);
});

it('a collector that reads nothing: what it has not taken when it is closed is told, and counted', async () => {
  const peer = await new Peer().listen();
  const { transport, lines } = await transportTo(peer.port, { queueBytes: 64 << 20 });
  await until(() => peer.sessions.length > 0);
  peer.sessions[0]!.socket.pause();
  // More than the system keeps for it.
  const [count, length] = [500, 60_000];
  for (let i = 0; i < count; i++) transport.send(new Uint8Array(length), Uint32Array.of(length), 1);
  await transport.close();
  const { sent, failed } = transport.stats();
  expect(failed).toBeGreaterThan(0);
  expect(sent + failed).toBe(count);
  expect(lines).toEqual([
    expect.stringMatching(/waiting for the collector to take \d+ octets, until it takes none for 5 s;/),
  ]);
}, 20_000);

it('a collector that is not there: an error for a replay, a line for a live exporter', async () => {
  const gone = await new Peer().listen();
  gone.stop();
  await expect(transportTo(gone.port, { required: true })).rejects.toThrow(UserError);
  await expect(transportTo(gone.port, { required: true })).rejects.toThrow(
    /tcp:\/\/127.0.0.1:\d+: cannot connect: .*ECONNREFUSED/,
  );
  const { transport, lines } = await transportTo(gone.port);
  expect(lines).toHaveLength(1);
  const exporter = exporterOver(transport);
  await exporter.write(batchOf(sampleFlows(10)));
  const peer = await new Peer().listen(gone.port);
  await until(() => peer.sessions.length > 0);
  await exporter.close();
  await until(() => peer.sessions[0]!.socket.closed);
  expect(expectWholeSession(peer.messages(0))).toBe(10);
});

function bytesBefore(peer: Peer, round: number): number {
  return peer.sessions.slice(0, round).reduce((sum, session) => sum + session.bytes.length, 0);
}

it('a source that is no address is told with the option that named it', async () => {
  const open = TcpTransport.open({ host: '127.0.0.1', port: 9, sourceHost: 'nowhere', log: () => {} });
  await expect(open).rejects.toThrow(UserError);
  await expect(open).rejects.toThrow(/tcp:\/\/127\.0\.0\.1:9: cannot connect: .*nowhere.*--source-address/);
});
