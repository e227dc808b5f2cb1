import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseAddress } from '../../src/flow/address.ts';
import { columnByName } from '../../src/flow/fields.ts';
import { printFilter } from '../../src/query/filter/print.ts';
import { statisticByName } from '../../src/query/statistics.ts';
import { indexStore } from '../../src/store/slot-index.ts';
import { tempDir } from '../support/process.ts';
import { arbitraryFilter } from './support/arbitrary-filter.ts';
import { makeFlows, type TestFlow } from './support/generate.ts';
import { passes } from './support/interpret.ts';
import { writeOwnSegment, writeSegment } from './support/parquet.ts';
import { dumpText, withEngine } from './support/run-dump.ts';

const flows = [makeFlows(300, 1), makeFlows(200, 2), makeFlows(100, 3), makeFlows(400, 4), makeFlows(150, 5)];
/** Flows of a plainer exporter, and of one that tells more. */
const plain = flows[1]!.map((flow): TestFlow => {
  const { srcAs, mpls1, mpls2, inSrcMac, minTtl, maxTtl, dstTos, srcVlan, ...numbers } = flow.numbers;
  const { nextHop, bgpNextHop, ...addresses } = flow.addresses;
  return { numbers, addresses };
});
const rich = flows[2]!.map((flow, index): TestFlow => {
  const numbers = { ...flow.numbers, flows: index % 4, outPackets: index % 7, outOctets: (index % 7) * 1000 };
  return { numbers, addresses: flow.addresses };
});

/** Flows of samplers: row groups without a rate, with one, and with several. */
const sampled = flows.slice(0, 3).map((some, set) =>
  some.map(({ numbers, addresses }, index): TestFlow => {
    const sampling = set === 0 ? index % 2 : set === 1 ? 512 : [0, 1, 10, 4_000_000_000][index % 4]!;
    return { numbers: { ...numbers, sampling, outPackets: index % 5, outOctets: (index % 5) * 99 }, addresses };
  }),
);

/** Conversations of few hosts, with answers in all orders, some of them counted both ways. */
const talks = makeFlows(400, 6).map(({ numbers, addresses }, index): TestFlow => {
  const ends = [3, 5, 7, 9].map((host) => parseAddress(host % 3 === 0 ? `2001:db8::${host}` : `10.0.0.${host}`)!);
  const ports = [22, 53, 443, 1023, 1024, 32_768, 40_000, 49_152, 60_000];
  const pick = (factor: number, of: number) => Math.floor((index * factor + numbers.octets!) / 3) % of;
  return {
    numbers: {
      ...numbers,
      proto: [6, 17, 6, 1][pick(7, 4)]!,
      srcPort: ports[pick(5, ports.length) % (2 + (index % 8))]!,
      dstPort: ports[pick(11, ports.length) % (1 + (index % 5))]!,
      ...(index < 250 ? {} : { outPackets: index % 3, outOctets: (index % 3) * 5_000_000_000, flows: index % 4 }),
    },
    addresses: { ...addresses, srcAddr: ends[pick(1, 4)]!, dstAddr: ends[pick(13, 4)]! },
  };
});

const orders = ['flows', 'packets', 'bytes', 'ipkg', 'obyte', 'pps', 'bps', 'bpp', 'bytes:a', 'flows/packets'];
const order = fc.constantFrom(...orders);
const top = fc.constantFrom('0', '1', '3', '10');
/** The addon leaves statistics of columns in which 0 is a value to DuckDB; those of countries need a file of places. */
const statistics = [...statisticByName.values()].filter(
  ({ sides, form }) =>
    form !== 'country' &&
    sides.every((side) => typeof side === 'string' && (columnByName.get(side)?.absent ?? 0) === 0),
);
const statistic = fc
  .record({ name: fc.constantFrom(...statistics.map(({ name }) => name)), split: fc.constantFrom('', ':p'), order })
  .map(({ name, split, order }) => `${name}${split}/${order}`);
const keys = ['srcip', 'dstip', 'srcip4/24', 'dstip4/9,dstip6/48', 'srcip6/33', 'srcport', 'dstport', 'proto', 'inif']
  .concat(['srcas', 'insrcmac', 'tos', 'mpls1', 'next'])
  .map((key) => key);
const recordOrder = fc.constantFrom('flows', 'bytes', 'tstart', 'tend:d', 'duration', 'bpp:a', 'opackets');
const format = fc.constantFrom([], ['-o', 'csv'], ['-o', 'json'], ['-N', '-6'], ['-o', 'null'], ['-o', 'long']);

const anyFormat = fc.oneof(
  format,
  fc.constantFrom(['-o', 'raw'], ['-o', 'csv-fast'], ['-o', 'bilong6'], ['-o', 'ndjson']),
);

