import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../../src/flow/user-error.ts';
import { Database } from '../../../src/query/database.ts';
import { resolveHostNames } from '../../../src/query/filter/host-names.ts';
import { parseFilter } from '../../../src/query/filter/parse.ts';
import { printFilter } from '../../../src/query/filter/print.ts';
import { phrases } from '../../../src/query/filter/terms.ts';
import { MAX_INCLUDED_CHARACTERS, MAX_INCLUDED_FILES } from '../../../src/query/filter/tokens.ts';
import { predicateSql } from '../../../src/query/sql/predicate.ts';
import { filesSql } from '../../../src/query/sql/scan.ts';
import type { Schema } from '../../../src/query/sql/schema.ts';
import { fuzz } from '../../support/fuzz.ts';
import { tempDir } from '../../support/process.ts';
import { arbitraryFilter } from '../support/arbitrary-filter.ts';
import { makeFlows, type TestFlow } from '../support/generate.ts';
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
      fc.property(arbitraryFilter(flows, ['router1', 'none', 'of "7" x', '$a']), (filter) => {
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
    ['port != 80 or src port ne 1k', 'port != 80 or src port != 1000'],
    ['port 1000-2000 and bytes 1k-2M', 'port 1000-2000 and bytes 1000-2000000'],
    ['dst port 1000 - 2000', 'dst port 1000-2000'],
    ['src port != 1-1023', 'src port != 1-1023'],
    ['port in [ 80 1k-2k,https ] and port not in [ 1 2 ]', 'port in [ 80 1000-2000 443 ] and port not in [ 1 2 ]'],
    ['proto in [tcp UDP 132] or proto tcp-udp', 'proto in [ 6 17 132 ] or proto 6-17'],
    ['src net 10.0.0.1-10.0.0.99', 'src ip 10.0.0.1-10.0.0.99'],
    ['ip in [2001:db8::1-2001:db8::9 10.0.0.0 - 10.0.0.3]', 'ip in [ 2001:db8::1-2001:db8::9 10.0.0.0-10.0.0.3 ]'],
    ['dst ip != 10.0.0.1 and src net != 10/8', 'dst ip != 10.0.0.1 and src net != 10.0.0.0/8'],
    ['host my-host', 'ip my-host'],
    ['first seen 2026-11-20T10:00Z-2026-11-21Z', 'first seen 2026-11-20T10:00:00.000Z-2026-11-21T00:00:00.000Z'],
    ['mac 02:00:00:00:00:00-02:00:00:ff:ff:ff', 'mac 02:00:00:00:00:00-02:00:00:ff:ff:ff'],
    ['flags in [S SA] or flags != S', 'flags S or flags AS or flag byte != 2'],
    ['flags 1-3', 'flag byte 1-3'],
    ['port https or src port http-alt', 'port 443 or src port 8080'],
    ['ie octetDeltaCount > 1k', 'ie octetDeltaCount > 1000'],
    ['IE SOURCEIPV6ADDRESS 2001:db8::/32', 'ie sourceIPv4Address 2001:db8::/32'],
    ['ie 7 in [1-5 9]', 'ie sourceTransportPort in [ 1-5 9 ]'],
    ['ie flowStartSeconds > 2026-11-20Z', 'first seen > 2026-11-20T00:00:00.000Z'],
    ['ie applicationName = "x y"', 'ie applicationName = "x y"'],
    ['ie applicationName \'say "x"\'', 'ie applicationName = \'say "x"\''],
    ['ie 9/12237 >= 1k or ie 5000 != 7', 'ie 9/12237 >= 1000 or ie 5000 != 7'],
    ['ie 29305/4 6 or ie reverseTcpControlBits 2', 'ie reverseProtocolIdentifier = 6 or ie reverseTcpControlBits = 2'],
    ['ie "queue.length" > 5', 'ie "queue.length" > 5'],
    ['ingress acl 5 or egress acl > 0x10', 'ie 33000 = 5 or ie 33001 > 16'],
    ['src or dst port in nat pblock', 'src port in nat pblock or dst port in nat pblock'],
    ['not port in pblock and src xlate port in pblock', 'not port in nat pblock and src nat port in nat pblock'],
    ['ie applicationName not in [ "a", b ]', 'ie applicationName not in [ "a" "b" ]'],
  ])('%s means %s', (text, canonical) => {
    expect(printFilter(parseFilter(text))).toBe(canonical);
  });

  it.each([
    ['srcc port 80', 1, 'did you mean "src"'],
    ['proto tcp prt 80', 11, 'and'],
    ['port 65536', 6, '65535'],
    ['port htps', 6, 'did you mean "https"'],
    ['port 2000-1000', 6, 'ends before'],
    ['port > 1-2', 8, 'range'],
    ['port 1-99999', 6, '65535'],
    ['ip > 10.0.0.1', 6, "'>'"],
    ['ip 10.0.0.9-10.0.0.1', 4, 'range'],
    ['ip 10.0.0.9-::1', 4, 'range'],
    ['ie octetDeltaCuont 5', 4, 'did you mean "octetDeltaCount"'],
    ['ie 9/x', 6, 'PEN'],
    ['ie "a\'b" 5', 4, 'such a name'],
    ['ie applicationName > x', 22, 'text'],
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

  it('may include so many files, and so much text, and no more', () => {
    let reads = 0;
    const readInclude = (name: string) => {
      reads++;
      if (name === 'long') return `${' '.repeat(MAX_INCLUDED_CHARACTERS / 4)}80`;
      return name.length < 9 ? `@include ${name}x `.repeat(9) : 'port 80';
    };
    const many = errorOf(() => parseFilter('tcp and @include a', { readInclude }));
    expect(many.message).toMatch(/^filter: a.* line 1, column \d+: more than 1000 files included\n/);
    expect(reads).toBe(MAX_INCLUDED_FILES);
    const list = (times: number) => parseFilter(`port in [${' @include long'.repeat(times)}]`, { readInclude });
    expect(printFilter(list(3))).toBe('port in [ 80 80 80 ]');
    expect(errorOf(() => list(4)).message).toMatch(/^filter: line 1, column 53: files of more than 32 MiB included\n/);
  });

  it('takes lists and their parts from files', () => {
    const files: Record<string, string> = {
      hosts: '# known bad\n10.0.0.1\n10.1.0.0/16, 2001:db8::1\n',
      more: '@hosts 10.9.0.1-10.9.0.9',
      ports: 'http https\n8000-8099',
      open: '10.0.0.1 ]',
      self: '@self',
      none: '# nothing',
    };
    const parse = (text: string) => printFilter(parseFilter(text, { readInclude: (name) => files[name]! }));
    const hosts = '10.0.0.1 10.1.0.0/16 2001:db8::1';
    expect(parse('src ip in @hosts')).toBe(`src ip in [ ${hosts} ]`);
    expect(parse('src ip not in @"hosts"')).toBe(`src ip not in [ ${hosts} ]`);
    expect(parse('ip in [@include hosts]')).toBe(`ip in [ ${hosts} ]`);
    expect(parse('ip in [ 10.2.0.1 @more, ::9 ]')).toBe(`ip in [ 10.2.0.1 ${hosts} 10.9.0.1-10.9.0.9 ::9 ]`);
    expect(parse('port in @ports and tcp')).toBe('port in [ 80 443 8000-8099 ] and proto 6');
    expect(() => parse('ip in @open')).toThrow('open line 1, column 10');
    expect(() => parse('ip in @self')).toThrow('10 deep');
    expect(() => parse('ip in @none')).toThrow('empty');
    expect(() => parseFilter('ip in @hosts')).toThrow('hosts: files cannot be included here');
    expect(() => parse('ip @hosts')).toThrow('expected an address');
  });

  it('resolves host names to all their addresses', async () => {
    const filter = parseFilter('dst host www.example.org');
    const resolved = await resolveHostNames(filter, async () => ['192.0.2.1', '2001:db8::1']);
    expect(printFilter(resolved)).toBe('dst ip in [ 192.0.2.1 2001:db8::1 ]');
    const failing = resolveHostNames(filter, () => Promise.reject(new Error('ENOTFOUND')));
    await expect(failing).rejects.toThrow("no address found for the host name 'www.example.org'");
  });

  it('of any text is a tree or one message', async () => {
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
      '!=',
      '80-90',
      '-',
      'in',
      'in [',
      'not in [',
      '10.0.0.1-10.0.0.9',
      'https',
      'octetDeltaCount',
      'applicationName',
      '9/95',
      '@ports',
      '#',
      '\n',
    ];
    await fuzz((roll) => {
      let text = '';
      for (let i = roll(12); i >= 0; i--) {
        text += roll(9) === 0 ? String.fromCodePoint(roll(0x2000)) : `${scraps[roll(scraps.length)]} `;
      }
      let filter: ReturnType<typeof parseFilter>;
      try {
        filter = parseFilter(text, { readInclude: () => 'http 8000-8099' });
      } catch (error) {
        expect(error, JSON.stringify(text)).toBeInstanceOf(UserError);
        return;
      }
      expect(parseFilter(printFilter(filter)), JSON.stringify(text)).toEqual(filter);
    });
  });

  it('nested without end is refused', () => {
    expect(errorOf(() => parseFilter('('.repeat(100_000))).message).toContain('deep');
    expect(errorOf(() => parseFilter('not '.repeat(100_000))).message).toContain('deep');
    expect(parseFilter(Array(20_000).fill('port 80').join(' or '))).toMatchObject({ kind: 'or' });
    const set = Array.from({ length: 200_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`).join('\n');
    expect(parseFilter('ip in @set', { readInclude: () => set })).toMatchObject({ kind: 'address' });
  });
});

describe('the SQL of a filter', () => {
  let directory: string;
  let database: Database;

  beforeAll(async () => {
    directory = tempDir('filter');
    await writeSegment(join(directory, 'full.parquet'), flows, 64);
    await writeSegment(join(directory, 'plain.parquet'), plainFlows, 64);
    database = await Database.open();
  });
  afterAll(() => database.close());

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
      { numRuns: Number(process.env.WEIR_FUZZ_RUNS ?? 120), interruptAfterTimeLimit: 60_000 },
    );
  });

  it('takes an AS number or a mask that a file does not have for 0, also where 0 is unwanted', async () => {
    const from = filesSql([join(directory, 'plain.parquet')], false);
    const schema: Schema = { columns: new Set(await database.columnNames(`SELECT * FROM ${from}`)), mixed: false };
    for (const text of ['as != 0', 'as not in [0 1]', 'mask != 0', 'as = 0', 'not as = 0']) {
      const filter = parseFilter(text);
      const expected = plainFlows.flatMap((flow, index) => (passes(filter, flow) ? [index] : []));
      expect(await matching(database, from, predicateSql(filter, schema), flows.length), text).toEqual(expected);
    }
  });
});

describe('elements without a column', () => {
  const extras = [
    '{"applicationName":"web","9/12237":42,"applicationId":"0x0d"}',
    '{"applicationName":"42","9/12237":7.5}',
    '{"9/12237":18446744073709551615}',
    null,
    '',
    '{"33000":"0x000000010000000200000003","portRangeStart":1004,"portRangeEnd":1005}',
    '{"33000":"0x000000ff","33001":"0x000000000000000000000000","portRangeStart":1000,"portRangeEnd":1005}',
    '{"33000":"0xa7b0c1d2000000020000000f","portRangeStart":1000}',
    '{"33000":7,"portRangeStart":"x","portRangeEnd":65535}',
  ];
  let database: Database;
  let from: string;
  const directory = tempDir('extra');

  beforeAll(async () => {
    database = await Database.open();
    const values = extras.map(
      (extra, index) =>
        `(${index}::UBIGINT, ${1000 + index}::USMALLINT, 80::USMALLINT, ${extra === null ? 'NULL' : `'${extra}'`})`,
    );
    const path = join(directory, 'extra.parquet');
    await database.run(
      `COPY (SELECT * FROM (VALUES ${values.join(', ')}) t(octets, src_port, dst_port, extra)) TO '${path}'`,
    );
    from = filesSql([path], false);
  });
  afterAll(() => database.close());

  it.each([
    ['ie applicationName = "web"', [0]],
    ['ie applicationName != "web"', [1]],
    ['not ie applicationName = "web"', [1, 2, 3, 4, 5, 6, 7, 8]],
    ['ie applicationName = 42', [1]],
    ['ie applicationName in [ web "42" ]', [0, 1]],
    ['ie 9/12237 > 7', [0, 1, 2]],
    ['ie 9/12237 <= 42 and ie applicationId 0x0d', []],
    ['ie applicationId "0x0d"', [0]],
    ['ie 9/12237 not in [ 42 43 ]', [1, 2]],
    ['ingress acl 2', [5, 7]],
    ['ie 33000 0xf', [7]],
    ['ingress acl in [ 1 255 ]', [5, 6]],
    ['ingress acl > 0x80000000', [7]],
    ['ingress acl != 2', [6, 8]],
    ['not ingress acl 2', [0, 1, 2, 3, 4, 6, 8]],
    ['ingress acl "0x000000ff" or egress acl 0', [6]],
    ['port in nat pblock', [5]],
    ['src port in pblock', [5]],
    ['dst port in nat pblock', []],
    ['not src port in nat pblock and ie 33000 != 7', [6, 7, 8]],
    ['nat port in nat pblock', []],
  ] as const)('%s', async (filter, expected) => {
    const schema: Schema = { columns: new Set(['octets', 'src_port', 'dst_port', 'extra']), mixed: false };
    const found: number[] = [];
    for await (const chunk of database.chunks(
      `SELECT octets FROM ${from} WHERE ${predicateSql(parseFilter(filter), schema)} ORDER BY octets`,
    )) {
      for (let row = 0; row < chunk.rows; row++) found.push(chunk.words('octets')[row * 2]!);
    }
    expect(found).toEqual(expected);
    expect(predicateSql(parseFilter(filter), { columns: new Set(['octets']), mixed: false })).toMatch(/TRUE|FALSE/);
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
