import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseSqlArguments } from '../../src/cli/sql.ts';
import { formatAddress } from '../../src/flow/address.ts';
import { ExporterNames } from '../../src/flow/exporter-names.ts';
import { ACCOUNT_NAME } from '../../src/pipeline/collect/account.ts';
import { NAMES_FILE } from '../../src/pipeline/collect/names-file.ts';
import { runSql } from '../../src/pipeline/query/sql.ts';
import { tempDir } from '../support/process.ts';
import { EXPORTER, makeFlows, type TestFlow } from './support/generate.ts';
import { writeOwnSegment } from './support/parquet.ts';
import { Collector, dumpText } from './support/run-dump.ts';

const flows = makeFlows(200).map(
  ({ numbers, addresses }, index): TestFlow => ({
    numbers: { ...numbers, sampling: index % 2 === 0 ? 100 : 0 },
    addresses,
  }),
);

describe('weir sql', () => {
  let store: string;

  beforeAll(async () => {
    store = tempDir('sql-test');
    mkdirSync(join(store, '2026'));
    await writeOwnSegment(join(store, '2026', 'weir.202611201000.parquet'), flows, 100, 'zstd');
    const stream = {
      exporter: EXPORTER,
      version: 10,
      domain: 7,
      transport: 'udp',
      datagrams: 5,
      records: 200,
      lost: 1,
      lostUnit: 'records',
      duplicated: 0,
      reordered: 0,
      resets: 0,
      templates: 2,
      setsWithoutTemplate: 0,
      samplingRate: 100,
      skewMs: -3.5,
      lastSeenMs: 1_763_632_800_000,
    };
    const account = { schema: 1, ident: 'edge', reception: {}, streams: [stream] };
    writeFileSync(join(store, ACCOUNT_NAME), JSON.stringify(account));
    const names = new ExporterNames();
    names.learn(EXPORTER, 'interfaces', '1', { name: "ge-0/0/1 'core'", description: '' });
    writeFileSync(join(store, NAMES_FILE), names.save());
  });

  const ask = async (...argv: string[]): Promise<string> => {
    const [stdout, stderr] = [new Collector(), new Collector()];
    const options = await parseSqlArguments(['-r', store, ...argv]);
    expect(await runSql(options!, { stdout, stderr } as unknown as NodeJS.Process)).toBe(0);
    return stdout.text;
  };

  it.each(['src_addr', 'dst_addr', 'exporter'])(
    'leaves nothing out that a condition on %s asks for',
    async (column) => {
      const found = await ask(
        '-o',
        'csv',
        `SELECT DISTINCT ${column} FROM flows WHERE ${column} IS NOT NULL ORDER BY 1`,
      );
      for (const value of found.trimEnd().split('\n').slice(1, 12)) {
        const count = (condition: string) =>
          ask('-o', 'csv', `SELECT count(*), sum(octets) FROM flows WHERE ${condition}`);
        // The engine's own comparison: nothing can be told of a column within an expression.
        const wanted = await count(`${column} || '' = '${value}'`);
        expect(await count(`${column} = '${value}'`)).toBe(wanted);
        expect(await count(`${column} IN ('${value}', '203.0.113.200')`)).toBe(wanted);
        const start = value.slice(0, value.search(/[.:]/) + 1);
        expect(await count(`${column} LIKE '${start}%'`)).toBe(await count(`${column} || '' LIKE '${start}%'`));
      }
    },
  );

  it('has every flow, with addresses as they are written', async () => {
    const rows = (await ask('-o', 'ndjson', 'SELECT src_addr, dst_addr, octets, stored_octets, in_src_mac FROM flows'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows).toEqual(
      flows.map(({ numbers, addresses }) => ({
        src_addr: formatAddress(...addresses['srcAddr']!),
        dst_addr: formatAddress(...addresses['dstAddr']!),
        octets: numbers['octets']! * (numbers['sampling'] || 1),
        stored_octets: numbers['octets'],
        in_src_mac: `02:00:5e:00:00:${(numbers['inSrcMac']! & 255).toString(16).padStart(2, '0')}`,
      })),
    );
  });

  it.each([
    ['::1', 0n, 1n],
    ['2001:db8::', 0x20010db800000000n, 0n],
    ['2001:0:0:1::1', 0x2001000000000001n, 1n],
    ['1:2:3:4:5:6:7:8', 0x0001000200030004n, 0x0005000600070008n],
    ['::2:0:0:0', 0n, 0x0002000000000000n],
    ['10.0.255.1', 0n, 0xffff0a00ff01n],
  ])('writes %s', async (address, hi, lo) => {
    const text = await ask('-o', 'csv', `SELECT ip_text(${hi}::UBIGINT, ${lo}::UBIGINT) AS a`);
    expect(text).toBe(`a\n${address}\n`);
  });

  it('prints tables with numbers to the right', async () => {
    expect(await ask("SELECT 'a' AS text, 1234567 AS number UNION ALL SELECT NULL, 5 ORDER BY 2 DESC")).toBe(
      'text   number\n----  -------\na     1234567\n            5\n',
    );
  });

  it('takes flows by a filter of weir dump', async () => {
    const count = Number(
      /total flows: (\d+)/.exec(await dumpText(['-r', store, '-o', 'null', '-N', 'bytes > 100000']))?.[1],
    );
    expect(await ask('-o', 'csv', '--filter', 'bytes > 100000', 'SELECT count(*) AS n FROM flows')).toBe(
      `n\n${count}\n`,
    );
  });

  it('has exporters and interfaces', async () => {
    expect(JSON.parse(await ask('-o', 'json', 'SELECT exporter, ident, lost, skew_ms FROM exporters'))).toEqual([
      { exporter: EXPORTER, ident: 'edge', lost: 1, skew_ms: -3 },
    ]);
    expect(
      await ask(
        '-o',
        'csv',
        'SELECT i.name, count(*) > 0 AS has FROM flows f JOIN interfaces i ON i.exporter = f.exporter AND i.index = f.in_if GROUP BY 1',
      ),
    ).toBe("name,has\nge-0/0/1 'core',true\n");
  });

  it.each(['csv', 'json', 'table', 'parquet'])('-o %s ends quietly when its reader has gone', async (format) => {
    const stdout = new Writable({
      write: (_chunk, _encoding, callback) => callback(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    });
    const stderr = new Collector();
    const options = await parseSqlArguments(['-r', store, '-o', format, 'SELECT * FROM flows']);
    expect(await runSql(options!, { stdout, stderr } as unknown as NodeJS.Process)).toBe(0);
    expect(stderr.text).toBe('');
  });

  it.each(['json', 'ndjson'])('-o %s has control characters escaped', async (format) => {
    const printed = await ask('-o', format, "SELECT 'a' || chr(155) || chr(127) || 'ü' AS t");
    expect(printed).toContain('a\\u009b\\u007fü');
    expect([JSON.parse(printed)].flat()).toEqual([{ t: 'a\u009b\u007fü' }]);
  });

  it('-o csv has a line for each row, without control characters', async () => {
    const printed = await ask('-o', 'csv', `SELECT 'a' || chr(155) || chr(10) || '"b"' AS "t\u009b"`);
    expect(printed).toBe('t \n"a  ""b"""\n');
  });

  it('writes files, csv and Parquet', async () => {
    const [csv, parquet] = [join(store, 'a.csv'), join(store, 'a.pq')];
    await ask('-o', 'csv', '-w', csv, `SELECT 'a "b", c' AS t, NULL AS n`);
    expect(readFileSync(csv, 'utf8')).toBe('t,n\n"a ""b"", c",\n');
    await ask('-o', 'parquet', '-w', parquet, 'SELECT src_addr FROM flows');
    expect(readFileSync(parquet).subarray(0, 4).toString()).toBe('PAR1');
  });

  it.each([
    [
      'SELECT octets FRM flows',
      'syntax error at or near "flows"\nLINE 1: SELECT octets FRM flows\n                          ^',
    ],
    ['SELECT nope FROM flows', 'LINE 1: SELECT nope FROM flows\n               ^'],
    ['SELECT cast(src_addr AS INTEGER) FROM flows', 'LINE 1: SELECT cast(src_addr'],
    ['SELECT 1; SELECT 2', 'one statement'],
    ['', 'empty'],
    ['SET threads = 1', 'only reads'],
    ["SET allowed_paths = ['/etc/passwd']", 'only reads'],
    ['DROP VIEW flows', 'only reads'],
    ["COPY flows TO '/tmp/weir-must-not-be'", 'only reads'],
    ["ATTACH '/tmp/weir-must-not-be'", 'only reads'],
    ["EXPORT DATABASE '/tmp/weir-must-not-be'", 'only reads'],
    ['PRAGMA database_list', 'only reads'],
    ['INSERT INTO exporters VALUES (1)', 'only reads'],
    ['LOAD httpfs', 'only reads'],
    ["SELECT * FROM read_parquet('https://192.0.2.1/x.parquet')", 'Cannot access file'],
    ["SELECT * FROM read_text('/etc/passwd')", 'Cannot access file'],
    ["SELECT * FROM read_csv('/etc/passwd')", 'Cannot access file'],
    ["SELECT * FROM '/etc/passwd'", /Cannot access|Catalog|does not exist/],
    ["SELECT * FROM glob('/etc/*')", /Cannot access|disabled/],
    ["SELECT getenv('HOME')", /getenv/],
  ])('%s is refused', async (sql, message) => {
    await expect(ask(sql)).rejects.toThrow(message);
    expect(existsSync('/tmp/weir-must-not-be')).toBe(false);
  });
});
