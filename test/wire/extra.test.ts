import { describe, expect, test } from 'vitest';
import { TextPool } from '../../src/flow/text-pool.ts';
import { elements } from '../../src/wire/elements.ts';
import { add, rowCollector } from '../support/collect-rows.ts';
import { fuzz } from '../support/fuzz.ts';

type Field = readonly [element: number, length: number, pen?: number];

const VARIABLE = 65_535;
const PEN = 12_345;

/** An IPFIX message of one template (256) and its records. */
function message(fields: readonly Field[], records: readonly (readonly number[])[]): Uint8Array {
  const specifiers = fields.flatMap(([element, length, pen]) =>
    pen === undefined
      ? [element >> 8, element & 255, length >> 8, length & 255]
      : [(element >> 8) | 0x80, element & 255, length >> 8, length & 255, ...word(pen)],
  );
  const template = [0, 2, 0, 8 + specifiers.length, 1, 0, 0, fields.length, ...specifiers];
  const body = records.flat();
  const data = [1, 0, (4 + body.length) >> 8, (4 + body.length) & 255, ...body];
  const length = 16 + template.length + data.length;
  return Uint8Array.from([
    0,
    10,
    length >> 8,
    length & 255,
    ...word(1_700_000_000),
    ...word(0),
    ...word(7),
    ...template,
    ...data,
  ]);
}

