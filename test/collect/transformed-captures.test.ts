import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { add, rowCollector } from '../support/collect-rows.ts';
import { concat, uint } from '../support/flow-datagrams.ts';
import { readUdp, type UdpDatagram } from '../support/pcap-udp.ts';

/** Real exports, put on the wire in other ways that mean the same: the same flows must come out. */
const DATA = new URL('../../../shared/data/flows/', import.meta.url);
const hasData = existsSync(new URL('expected.json', DATA));

interface Message {
  readonly version: number;
  readonly header: Uint8Array;
  readonly sets: readonly Uint8Array[];
}

const idOf = (set: Uint8Array) => set[0]! * 256 + set[1]!;
const isData = (set: Uint8Array) => idOf(set) >= 256;

/** The sets of a v9 datagram or IPFIX message; undefined when they do not fill it exactly. */
function parse(payload: Uint8Array): Message | undefined {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const version = payload.length < 20 ? 0 : view.getUint16(0);
  if (version !== 9 && version !== 10) return undefined;
  if (version === 10 && view.getUint16(2) !== payload.length) return undefined;
  const start = version === 9 ? 20 : 16;
  const sets: Uint8Array[] = [];
  let at = start;
  while (at + 4 <= payload.length) {
    const length = view.getUint16(at + 2);
    if (length < 4 || at + length > payload.length) return undefined;
    sets.push(payload.subarray(at, at + length));
    at += length;
  }
  return at === payload.length ? { version, header: payload.subarray(0, start), sets } : undefined;
}

function build({ version, header, sets }: Message): Uint8Array {
  const out = concat(header, ...sets);
  // v9 counts records, which nobody needs; IPFIX octets.
  if (version === 10) out.set(uint(out.length, 2), 2);
  return out;
}

function padded(set: Uint8Array): Uint8Array {
  const out = concat(set, new Uint8Array(3));
  out.set(uint(out.length, 2), 2);
  return out;
}

/** Options data about the exporter's own counters (41 and 42), with its template. */
function options(version: number): Uint8Array[] {
  const fields = concat(uint(41, 2), uint(4, 2), uint(42, 2), uint(4, 2));
  const template =
    version === 9
      ? concat(uint(65_000, 2), uint(4, 2), uint(8, 2), uint(1, 2), uint(4, 2), fields)
      : concat(uint(65_000, 2), uint(3, 2), uint(1, 2), uint(143, 2), uint(4, 2), fields);
  const body = concat(uint(1, 4), uint(2, 4), uint(3, 4));
  return [
    concat(uint(version === 9 ? 1 : 3, 2), uint(template.length + 4, 2), template),
    concat(uint(65_000, 2), uint(body.length + 4, 2), body),
  ];
}

function withDomain(message: Message, change: (domain: number) => number): Message {
  const header = message.header.slice();
  const at = header.length - 4;
  const view = new DataView(header.buffer);
  view.setUint32(at, change(view.getUint32(at)) >>> 0);
  return { ...message, header };
}

const OTHER_DOMAIN = 0x5a5a_0000;

const transforms: Record<string, (message: Message) => Message[]> = {
  'templates first': (message) => {
    const templates = message.sets.filter((set) => !isData(set));
    return [{ ...message, sets: [...templates, ...message.sets.filter(isData)] }];
  },
  'every set in a datagram of its own': (message) => message.sets.map((set) => ({ ...message, sets: [set] })),
  'padding behind the records': (message) => [
    { ...message, sets: message.sets.map((set) => (isData(set) ? padded(set) : set)) },
  ],
  'options between the sets': (message) => [
    { ...message, sets: message.sets.flatMap((set) => [...options(message.version), set]) },
  ],
  'sets of an unknown kind between': (message) => [
    { ...message, sets: message.sets.flatMap((set) => [concat(uint(77, 2), uint(7, 2), uint(0, 3)), set]) },
  ],
  'another domain in between': (message) => [message, withDomain(message, (domain) => domain ^ OTHER_DOMAIN)],
};

/** What is decoded, in any order. */
function decoded(datagrams: readonly UdpDatagram[]): string[] {
  const { collector, rows, extras } = rowCollector();
  for (const datagram of datagrams) add(collector, datagram);
  collector.flush();
  return rows
    .map((row, i) =>
      JSON.stringify([row, extras[i]], (_, value) => (typeof value === 'bigint' ? String(value) : (value as unknown))),
    )
    .sort();
}

interface Expected {
  captures: Record<string, { file: string }>;
}

const captures = hasData ? (JSON.parse(readFileSync(new URL('expected.json', DATA), 'utf8')) as Expected).captures : {};

describe.skipIf(!hasData)('captures in another form (shared/data/flows)', () => {
  for (const [name, { file }] of Object.entries(captures)) {
    const datagrams = readUdp(readFileSync(new URL(file, DATA)));
    const messages = datagrams.map(({ payload }) => parse(payload));
    if (messages.every((message) => message === undefined)) continue;

    test.each(Object.keys(transforms))(`${name}: %s`, (form) => {
      const due = decoded(datagrams);
      const others = datagrams.flatMap((datagram, i) => {
        const message = messages[i];
        if (message === undefined) return [datagram];
        return transforms[form]!(message).map((other) => ({ ...datagram, payload: build(other) }));
      });
      const found = decoded(others);
      if (form === 'templates first') {
        // Rates that options data tells count for what is decoded after it, which is now more or less.
        const withoutRates = (rows: string[]) => rows.map((row) => row.replace(/"sampling":\d+/, '')).sort();
        expect(withoutRates(found)).toEqual(withoutRates(due));
        return;
      }
      if (form !== 'another domain in between') {
        expect(found).toEqual(due);
        return;
      }
      const back = (text: string) =>
        text.replace(/"domain":(\d+)/, (_, domain: string) => `"domain":${(Number(domain) ^ OTHER_DOMAIN) >>> 0}`);
      const undone = datagrams.filter((_, i) => messages[i] === undefined).length;
      if (undone === 0) expect(found).toEqual([...due, ...due.map(back)].sort());
      else expect(found.length).toBeGreaterThanOrEqual(due.length);
    });
  }
});
