import type { AddressWords } from '../../flow/address.ts';
import type { ColumnName, FieldName } from '../../flow/fields.ts';
import { column, u64 } from './schema.ts';

/** 0.0.0.0 and 255.255.255.255 as low halves of v4-mapped addresses; their high half is 0. */
export const V4_ZERO = 0xffff_0000_0000n;
export const V4_LAST = 0xffff_ffff_ffffn;

export interface AddressColumns {
  readonly hi: ColumnName;
  readonly lo: ColumnName;
}

/** The two columns of an address field. */
export function addressColumns(field: FieldName): AddressColumns {
  return { hi: `${field}Hi` as ColumnName, lo: `${field}Lo` as ColumnName };
}

export function highWord(words: AddressWords): bigint {
  return (BigInt(words[0]) << 32n) | BigInt(words[1]);
}

export function lowWord(words: AddressWords): bigint {
  return (BigInt(words[2]) << 32n) | BigInt(words[3]);
}

/** Whether an address is an IPv4 one. */
export function isV4Sql(columns: AddressColumns): string {
  const { hi, lo } = sqlNames(columns);
  return `${hi} = 0 AND ${lo} BETWEEN ${u64(V4_ZERO)} AND ${u64(V4_LAST)}`;
}

/** Whether an address is an IPv6 one; neither IPv4 nor absent. */
export function isV6Sql(columns: AddressColumns): string {
  const { hi, lo } = sqlNames(columns);
  return `${hi} <> 0 OR ${lo} > ${u64(V4_LAST)} OR ${lo} BETWEEN 1::UBIGINT AND ${u64(V4_ZERO - 1n)}`;
}

function sqlNames({ hi, lo }: AddressColumns): { hi: string; lo: string } {
  return { hi: column(hi).sql, lo: column(lo).sql };
}

/** Bits of the high half that a prefix length covers. */
export function highMask(length: number): bigint {
  return length >= 64 ? (1n << 64n) - 1n : ((1n << BigInt(length)) - 1n) << BigInt(64 - length);
}

/** Bits of the low half that a prefix length (of 128) covers. */
export function lowMask(length: number): bigint {
  return length <= 64 ? 0n : highMask(length - 64);
}