function word(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

function text(value: string): number[] {
  return [...new TextEncoder().encode(value)];
}

function extrasOf(fields: readonly Field[], records: readonly (readonly number[])[]): Record<string, unknown>[] {
  const { collector, extras } = rowCollector();
  add(collector, { payload: message(fields, records) });
  collector.flush();
  return extras;
}

const source: Field = [8, 4];

describe('elements without a column', () => {
  test('a template without any has no extra', () => {
    const { collector } = rowCollector({
      sink: (batch) => {
        expect(batch.get('extra')).toBeUndefined();
        expect(batch.texts.bytes).toHaveLength(0);
      },
    });
    add(collector, { payload: message([source, [4, 1]], [[1, 2, 3, 4, 6]]) });
    collector.flush();
    expect(collector.stats().decode.records).toBe(1);
  });

  test('values by their types', () => {
    const cases: [Field, number[], unknown][] = [
      [[33, 1], [9], 9],
      [[92, 2], [1, 2], 258],
      [[198, 8], [0, 0x1f, 255, 255, 255, 255, 255, 255], Number.MAX_SAFE_INTEGER],
      [[434, 4], [255, 255, 255, 254], -2],
      [[434, 1], [254], -2],
      [[311, 8], [0x3f, 0xe0, 0, 0, 0, 0, 0, 0], undefined],
      [[320, 8], [0x3f, 0xe0, 0, 0, 0, 0, 0, 0], 0.5],
      [[320, 4], [0x3f, 0, 0, 0], 0.5],
      [[320, 8], [0x7f, 0xf8, 0, 0, 0, 0, 0, 0], null],
      [[276, 1], [1], true],
      [[276, 1], [2], false],
      [[366, 4], [10, 0, 0, 1], '10.0.0.1'],
      [[365, 6], [0, 1, 2, 3, 4, 255], '00:01:02:03:04:ff'],
      [[140, 16], [0x20, 1, 0xd, 0xb8, ...new Array(11).fill(0), 1], '2001:db8::1'],
      [[96, 8], [...text('http'), 0, 0, 0, 0], 'http'],
      [[96, 4], text('a"\\\n'), 'a"\\\n'],
      [[96, 2], [0xff, 0x41], '\ufffdA'],
      [[95, 4], [13, 0, 1, 0xc5], '13:453'],
      [[258, 8], [0, 0, 1, 0x8b, 0xcf, 0xe5, 0x68, 1], '2023-11-14T22:13:20.001Z'],
      [[260, 4], word(1_700_000_000), '2023-11-14T22:13:20.000Z'],
      [[270, 8], [...word(2_208_988_800 + 1_700_000_000), 0x80, 0, 0, 0], '2023-11-14T22:13:20.500000000Z'],
      [[268, 8], [...word(2_208_988_800 + 1_700_000_000), 0x80, 0, 0, 0], '2023-11-14T22:13:20.500000Z'],
      [[313, 3], [1, 2, 0xab], '0x0102ab'],
      [[291, 4], [3, 0, 1, 2], '0x03000102'],
      [[77, 4, PEN], [1, 2, 3, 4], '0x01020304'],
      [[77, 9, PEN], [...text('ssh v2'), 0, 0, 0], 'ssh v2'],
    ];
    for (const [field, octets, due] of cases) {
      const [element, , pen] = field;
      const name = pen === undefined ? elements.find(({ id }) => id === element)!.name : `${pen}/${element}`;
      const [extra] = extrasOf([source, field], [[1, 2, 3, 4, ...octets]]);
      expect(extra, name).toEqual(due === undefined ? {} : { [name]: due });
    }
  });

  test('64-bit numbers keep every digit', () => {
    const { collector } = rowCollector({
      sink: (batch) => {
        const json = new TextDecoder().decode(batch.texts.text(batch.get('extra')![0]!));
        expect(json).toBe('{"octetDeltaSumOfSquares":18446744073709551615}');
      },
    });
    add(collector, { payload: message([source, [198, 8]], [[1, 2, 3, 4, ...new Array(8).fill(255)]]) });
    collector.flush();
    expect.assertions(1);
  });

  test('repeated elements are an array, also those of which one has the column', () => {
    const [extra] = extrasOf(
      [
        [8, 4],
        [8, 4],
        [96, 2],
        [96, 2],
      ],
      [[1, 1, 1, 1, 2, 2, 2, 2, ...text('ab'), ...text('cd')]],
    );
    expect(extra).toEqual({ sourceIPv4Address: '1.1.1.1', applicationName: ['ab', 'cd'] });
  });

  test('reverse elements of a biflow without a column are named after their forward ones', () => {
    const time = [0, 0, 1, 0x8b, 0xcf, 0xe5, 0x68, 0];
    const fields: Field[] = [source, [258, 8, 29_305], [33, 1, 29_305]];
    const [extra] = extrasOf(fields, [[1, 2, 3, 4, ...time, 18]]);
    expect(extra).toEqual({ reverseCollectionTimeMilliseconds: '2023-11-14T22:13:20.000Z', reverseIgmpType: 18 });
  });

  test('variable lengths, none among them', () => {
    const long = new Array(300).fill(0x61);
    const extras = extrasOf(
      [source, [96, VARIABLE], [5, VARIABLE, PEN]],
      [
        [1, 2, 3, 4, 2, ...text('ab'), 1, 9],
        [1, 2, 3, 4, 1, ...text('a'), 2, ...text('b'), 9],
        [1, 2, 3, 4, 0, 0],
        [1, 2, 3, 4, 255, 1, 44, ...long, 0],
      ],
    );
    expect(extras).toEqual([
      { applicationName: 'ab', [`${PEN}/5`]: '0x09' },
      { applicationName: 'a', [`${PEN}/5`]: '0x6209' },
      {},
      { applicationName: 'a'.repeat(300) },
    ]);
  });

  test('equal ones are kept once a batch, and come anew with the next', () => {
    const texts: number[] = [];
    const got: unknown[] = [];
    const { collector } = rowCollector({
      batchRows: 8,
      sink: (batch) => {
        texts.push(batch.texts.count);
        for (let row = 0; row < batch.rows; row++) {
          got.push(JSON.parse(new TextDecoder().decode(batch.texts.text(batch.get('extra')![row]!))));
        }
        batch.reset();
      },
    });
    const records = Array.from({ length: 20 }, (_, i) => [1, 2, 3, 4, i % 2]);
    add(collector, { payload: message([source, [33, 1]], records) });
    collector.flush();
    expect(got).toEqual(records.map((record) => ({ igmpType: record[4] })));
    expect(texts.every((count) => count === 2)).toBe(true);
  });

  test('are counted where weir knows nothing of them', () => {
    const { collector } = rowCollector();
    const records = [
      [1, 2, 3, 4, 9, 9, 9],
      [1, 2, 3, 4, 9, 9, 9],
    ];
    add(collector, { payload: message([source, [33, 1], [77, 1, PEN], [32_000, 1]], records) });
    collector.flush();
    expect(collector.stats().streams[0]!.unknownElements).toEqual({ [`${PEN}/77`]: 2, 32000: 2 });
  });

  test('any octets make JSON (fuzz)', async () => {
    const usable = elements.filter(({ id }) => id !== 210);
    await fuzz((roll) => {
      const fields: Field[] = Array.from({ length: 1 + roll(6) }, () => {
        const element = usable[roll(usable.length)]!.id;
        const length = roll(4) === 0 ? VARIABLE : 1 + roll(20);
        return roll(3) === 0 ? [element, length, PEN] : [element, length];
      });
      const records = Array.from({ length: 1 + roll(5) }, () =>
        fields.flatMap(([, length]) => {
          const size = length === VARIABLE ? roll(40) : length;
          const octets = Array.from({ length: size }, () => roll(256));
          return length === VARIABLE ? [size, ...octets] : octets;
        }),
      );
      // `extraOf` decodes strictly and parses.
      expect(extrasOf(fields, records).length).toBe(records.length);
    });
  });
});

test('a pool gives back what it was given', () => {
  const pool = new TextPool();
  const given = Array.from({ length: 5000 }, (_, i) => `text ${i % 3000}`);
  const ids = given.map((each) => pool.intern(new TextEncoder().encode(each)));
  expect(pool.count).toBe(3000);
  expect(ids.map((id) => new TextDecoder().decode(pool.text(id)))).toEqual(given);
  expect(pool.intern(new Uint8Array(0))).toBe(0);
  expect(pool.text(0)).toHaveLength(0);
  pool.reset();
  expect(pool.intern(new TextEncoder().encode('again'))).toBe(1);
});
