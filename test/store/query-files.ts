import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance, type DuckDBValue } from '@duckdb/node-api';
import { afterEach } from 'vitest';

/** A new directory, removed after the test. */
export function scratchDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'weir-store-'));
  scratch.push(path);
  return path;
}

const scratch: string[] = [];
afterEach(() => {
  for (const path of scratch.splice(0)) rmSync(path, { recursive: true, force: true });
});

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
