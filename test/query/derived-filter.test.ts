import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it } from 'vitest';
import { derivedFilter } from '../../src/query/ask/derived-filter.ts';
import { printFilter } from '../../src/query/filter/print.ts';

async function derived(statement: string): Promise<string | undefined> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const result = await connection.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)::VARCHAR', [statement]);
  connection.closeSync();
  const filter = derivedFilter(String(result.getRows()[0]![0]));
  return filter && printFilter(filter);
}

describe('the filter of a statement', () => {
  it.each([
    ["SELECT * FROM flows WHERE src_addr = '192.0.2.1'", 'src ip 192.0.2.1'],
    ["SELECT 1 FROM Flows f WHERE '2001:DB8::1' = F.Dst_Addr AND octets > 5", 'dst ip 2001:db8::1'],
    ["SELECT 1 FROM flows WHERE exporter IN ('192.0.2.1', '192.0.2.2')", 'router ip in [ 192.0.2.1 192.0.2.2 ]'],
    ["SELECT 1 FROM flows WHERE src_addr LIKE '10.1.%'", 'src net 10.1.0.0/16'],
    ["SELECT 1 FROM flows WHERE src_addr LIKE '10.1%'", 'src net 10.0.0.0/8'],
    ["SELECT 1 FROM flows WHERE starts_with(src_addr, '2001:db8::')", 'src net 2001:db8::/32'],
    ["SELECT 1 FROM flows WHERE src_addr = '10.0.0.1' OR dst_addr = '10.0.0.1'", 'src ip 10.0.0.1 or dst ip 10.0.0.1'],
    ["SELECT (SELECT count(*) FROM flows WHERE src_addr = '10.0.0.1')", 'src ip 10.0.0.1'],
    [
      "WITH a AS (SELECT * FROM flows WHERE src_addr = '10.0.0.1') SELECT * FROM a JOIN exporters USING (exporter)",
      'src ip 10.0.0.1',
    ],
  ])('%s: %s', async (statement, filter) => {
    expect(await derived(statement)).toBe(filter);
  });

  it.each([
    'SELECT * FROM flows',
    "SELECT * FROM flows WHERE src_addr = '10.0.0.1' OR octets > 5",
    "SELECT * FROM flows WHERE NOT src_addr = '10.0.0.1'",
    "SELECT * FROM flows WHERE src_addr != '10.0.0.1'",
    "SELECT * FROM flows WHERE src_addr = 'nobody'",
    "SELECT * FROM flows WHERE src_addr LIKE '1_.0.0.%'",
    "SELECT * FROM flows WHERE src_addr LIKE '%.0.0.1'",
    'SELECT * FROM flows WHERE src_addr = dst_addr',
    // Seen in another place, or otherwise, as well.
    "SELECT (SELECT count(*) FROM flows) FROM flows WHERE src_addr = '10.0.0.1'",
    "SELECT * FROM flows JOIN exporters USING (exporter) WHERE src_addr = '10.0.0.1'",
    "SELECT * FROM flows LEFT JOIN exporters ON src_addr = '10.0.0.1'",
    "SELECT * FROM flows AS f(src_addr) WHERE src_addr = '10.0.0.1'",
    "SELECT * FROM flows TABLESAMPLE 10% WHERE src_addr = '10.0.0.1'",
    "SELECT * FROM flows WHERE src_addr = '10.0.0.1' USING SAMPLE 10%",
    "SELECT 1 FROM flows WHERE src_addr = '10.0.0.1' AND EXISTS (FROM query('FROM flows'))",
    "SELECT (SELECT 1 FROM flows WHERE o.src_addr = '10.0.0.1') FROM exporters o",
    "FROM flows; FROM flows WHERE src_addr = '10.0.0.1'",
    'DESCRIBE flows',
    'no statement',
  ])('%s: none', async (statement) => {
    expect(await derived(statement)).toBeUndefined();
  });
});
