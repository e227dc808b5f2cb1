import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Collector } from '../../src/collect/collector.ts';
import { SessionListener, type SessionListenerOptions } from '../../src/collect/session-listener.ts';
import { FlowBatch } from '../../src/flow/batch.ts';
import { UserError } from '../../src/flow/user-error.ts';
import { makeCertificates } from '../support/certificates.ts';
import { ipfixMessage, uint } from '../support/flow-datagrams.ts';
import { sleep, tempDir, until } from '../support/process.ts';

const template = { id: 256, fields: [[1, 4]] as const };
const withdrawal = { id: 256, fields: [] };
const rows = (count: number, id = 256) => [{ id, bytes: new Uint8Array(4 * count).fill(1) }];

const open: { listener: SessionListener; sockets: Socket[] }[] = [];
afterEach(() => {
  for (const { listener, sockets } of open.splice(0)) {
    for (const socket of sockets) socket.destroy();
    listener.stop();
  }
});

async function start(options: Partial<SessionListenerOptions> = {}) {
  const lines: string[] = [];
  const listener = await SessionListener.open({
    endpoints: [{ host: '127.0.0.1', port: 0 }],
    log: (line) => lines.push(line),
    ...options,
  });
  const sockets: Socket[] = [];
  open.push({ listener, sockets });
  let records = 0;
  const collector = new Collector({
    sink: (batch) => (records += batch.rows),
    acquire: () => new FlowBatch(64),
  });
  const state = { paused: false, done: false };
  const reading = (async () => {
    for (;;) {
      while (state.paused) await sleep(5);
      const slot = listener.tryRead() ?? (await listener.read());
      if (slot === undefined) break;
      while (state.paused) await sleep(5);
      collector.addSlot(listener.slots[slot]!, listener.count(slot));
      listener.release(slot);
    }
    state.done = true;
  })();
  return {
    listener,
    lines,
    collector,
    state,
    reading,
    records: () => {
      collector.flush();
      return records;
    },
    dial: async () => {
      const socket = connect(listener.ports[0]!, '127.0.0.1');
      socket.on('error', () => undefined);
      sockets.push(socket);
      await once(socket, 'connect');
      return socket;
    },
  };
}

