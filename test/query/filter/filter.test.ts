import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../../src/flow/user-error.ts';
import { Database } from '../../../src/query/database.ts';
import { resolveHostNames } from '../../../src/query/filter/host-names.ts';
import { parseFilter } from '../../../src/query/filter/parse.ts';
import { printFilter } from '../../../src/query/filter/print.ts';
import { phrases } from '../../../src/query/filter/terms.ts';
import { predicateSql } from '../../../src/query/sql/predicate.ts';
import { filesSql } from '../../../src/query/sql/scan.ts';
import type { Schema } from '../../../src/query/sql/schema.ts';
import { arbitraryFilter } from '../support/arbitrary-filter.ts';
import { makeFlows, makeRandom, type TestFlow } from '../support/generate.ts';
import { passes } from '../support/interpret.ts';
import { writeSegment } from '../support/parquet.ts';

const flows = makeFlows(120, 7);
/** The same kind of flows without what is not core and not named: a file of a plainer exporter. */
const plainFlows = makeFlows(60, 8).map((flow): TestFlow => {
  const { srcAs, mpls1, mpls2, inSrcMac, minTtl, maxTtl, dstTos, ...numbers } = flow.numbers;
  const { nextHop, bgpNextHop, ...addresses } = flow.addresses;
  return { numbers, addresses };
});