/** Questions that the addon answers. */
const question = fc.oneof(
  fc.constant(['-o', 'null']),
  fc
    .record({ statistics: fc.array(statistic, { minLength: 1, maxLength: 3 }), top, format })
    .map(({ statistics, top, format }) => [...statistics.flatMap((one) => ['-s', one]), '-n', top, ...format]),
  fc
    .record({ keys: fc.subarray(keys, { minLength: 1, maxLength: 3 }), order: fc.option(recordOrder), top, format })
    .filter(({ keys }) => keys.filter((key) => key.startsWith('dstip')).length < 2)
    .filter(({ keys }) => !keys.includes('srcip') || !keys.some((key) => /^srcip./.test(key)))
    .map(({ keys, order, top, format }) => {
      return ['-A', keys.join(','), ...(order === null ? [] : ['-O', order]), '-n', top, ...format];
    }),
  fc.record({ order: fc.option(recordOrder), top, format: anyFormat }).map(({ order, top, format }) => {
    return ['-a', ...(order === null ? [] : ['-O', order]), '-n', top, ...format];
  }),
  fc
    .record({ joining: fc.constantFrom('-b', '-B'), order: fc.option(recordOrder), top, format: anyFormat })
    .map(({ joining, order, top, format }) => [
      joining,
      ...(order === null ? [] : ['-O', order]),
      '-n',
      top,
      ...format,
    ]),
  fc
    .record({ joining: fc.constantFrom('-b', '-B'), order: recordOrder, top, format: anyFormat })
    .map(({ joining, order, top, format }) => [joining, '-s', `record/${order}/packets`, '-n', top, ...format]),
  fc
    .record({ order: recordOrder, more: fc.option(statistic), top, format: anyFormat })
    .map(({ order, more, top, format }) => {
      return ['-s', `record/${order}`, ...(more === null ? [] : ['-s', more]), '-n', top, ...format];
    }),
  fc
    .record({ order: recordOrder, top: fc.integer({ min: 0, max: 400 }), format: anyFormat })
    .map(({ order, top, format }) => ['-O', order, '-n', String(top), ...format]),
  fc
    .record({ limit: fc.integer({ min: 1, max: 1200 }), format: anyFormat.filter(([, name]) => name !== 'null') })
    .map(({ limit, format }) => ['-c', String(limit), ...format]),
  anyFormat,
);
const windows = [[], ['-t', '2026/11/20.10:00:05'], ['-t', '2026/11/20.09-2026/11/20.10:00:40']];
const window = fc.constantFrom(...windows, ...windows.slice(1).map((options) => [...options, '--overlap']));

