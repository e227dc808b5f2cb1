import { expect, test } from 'vitest';
import {
  D_RECEIVED_MS,
  D_SESSION,
  D_SRC_HI,
  D_SRC_LO,
  D_SRC_PORT,
  DATAGRAM_META_WORDS,
} from '../../src/addon/datagram-layout.ts';
import { DatagramSlot } from '../../src/collect/datagram-slot.ts';
import { SenderGate } from '../../src/collect/sender-gate.ts';
import { parseAddress } from '../../src/flow/address.ts';
import { parsePrefix } from '../../src/flow/prefix.ts';

interface Sent {
  from: string;
  ms?: number;
  session?: number;
}

/** A slot of these datagrams; their number stands in the place of the port. */
function slotOf(sent: readonly Sent[]): DatagramSlot {
  const slot = new DatagramSlot(new Uint8Array(sent.length * DATAGRAM_META_WORDS * 4));
  sent.forEach(({ from, ms = 0, session = 0 }, i) => {
    const at = i * DATAGRAM_META_WORDS;
    const [w0, w1, w2, w3] = parseAddress(from)!;
    slot.words.set([w1, w0], at + D_SRC_HI);
    slot.words.set([w3, w2], at + D_SRC_LO);
    slot.words[at + D_SRC_PORT] = i;
    slot.words[at + D_SESSION] = session;
    slot.doubles[(at + D_RECEIVED_MS) / 2] = ms;
  });
  return slot;
}

function passed(gate: SenderGate, sent: readonly Sent[]): number[] {
  const slot = slotOf(sent);
  const kept = gate.pass(slot, sent.length);
  return Array.from({ length: kept }, (_, i) => slot.words[i * DATAGRAM_META_WORDS + D_SRC_PORT]!);
}

function gateOf(allow: string[], datagramsPerSecond = 0) {
  const lines: string[] = [];
  const allowed = allow.map((text) => parsePrefix(text)!);
  return { lines, gate: new SenderGate({ allowed, datagramsPerSecond, log: (line) => lines.push(line) }) };
}

test('only senders of the list pass, in their order; each network of others is named once', () => {
  const { gate, lines } = gateOf(['192.0.2.0/24', '2001:db8::/32']);
  const from = [
    '192.0.2.1',
    '198.51.100.1',
    '192.0.2.9',
    '198.51.100.2',
    '2001:db8::5',
    '2001:db9::5',
    '::1',
    '192.0.2.1',
  ];
  const sent = from.map((address) => ({ from: address }));
  expect(passed(gate, sent)).toEqual([0, 2, 4, 7]);
  expect(passed(gate, sent)).toEqual([0, 2, 4, 7]);
  expect(gate.denied).toBe(8);
  expect(lines.map((line) => line.split(' ')[2])).toEqual(['198.51.100.1', '2001:db9::5', '::1']);
});

test('forged senders are not named without end', () => {
  const { gate, lines } = gateOf(['192.0.2.0/24']);
  passed(
    gate,
    Array.from({ length: 5000 }, (_, i) => ({ from: `10.${i >> 8}.${i & 255}.1` })),
  );
  expect([gate.denied, lines.length]).toEqual([5000, 256]);
});

test('a sender may send its rate, with a burst of a second; others are not touched', () => {
  const { gate, lines } = gateOf([], 10);
  const burst = (from: string, ms: number, count: number) => Array.from({ length: count }, () => ({ from, ms }));
  expect(passed(gate, burst('10.0.0.1', 1000, 25))).toHaveLength(10);
  expect(passed(gate, burst('10.0.0.1', 1500, 25))).toHaveLength(5);
  const mixed = [...burst('10.0.0.1', 1700, 3), ...burst('10.0.0.2', 1700, 9), ...burst('10.0.0.1', 1900, 3)];
  expect(passed(gate, mixed)).toEqual([0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
  expect(passed(gate, burst('10.0.0.1', 60_000, 25))).toHaveLength(10);
  // A clock that goes back earns nothing and costs nothing.
  expect(passed(gate, burst('10.0.0.1', 50_000, 5))).toHaveLength(0);
  expect(gate.throttled).toBe(15 + 20 + 2 + 15 + 5);
  expect(lines).toEqual(['10.0.0.1 sends more than 10 datagrams a second: the rest is dropped']);
});

test('a clock that was set back does not keep a sender out until it has caught up', () => {
  const { gate } = gateOf([], 10);
  const burst = (ms: number, count: number) => Array.from({ length: count }, () => ({ from: '10.0.0.1', ms }));
  expect(passed(gate, burst(9_000_000, 25))).toHaveLength(10);
  expect(passed(gate, burst(1000, 25))).toHaveLength(0);
  expect(passed(gate, burst(2000, 25))).toHaveLength(10);
  // Threads that overtake one another earn nothing by it.
  expect(passed(gate, [...burst(1900, 5), ...burst(2000, 5), ...burst(1900, 5), ...burst(2000, 5)])).toHaveLength(0);
});

test('messages of connections pass', () => {
  const { gate } = gateOf(['192.0.2.0/24'], 1);
  expect(
    passed(
      gate,
      Array.from({ length: 5 }, () => ({ from: '10.0.0.1', session: 3 })),
    ),
  ).toHaveLength(5);
});