describe('a filter', () => {
  it('prints as text that parses to the same tree', () => {
    fc.assert(
      fc.property(arbitraryFilter(flows), (filter) => {
        expect(parseFilter(printFilter(filter))).toEqual(filter);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['proto tcp', 'proto 6'],
    ['TCP', 'proto 6'],
    ['proto ICMP6 or proto 17', 'proto 58 or proto 17'],
    ['host 10.0.0.1', 'ip 10.0.0.1'],
    ['src or dst net 10/8', 'src net 10.0.0.0/8 or dst net 10.0.0.0/8'],
    ['src and dst port 53', 'src port 53 and dst port 53'],
    ['net 172.16.1.1 255.255.0.0', 'net 172.16.0.0/16'],
    ['src ip in [10.0.0.1, 10.1.0.0/16 2001:db8::1]', 'src ip in [ 10.0.0.1 10.1.0.0/16 2001:db8::1 ]'],
    ['not (port 80 or port 443) && ! tcp', 'not (port 80 or port 443) and not proto 6'],
    ['port=80 || port>1k', 'port 80 or port > 1000'],
    ['bytes gt 0x10 and packets le 2m', 'bytes > 16 and packets <= 2000000'],
    ['flags SA or flags =S or flags X or flags 0x12', 'flags AS or flags = S or flags UAPRSF or flag byte 18'],
    ['flags AS', 'flags AS'],
    ['icmp type 8 and icmp-code 0', 'icmp-type 8 and icmp-code 0'],
    ['as in [ 1 2,3 ]', 'as in [ 1 2 3 ]'],
    ['bgpnext ip 10.0.0.1 or exporter ip ::1', 'bgp next ip 10.0.0.1 or router ip ::1'],
    [
      'src xip 10.0.0.1 or xlate port 80 or dst nat net 10.0.0.0/8',
      'src nat ip 10.0.0.1 or nat port 80 or dst nat net 10.0.0.0/8',
    ],
    ['mac 00:11:22:33:44:55', 'mac 00:11:22:33:44:55'],
    ['nat event add or asa denied ingress', 'nat event 1 or asa xevent 1001'],
    ['inet6 and first seen > 2026-11-20T10:30:00Z', 'ipv6 and first seen > 2026-11-20T10:30:00.000Z'],
    ['', 'any'],
    ['# a comment\nport 80 # more', 'port 80'],
    ["proto 'udp'", 'proto 17'],
  ])('%s means %s', (text, canonical) => {
    expect(printFilter(parseFilter(text))).toBe(canonical);
  });

  it.each([
    ['srcc port 80', 1, 'did you mean "src"'],
    ['proto tcp prt 80', 11, 'and'],
    ['port 65536', 6, '65535'],
    ['port http', 6, 'http'],
    ['proto tcpp', 7, 'did you mean "tcp"'],
    ['ip 10.0.0.256', 4, '10.0.0.256'],
    ['ip 10.0.0', 4, '10.0.0'],
    ['net 10.0.0.0', 13, '/LENGTH'],
    ['net 10.0.0.0/33', 14, '32'],
    ['port in [ ]', 11, 'empty'],
    ['port in [ 1', 12, ']'],
    ['(port 80', 9, "')'"],
    ['port 80 and', 12, 'ends'],
    ['payload content x', 1, 'without payload'],
    ['mpls', 5, 'label1'],
    ['flags ab', 7, 'letters'],
    ['port 80\nand foo bar', 5, "'foo'"],
    ['mac 00:00:00:00:00:00', 5, 'zero'],
    ['port 80 ;', 9, "';'"],
  ])('%j is refused at column %i', (text, column, hint) => {
    const error = errorOf(() => parseFilter(text));
    expect(error).toBeInstanceOf(UserError);
    const [head, , caret] = error.message.split('\n');
    expect(head).toContain(`column ${column}:`);
    expect(caret!.indexOf('^')).toBe(column + 1);
    expect(error.message).toContain(hint);
    expect(error.exitCode).toBe(254);
  });

  it('may include files, but not for ever', () => {
    const readInclude = (name: string) =>
      name === 'a' ? 'port 80 or @include b' : name === 'b' ? 'port 443' : '@include c';
    expect(printFilter(parseFilter('tcp and (@include a)', { readInclude }))).toBe('proto 6 and (port 80 or port 443)');
    expect(errorOf(() => parseFilter('@include c', { readInclude })).message).toContain('10 deep');
  });

  it('resolves host names to all their addresses', async () => {
    const filter = parseFilter('dst host www.example.org');
    const resolved = await resolveHostNames(filter, async () => ['192.0.2.1', '2001:db8::1']);
    expect(printFilter(resolved)).toBe('dst ip in [ 192.0.2.1 2001:db8::1 ]');
    const failing = resolveHostNames(filter, () => Promise.reject(new Error('ENOTFOUND')));
    await expect(failing).rejects.toThrow("no address found for the host name 'www.example.org'");
  });

  it('of any text is a tree or one message', () => {
    const seed = Date.now() % 0x7fff_ffff;
    const random = makeRandom(seed);
    const words = [...new Set([...phrases.keys()].flatMap((phrase) => phrase.split(' ')))];
    const scraps = [
      ...words,
      '(',
      ')',
      '[',
      ']',
      ',',
      '!',
      '&&',
      'and',
      'or',
      'not',
      '10.0.0.1',
      '::1',
      '/8',
      '=',
      '<',
      '80',
      '1k',
      '"x"',
      '#',
      '\n',
    ];
    const endAt = performance.now() + 1000;
    while (performance.now() < endAt) {
      let text = '';
      for (let i = random(12); i >= 0; i--) {
        text += random(9) === 0 ? String.fromCodePoint(random(0x2000)) : `${scraps[random(scraps.length)]} `;
      }
      try {
        const filter = parseFilter(text);
        expect(parseFilter(printFilter(filter)), `seed ${seed}: ${JSON.stringify(text)}`).toEqual(filter);
      } catch (error) {
        if (!(error instanceof UserError)) throw new Error(`seed ${seed}: ${JSON.stringify(text)}`, { cause: error });
      }
    }
  });

  it('nested without end is refused', () => {
    expect(errorOf(() => parseFilter('('.repeat(100_000))).message).toContain('deep');
    expect(errorOf(() => parseFilter('not '.repeat(100_000))).message).toContain('deep');
    expect(parseFilter(Array(20_000).fill('port 80').join(' or '))).toMatchObject({ kind: 'or' });
  });
});

describe('the SQL of a filter', () => {
  let directory: string;
  let database: Database;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'weir-filter-'));
    await writeSegment(join(directory, 'full.parquet'), flows, 64);
    await writeSegment(join(directory, 'plain.parquet'), plainFlows, 64);
    database = await Database.open();
  });
  afterAll(() => {
    database.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it.each([
    ['one file', ['full.parquet'], flows],
    ['a file without many columns', ['plain.parquet'], plainFlows],
    ['files of different columns', ['full.parquet', 'plain.parquet'], [...flows, ...plainFlows]],
  ] as const)('passes the same flows as the plain meaning, in %s', async (_, names, population) => {
    const mixed = names.length > 1;
    const from = filesSql(
      names.map((name) => join(directory, name)),
      mixed,
    );
    const schema: Schema = { columns: new Set(await database.columnNames(`SELECT * FROM ${from}`)), mixed };
    await fc.assert(
      fc.asyncProperty(arbitraryFilter(population), async (filter) => {
        const expected = population.flatMap((flow, index) => (passes(filter, flow) ? [index] : []));
        expect(await matching(database, from, predicateSql(filter, schema), flows.length)).toEqual(expected);
      }),
      { numRuns: 120 },
    );
  });
});

/** Numbers of the rows that pass, files counted one after another; the first file has `firstRows` rows. */
async function matching(database: Database, from: string, predicate: string, firstRows: number): Promise<number[]> {
  const found: number[] = [];
  const sql = `SELECT (file_index * ${firstRows} + file_row_number)::BIGINT AS row FROM ${from} WHERE ${predicate} ORDER BY row`;
  for await (const chunk of database.chunks(sql)) {
    const words = chunk.words('row');
    for (let row = 0; row < chunk.rows; row++) found.push(words[row * 2]!);
  }
  return found;
}

function errorOf(run: () => unknown): UserError {
  try {
    run();
  } catch (error) {
    return error as UserError;
  }
  throw new Error('nothing was thrown');
}
