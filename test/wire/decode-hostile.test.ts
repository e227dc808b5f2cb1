import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { add, rowCollector } from '../support/collect-rows.ts';
import {
  concat,
  fill,
  ipfixMessage,
  set,
  type TemplateField,
  uint,
  v5Datagram,
  v9Datagram,
} from '../support/flow-datagrams.ts';
import { fuzz } from '../support/fuzz.ts';
import { readUdp } from '../support/pcap-udp.ts';

const DATA = new URL('../../../shared/data/flows/', import.meta.url);
/** Well-formed datagrams of every version to start from, and real ones where they are at hand. */
function corpus(): Uint8Array[] {
  const fields: TemplateField[] = [
    [8, 4],
    [12, 4],
    [27, 16],
    [28, 16],
    [2, 3],
    [1, 8],
    [22, 4],
    [21, 4],
    [7, 2],
    [11, 2],
    [4, 1],
    [32, 2],
    [34, 4],
    [48, 1],
    [160, 8],
    [161, 4],
    [323, 8],
  ];
  const width = fields.reduce((sum, [, length]) => sum + length, 0);
  const variable: TemplateField[] = [
    [8, 4],
    [82, 65_535],
    [1, 65_535],
    [7, 2],
  ];
  const record = concat(uint(1, 4), uint(3, 1), fill(3, 1), uint(255, 1), uint(2, 2), fill(2, 2), uint(9, 2));
  const made = [9, 10].map((version) =>
    (version === 9 ? v9Datagram : ipfixMessage)({
      templates: [
        { id: 256, fields },
        { id: 257, fields: variable },
        {
          id: 258,
          fields: [
            [version === 9 ? 1 : 149, 4],
            [48, 1],
            [34, 4],
            [82, 8],
          ],
          scopes: 1,
        },
      ],
      data: [
        { id: 258, bytes: fill(17, 3) },
        { id: 256, bytes: fill(width * 5, 4) },
        { id: 257, bytes: concat(record, record) },
        { id: 300, bytes: fill(50, 5) },
      ],
    }),
  );
  const legacy = [1, 5, 7].map((version) =>
    v5Datagram({ version, records: fill((version === 5 ? 48 : 52) * 7, version) }),
  );
  const real = existsSync(DATA)
    ? readdirSync(DATA)
        .filter((name) => /\.pcap(ng)?$/.test(name))
        .flatMap((name) =>
          readUdp(readFileSync(new URL(name, DATA)))
            .slice(0, 4)
            .map(({ payload }) => payload),
        )
    : [];
  return [...made, ...legacy, ...real];
}

/** No row may hold what a column cannot. */
function expectSane(rows: Record<string, number | bigint>[]): void {
  for (const { firstMs, lastMs, eventMs } of rows) {
    for (const time of [firstMs, lastMs, eventMs]) expect(Number.isSafeInteger(time)).toBe(true);
  }
}

describe('fuzzing', () => {
  test('random octets behind a known version', async () => {
    const { collector, rows, clear } = rowCollector({ batchRows: 64 });
    await fuzz((roll) => {
      const payload = fill(roll(1500), roll(2 ** 31));
      if (payload.length > 1) payload.set([0, [1, 5, 7, 9, 10, roll(256)][roll(6)]!]);
      if (payload[1] === 10 && payload.length > 3) payload.set(uint(payload.length, 2), 2);
      // Sets that could be: an id and a length that fits now and then.
      for (let at = roll(24); at + 4 < payload.length; at += 4 + roll(80)) {
        payload.set(concat(uint([0, 1, 2, 3, 256, 257][roll(6)]!, 2), uint(roll(payload.length - at) + 4, 2)), at);
      }
      add(collector, { payload });
      expectSane(rows);
      clear();
    });
  });

  test('changed octets in good datagrams', async () => {
    const good = corpus();
    const { collector, rows, clear } = rowCollector({ batchRows: 64 });
    await fuzz((roll) => {
      const payload = good[roll(good.length)]!.slice();
      for (let changes = roll(6); changes >= 0 && payload.length > 0; changes--) {
        const at = roll(payload.length);
        payload[at] = [0, 1, 255, 128, roll(256)][roll(5)]!;
      }
      add(collector, { payload });
      expectSane(rows);
      clear();
    });
    expect(collector.stats().decode.datagrams).toBeGreaterThan(0);
  });

  test('good datagrams cut at every length', () => {
    for (const whole of corpus()) {
      const { collector, rows } = rowCollector();
      const count = (length: number) => {
        const before = rows.length;
        add(collector, { payload: whole.slice(0, length) });
        collector.flush();
        return rows.length - before;
      };
      // Twice whole, so that all templates are known and no cut one can give more.
      count(whole.length);
      const most = count(whole.length);
      const step = whole.length > 600 ? 7 : 1;
      for (let length = 0; length < whole.length; length += step) expect(count(length)).toBeLessThanOrEqual(most);
    }
  });
});

