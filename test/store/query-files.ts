import { DuckDBInstance, type DuckDBValue } from '@duckdb/node-api';

/** Rows of a query that DuckDB answers; `files` in it becomes the list of paths. */
export async function query(sql: string, paths: readonly string[]): Promise<DuckDBValue[][]> {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  try {
    const list = `[${paths.map((path) => `'${path}'`).join(', ')}]`;
    return (
      await connection.runAndReadAll(sql.replace('files', `read_parquet(${list}, union_by_name = true)`))
    ).getRows();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
