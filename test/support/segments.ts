import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { canonical, type Flow } from './flow.ts';

/** Parquet files below a directory that readers are meant to see: whole parts and segments. */
export function segmentFiles(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.parquet')).map((name) => join(directory, name));
}

/** A flow with what the store knows beyond it. */
export interface StoredFlow extends Flow {
  inIf: number;
  outIf: number;
  sampling: number;
}

/** Flows of a store, read with DuckDB as any other program would: nothing of weir takes part. */
export async function readSegments(directory: string): Promise<StoredFlow[]> {
  const files = segmentFiles(directory);
  if (files.length === 0) return [];
  const rows = await query(`
    SELECT src_addr_hi, src_addr_lo, dst_addr_hi, dst_addr_lo, proto, src_port, dst_port, tos, tcp_flags, in_if, out_if,
      sampling,
      packets::DOUBLE AS packets, octets::DOUBLE AS octets,
      epoch_ms(first)::DOUBLE AS first_ms, epoch_ms(last)::DOUBLE AS last_ms
    FROM ${parquet(files)}`);
  return rows.map((row) => ({
    src: addressText(row['src_addr_hi'] as bigint, row['src_addr_lo'] as bigint),
    dst: addressText(row['dst_addr_hi'] as bigint, row['dst_addr_lo'] as bigint),
    proto: Number(row['proto']),
    srcPort: Number(row['src_port']),
    dstPort: Number(row['dst_port']),
    tos: Number(row['tos']),
    tcpFlags: Number(row['tcp_flags']) & 0xff,
    packets: Number(row['packets']),
    octets: Number(row['octets']),
    firstMs: Number(row['first_ms']),
    lastMs: Number(row['last_ms']),
    inIf: Number(row['in_if']),
    outIf: Number(row['out_if']),
    sampling: Number(row['sampling']),
  }));
}

/** Rows of some Parquet files; throws when one of them is not readable from end to end. */
export async function countRows(files: readonly string[]): Promise<number> {
  if (files.length === 0) return 0;
  const rows = await query(`SELECT count(*) AS n, sum(packets), sum(octets) FROM ${parquet(files)}`);
  return Number(rows[0]!['n']);
}

/** A table of DuckDB made of these files. */
export function parquet(files: readonly string[]): string {
  const list = files.map((file) => `'${file.replaceAll("'", "''")}'`).join(', ');
  return `read_parquet([${list}], union_by_name = true)`;
}

let connection: DuckDBConnection | undefined;

/** Answers of DuckDB. */
export async function query(sql: string): Promise<Record<string, unknown>[]> {
  connection ??= await (await DuckDBInstance.create(':memory:')).connect();
  const reader = await connection.runAndReadAll(sql);
  return reader.getRowObjects();
}

/** Text of an address kept as two 64-bit numbers, IPv4 as ::ffff:a.b.c.d; a missing one is `::`. */
export function addressText(high: bigint, low: bigint): string {
  if (high === 0n && low >> 32n === 0xffffn) {
    return [24n, 16n, 8n, 0n].map((shift) => Number((low >> shift) & 0xffn)).join('.');
  }
  const hex = ((high << 64n) | low).toString(16).padStart(32, '0');
  return canonical(hex.match(/.{4}/g)!.join(':'));
}