/** Resolves when the connection is gone, be it by a reset: who closes with octets of ours unread sends one. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

describe('sessions', () => {
  it('have templates and sequences of their own, which end with them; counters go on', async () => {
    const { dial, records, collector, listener } = await start();
    const first = await dial();
    first.write(ipfixMessage({ templates: [template], data: rows(3), domain: 7 }));
    const second = await dial();
    second.write(ipfixMessage({ data: rows(5), domain: 7 }));
    await until(() => collector.stats().decode.datagrams === 2);
    expect(records()).toBe(3);
    expect(collector.stats().streams.map(({ setsWithoutTemplate }) => setsWithoutTemplate)).toEqual([0, 1]);
    first.end();
    await until(() => listener.sessionStats().open === 1);
    const third = await dial();
    third.write(ipfixMessage({ data: rows(2), domain: 7, sequence: 0 }));
    third.write(ipfixMessage({ templates: [template], data: rows(4), domain: 7, sequence: 2 }));
    await until(() => collector.stats().decode.datagrams === 4);
    expect(records()).toBe(7);
    const { streams, pending } = collector.stats();
    expect(
      streams.map(({ datagrams, records, lost, resets, transport }) => [datagrams, records, lost, resets, transport]),
    ).toEqual([
      [3, 7, 0, 0, 'tcp'],
      [1, 0, 0, 0, 'tcp'],
    ]);
    // Nothing waits for a template, and so nothing old is read with the template of another session.
    expect(pending.stored).toBe(0);
  });

  it('honour withdrawals, of one template and of all', async () => {
    const { dial, records, collector } = await start();
    const socket = await dial();
    socket.write(ipfixMessage({ templates: [template], data: rows(1) }));
    socket.write(ipfixMessage({ templates: [withdrawal], data: rows(1), sequence: 1 }));
    socket.write(ipfixMessage({ templates: [template, { ...template, id: 300 }], data: rows(1), sequence: 2 }));
    socket.write(ipfixMessage({ templates: [{ id: 2, fields: [] }], data: rows(1, 300), sequence: 3 }));
    await until(() => collector.stats().decode.datagrams === 4);
    expect(records()).toBe(2);
    expect(collector.stats().decode).toMatchObject({
      templatesWithdrawn: 2,
      withdrawalsIgnored: 0,
      setsWithoutTemplate: 2,
    });
  });

  it('that break cost only themselves', async () => {
    const { dial, records, lines, listener } = await start();
    const [good, bad] = [await dial(), await dial()];
    good.write(ipfixMessage({ templates: [template], data: rows(1) }));
    bad.write(ipfixMessage({ templates: [template], data: rows(1) }));
    bad.write('GET / HTTP/1.1\r\n\r\n');
    await closed(bad);
    good.write(ipfixMessage({ data: rows(1), sequence: 1 }));
    await until(() => records() === 3);
    expect(lines).toEqual(['session of 127.0.0.1 closed: neither IPFIX nor NetFlow v9: version 18245']);
    expect(listener.sessionStats()).toMatchObject({ open: 1, broken: 1, accepted: 2 });
  });

  it('are ended when they are slow, silent or too many', async () => {
    const limits = { sessions: 4, sessionsPerAddress: 3, firstMs: 300, messageMs: 300, idleMs: 300 };
    const { dial, lines, listener } = await start({ limits });
    const [mute, slow, silent] = [await dial(), await dial(), await dial()];
    const tooMany = await dial();
    await closed(tooMany);
    silent.write(ipfixMessage({}));
    slow.write(uint(10, 2));
    const dripping = setInterval(() => slow.write(uint(0, 1)), 50);
    slow.write(uint(60_000, 2));
    await Promise.all([closed(mute), closed(slow), closed(silent)]);
    clearInterval(dripping);
    expect(lines.map((line) => line.split(': ')[1]).sort()).toEqual([
      'a message did not come to its end in time',
      'it sent nothing',
      'it was silent too long',
    ]);
    expect(listener.sessionStats()).toMatchObject({ open: 0, timedOut: 3, refusedByLimit: 1 });
    await dial();
    await until(() => listener.sessionStats().open === 1);
  });

  it('wait while nobody reads, and lose nothing', async () => {
    const { dial, records, state, listener } = await start({ slotBytes: 0, slotCount: 2 });
    state.paused = true;
    const message = (sequence: number) => ipfixMessage({ data: rows(10_000), sequence });
    const sockets = await Promise.all([dial(), dial()]);
    for (const socket of sockets) {
      socket.write(ipfixMessage({ templates: [template] }));
      for (let i = 0; i < 200; i++) socket.write(message(i * 10_000));
      socket.end();
    }
    await sleep(300);
    expect(sockets.every(({ writableFinished }) => !writableFinished)).toBe(true);
    expect(listener.messages).toBeLessThan(20);
    state.paused = false;
    await until(() => records() === 2 * 200 * 10_000, 20_000);
    await until(() => listener.sessionStats().open === 0);
    expect(listener.sessionStats()).toMatchObject({ cut: 0, messages: 402 });
  });

  it('are read to their end when the collector stops', async () => {
    const { dial, records, listener, reading } = await start();
    const socket = await dial();
    // What the system has not handed us yet is refused by a listener that stops.
    await until(() => listener.sessionStats().open === 1);
    socket.write(ipfixMessage({ templates: [template], data: rows(9) }));
    listener.stop();
    await reading;
    expect(records()).toBe(9);
    await expect(dial()).rejects.toThrow('ECONNREFUSED');
  });

  it('are for those who are allowed', async () => {
    const { dial, listener } = await start({ allows: ([, , , word]) => word !== 0x7f000001 });
    await closed(await dial());
    expect(listener.sessionStats()).toMatchObject({ accepted: 0, refusedAddress: 1 });
  });

  it('of TLS are cut where no handshake comes, and do not count any longer', async () => {
    const { cert, key } = makeCertificates(tempDir('handshake')).collector;
    const endpoints = [{ host: '127.0.0.1', port: 0, tls: { cert, key } }];
    const { dial, listener } = await start({ endpoints, limits: { handshakeMs: 100, sessionsPerAddress: 1 } });
    for (let i = 0; i < 2; i++) await closed(await dial());
    expect(listener.sessionStats()).toMatchObject({ accepted: 0, failedHandshakes: 2, refusedByLimit: 0 });
  });

  it('of TLS that fail are told with the address, also of clients that have gone', async () => {
    const { cert, key } = makeCertificates(tempDir('handshake')).collector;
    const endpoints = [{ host: '127.0.0.1', port: 0, tls: { cert, key } }];
    const { dial, lines, listener } = await start({ endpoints });
    (await dial()).end(Buffer.from('160301', 'hex'));
    await until(() => listener.sessionStats().failedHandshakes === 1);
    (await dial()).write('no message of TLS');
    await until(() => listener.sessionStats().failedHandshakes === 2);
    expect(lines).toEqual([
      'TLS with 127.0.0.1 failed: socket hang up',
      'TLS with 127.0.0.1 failed: wrong version number',
    ]);
  });

  it('of TLS that are amid a handshake do not keep a collector from its end', async () => {
    const { cert, key } = makeCertificates(tempDir('handshake')).collector;
    const endpoints = [{ host: '127.0.0.1', port: 0, tls: { cert, key } }];
    const { dial, listener, reading } = await start({ endpoints });
    const end = closed(await dial());
    // Until the listener has it, too.
    await sleep(50);
    listener.stop();
    await reading;
    await end;
  });

  it('cannot be had on a port in use', async () => {
    const { listener } = await start();
    const endpoints = [{ host: '127.0.0.1', port: listener.ports[0]! }];
    const failure = SessionListener.open({ endpoints, log: () => undefined });
    await expect(failure).rejects.toThrow(UserError);
    await expect(failure).rejects.toThrow(/cannot listen on tcp:\/\/127\.0\.0\.1:\d+: the port is in use/);
  });
});