describe('hostile templates', () => {
  function define(fields: TemplateField[], version: 9 | 10 = 10) {
    const found = rowCollector();
    const build = version === 9 ? v9Datagram : ipfixMessage;
    add(found.collector, {
      payload: build({ templates: [{ id: 256, fields }], data: [{ id: 256, bytes: fill(400, 1) }] }),
    });
    found.collector.flush();
    return { ...found, stats: found.collector.stats() };
  }

  test('a record of no octets is refused', () => {
    for (const version of [9, 10] as const) {
      const { rows, stats } = define(
        [
          [8, 0],
          [12, 0],
        ],
        version,
      );
      expect([rows.length, stats.decode.templatesRefused, stats.streams[0]!.templates]).toEqual([0, 1, 0]);
    }
  });

  test('more fields or octets than could be are refused', () => {
    expect(define(Array.from({ length: 1025 }, () => [4, 1] as const)).stats.decode.templatesRefused).toBe(1);
    expect(
      define([
        [8, 65_534],
        [12, 65_534],
      ]).stats.decode.templatesRefused,
    ).toBe(1);
    expect(define(Array.from({ length: 1024 }, () => [4, 0] as const).concat()).stats.decode.templatesRefused).toBe(1);
  });

  test('more fields than the set has room for', () => {
    const { collector } = rowCollector();
    add(collector, {
      payload: concat(v9Datagram({}), set(0, concat(uint(256, 2), uint(500, 2), uint(4, 2), uint(1, 2)))),
    });
    expect(collector.stats().decode.templatesRefused).toBe(1);
  });

  test('withdrawals mean nothing over UDP', () => {
    const { collector, rows } = rowCollector();
    const fields: TemplateField[] = [[7, 2]];
    add(collector, { payload: ipfixMessage({ templates: [{ id: 256, fields }] }) });
    for (const id of [256, 2]) add(collector, { payload: ipfixMessage({ templates: [{ id, fields: [] }] }) });
    add(collector, { payload: ipfixMessage({ data: [{ id: 256, bytes: uint(5, 2) }] }) });
    collector.flush();
    expect([rows.length, collector.stats().decode.withdrawalsIgnored]).toEqual([1, 2]);
  });

  test('scopes of length 0 and options templates that contradict themselves', () => {
    const { collector } = rowCollector();
    // Juniper SRX: a scope without octets.
    add(collector, {
      payload: v9Datagram({
        templates: [
          {
            id: 256,
            fields: [
              [1, 0],
              [34, 4],
            ],
            scopes: 1,
          },
        ],
        data: [{ id: 256, bytes: uint(100, 4) }],
      }),
    });
    expect(collector.stats().streams[0]!.samplingRate).toBe(100);
    const odd = concat(uint(257, 2), uint(3, 2), uint(5, 2), uint(1, 2), uint(4, 2));
    add(collector, { payload: concat(v9Datagram({}), set(1, odd)) });
    const moreScopes = concat(uint(257, 2), uint(1, 2), uint(2, 2), uint(34, 2), uint(4, 2));
    const ipfix = concat(ipfixMessage({}), set(3, moreScopes));
    ipfix.set(uint(ipfix.length, 2), 2);
    add(collector, { payload: ipfix });
    expect(collector.stats().decode.templatesRefused).toBe(2);
  });

  test('a tail of zeros ends a datagram quietly, a bad length counts', () => {
    const { collector } = rowCollector();
    add(collector, { payload: concat(v9Datagram({}), new Uint8Array(1220)) });
    add(collector, { payload: concat(v9Datagram({}), uint(256, 2), uint(3, 2), new Uint8Array(4)) });
    add(collector, { payload: concat(v9Datagram({}), uint(256, 2), uint(300, 2), new Uint8Array(4)) });
    add(collector, { payload: concat(v9Datagram({}), set(17, uint(0, 4))) });
    const { zeroTails, badSet, truncated, unknownSets } = collector.stats().decode;
    expect([zeroTails, badSet, truncated, unknownSets]).toEqual([1, 1, 1, 1]);
  });
});