describe('the addon and DuckDB', () => {
  let directory: string;
  let sets: Record<string, string>;

  beforeAll(async () => {
    directory = tempDir('engines');
    const inside = (set: string, name: string) => {
      mkdirSync(join(directory, set), { recursive: true });
      return join(directory, set, `${name}.parquet`);
    };
    await writeOwnSegment(inside('own', '1'), flows.flat(), 500, 'zstd');
    await writeSegment(inside('duckdb', '1'), flows.flat());
    await writeOwnSegment(inside('mixed', '1'), flows[0]!, 70, 'lz4', ['src_addr_lo', 'dst_addr_lo', 'dst_port']);
    await writeOwnSegment(inside('mixed', '2'), plain, 4000, 'none');
    await writeSegment(inside('mixed', '3'), rich, 2048, ", COMPRESSION 'zstd', PARQUET_VERSION 'V2'");
    await writeSegment(inside('mixed', '4'), flows[3]!, 2048, ", COMPRESSION 'zstd'");
    await writeSegment(inside('mixed', '5'), flows[4]!, 2048, ", COMPRESSION 'uncompressed', DICTIONARY_SIZE_LIMIT 1");
    await writeSegment(inside('mixed', '6'), []);
    for (let copy = 1; copy <= 40; copy++) copyFileSync(inside('own', '1'), inside('long', `${copy}`));
    await writeOwnSegment(inside('sampled', '1'), sampled.flat(), 100, 'zstd', ['octets', 'packets']);
    await writeSegment(inside('sampled', '2'), sampled[2]!);
    await writeOwnSegment(inside('sampled', '3'), flows[3]!, 100, 'lz4');
    await writeOwnSegment(inside('talks', '1'), talks.slice(0, 250), 100, 'lz4');
    await writeOwnSegment(inside('answers', '1'), talks.slice(0, 150), 100, 'zstd');
    await writeOwnSegment(inside('answers', '2'), talks.slice(150), 100, 'zstd');
    // Slots of which an index tells what is in them, but for one that changed since and one that came after it.
    for (const [slot, some] of flows.entries()) {
      for (const half of [0, 1]) {
        const path = inside('indexed', `weir.2026112010${slot}${half}`);
        const part = some.slice(half * 40, half * 40 + 40);
        await writeOwnSegment(path, slot === 3 ? flows[0]! : part, 25, 'zstd');
      }
    }
    await writeSegment(inside('indexed', 'foreign'), plain);
    const { indexed } = await indexStore(join(directory, 'indexed'));
    expect(indexed).toBe(10);
    await writeOwnSegment(inside('indexed', 'weir.202611201030'), rich, 25, 'lz4');
    await writeOwnSegment(inside('indexed', 'weir.202611201055'), flows[1]!, 25, 'lz4');
    const names = ['own', 'duckdb', 'mixed', 'sampled', 'long', 'talks', 'answers', 'indexed'];
    sets = Object.fromEntries(names.map((name) => [name, join(directory, name)]));
  });

  const timings = (text: string) => text.replaceAll(/^Sys: .*$/gm, 'Sys: timings');

  it('pass the flows that the plain meaning passes', async () => {
    const population = flows.flat();
    const fromMs = fc.integer({ min: 0, max: 60 }).map((seconds) => new Date(2026, 10, 20, 10, 0, seconds).getTime());
    const asked = fc.record({
      set: fc.constantFrom('own', 'duckdb'),
      filter: arbitraryFilter(population),
      fromMs,
      seconds: fc.integer({ min: 1, max: 60 }),
      overlap: fc.boolean(),
    });
    const inWindow = ({ numbers }: TestFlow, afterMs: number, beforeMs: number, overlap: boolean) =>
      overlap
        ? numbers.lastMs! >= afterMs && numbers.firstMs! <= beforeMs
        : numbers.firstMs! > afterMs && numbers.lastMs! < beforeMs;
    const timeText = (ms: number) => {
      const time = new Date(ms);
      const two = (number: number) => String(number).padStart(2, '0');
      return `2026/11/20.${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
    };
    await fc.assert(
      fc.asyncProperty(asked, async ({ set, filter, fromMs, seconds, overlap }) => {
        const toMs = fromMs + seconds * 1000;
        const argv = ['-r', sets[set]!, '-q', '-N', '-o', 'fmt:%byt', '-c', '5000', ...(overlap ? ['--overlap'] : [])];
        argv.push('-t', `${timeText(fromMs)}-${timeText(toMs)}`, printFilter(filter));
        const expected = population
          .filter((flow) => inWindow(flow, fromMs, toMs, overlap) && passes(filter, flow))
          .map(({ numbers }) => numbers.octets);
        for (const engine of ['native', 'duckdb'] as const) {
          const text = (await withEngine(engine, () => dumpText(argv))).replace('No matching flows', '');
          const found = text.trim() === '' ? [] : text.trim().split('\n').map(Number);
          expect(found.sort(), engine).toEqual(expected.sort());
        }
      }),
      { numRuns: Number(process.env.WEIR_FUZZ_RUNS ?? 40), interruptAfterTimeLimit: 60_000 },
    );
  }, 90_000);

  it('give the same text', async () => {
    const asked = fc.record({
      set: fc.constantFrom('own', 'duckdb', 'mixed', 'sampled', 'talks', 'answers', 'indexed', 'indexed'),
      filter: arbitraryFilter(flows.flat()).map(printFilter),
      question,
      window,
    });
    await fc.assert(
      fc.asyncProperty(asked, async ({ set, filter, question, window }) => {
        const argv = ['-r', sets[set]!, ...question, ...window, filter];
        const native = await withEngine('native', () => dumpText(argv));
        const general = await withEngine('duckdb', () => dumpText(argv));
        expect(timings(native)).toBe(timings(general));
      }),
      { numRuns: Number(process.env.WEIR_FUZZ_RUNS ?? 30), interruptAfterTimeLimit: 60_000 },
    );
  }, 90_000);

  it('join both directions in the same way', async () => {
    const asked = fc.record({
      set: fc.constantFrom('talks', 'answers', 'sampled'),
      joining: fc.constantFrom('-b', '-B'),
      order: fc.constantFrom([], ...['-O', '-s'].map((option) => [option])),
      by: recordOrder,
      top: fc.constantFrom('0', '1', '5', '20'),
      filter: fc.constantFrom('any', 'proto tcp', 'not src port 443', 'host 10.0.0.5', 'bytes > 100000'),
      format: fc.oneof(
        anyFormat,
        fc.constantFrom(['-o', 'biline'], ['-o', 'fmt:%sa %sas %in %smk %pr %opkt %ipkt %flg']),
      ),
    });
    await fc.assert(
      fc.asyncProperty(asked, async ({ set, joining, order, by, top, filter, format }) => {
        const [option] = order;
        const ordered = option === undefined ? [] : [option, option === '-s' ? `record/${by}` : by];
        const argv = ['-r', sets[set]!, joining, ...ordered, '-n', top, ...format, filter];
        const native = await withEngine('native', () => dumpText(argv));
        const general = await withEngine('duckdb', () => dumpText(argv));
        expect(timings(native), argv.join(' ')).toBe(timings(general));
      }),
      { numRuns: Number(process.env.WEIR_FUZZ_RUNS ?? 30), interruptAfterTimeLimit: 60_000 },
    );
  }, 90_000);

  it.each([[[]], [['-c', '40000']], [['not src port 53']]])('list more flows than one piece has: %j', async (asked) => {
    const argv = ['-r', sets['long']!, '-o', 'csv', ...asked];
    const native = await withEngine('native', () => dumpText(argv));
    expect(native.split('\n').length).toBeGreaterThan(33_000);
    expect(native).toBe(await withEngine('duckdb', () => dumpText(argv)));
  });
});
