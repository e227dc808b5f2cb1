import { formatAddress } from '../flow/address.ts';
import type { TextPool } from '../flow/text-pool.ts';
import { MAX_TIME_MS } from '../flow/time.ts';
import { readHigh, readLow, readNumber, readWord } from './decode-bytes.ts';
import type { ElementType } from './elements.ts';
import { ntpMicroseconds, ntpNanoseconds, ntpSecondsMs } from './ntp-time.ts';

/**
 * Values of elements as JSON, written into the memory of a pool of texts. Numbers are numbers, of 64 bits to the last
 * digit; times ISO 8601 in UTC; addresses, MACs and applications as people write them; octets `"0x..."`.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const HEX = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));
/** Octets of text that a value takes at most besides those for its own octets. */
export const VALUE_ROOM = 64;
/** Octets of text for one of a value: an escape such as \u001f. */
export const OCTET_ROOM = 6;

const decoder = new TextDecoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true });
const encoder = new TextEncoder();

/** True for a value that says nothing: no octets, or a text of NULs. */
export function isEmptyValue(type: ElementType | undefined, bytes: Uint8Array, at: number, length: number): boolean {
  return length === 0 || (type === 'string' && textEnd(bytes, at, length) === at);
}

/**
 * Writes the value of `length` (at least 1) octets at `at` of `view` to `pool.bytes` from `to` on; returns where it
 * ends. The caller has reserved `VALUE_ROOM` and `OCTET_ROOM` an octet. `bytes` is the memory of `view`.
 */
export function putValue(
  pool: TextPool,
  to: number,
  type: ElementType | undefined,
  view: DataView,
  bytes: Uint8Array,
  at: number,
  length: number,
): number {
  const out = pool.bytes;
  switch (type) {
    case 'u8':
    case 'u16':
    case 'u32':
    case 'u64':
      return length <= 8 ? putUnsigned(out, to, view, at, length) : putHex(out, to, bytes, at, length);
    case 'i32':
      return length <= 8 ? putSigned(out, to, view, at, length) : putHex(out, to, bytes, at, length);
    case 'float64':
      return putFloat(out, to, view, bytes, at, length);
    case 'bool':
      // RFC 7011 section 6.1.5.
      return putAscii(out, to, length === 1 && view.getUint8(at) === 1 ? 'true' : 'false');
    case 'ipv4':
      return length === 4 ? putV4(out, to, bytes, at) : putHex(out, to, bytes, at, length);
    case 'ipv6':
      return length === 16 ? putV6(out, to, view, at) : putHex(out, to, bytes, at, length);
    case 'mac':
      return length === 6 ? putMac(out, to, bytes, at) : putHex(out, to, bytes, at, length);
    case 'string':
      return putText(out, to, decoder.decode(bytes.subarray(at, textEnd(bytes, at, length))));
    case 'seconds':
      return putTime(out, to, readNumber(view, at, Math.min(length, 8)) * 1000, '');
    case 'milliseconds':
      return putTime(out, to, readNumber(view, at, Math.min(length, 8)), '');
    case 'microseconds':
    case 'nanoseconds':
      return length === 8 ? putNtp(out, to, view, at, type) : putHex(out, to, bytes, at, length);
    case 'application': {
      const text = applicationText(view, at, length);
      return text === undefined ? putHex(out, to, bytes, at, length) : putAscii(out, to, `"${text}"`);
    }
    case 'octets':
    case 'list':
      return putHex(out, to, bytes, at, length);
    case undefined: {
      const text = readableText(bytes, at, length);
      return text === undefined ? putHex(out, to, bytes, at, length) : putText(out, to, text);
    }
  }
}

function putUnsigned(out: Uint8Array, to: number, view: DataView, at: number, length: number): number {
  if (length <= 4) return putAscii(out, to, String(readWord(view, at, length)));
  const high = readHigh(view, at, length);
  const low = readLow(view, at, length);
  if (high < 0x20_0000) return putAscii(out, to, String(high * 0x1_0000_0000 + low));
  return putAscii(out, to, String((BigInt(high) << 32n) | BigInt(low)));
}

function putSigned(out: Uint8Array, to: number, view: DataView, at: number, length: number): number {
  const value = (BigInt(readHigh(view, at, length)) << 32n) | BigInt(readLow(view, at, length));
  return putAscii(out, to, String(BigInt.asIntN(length * 8, value)));
}

function putFloat(out: Uint8Array, to: number, view: DataView, bytes: Uint8Array, at: number, length: number): number {
  if (length !== 4 && length !== 8) return putHex(out, to, bytes, at, length);
  const value = length === 4 ? view.getFloat32(at) : view.getFloat64(at);
  return putAscii(out, to, Number.isFinite(value) ? String(value) : 'null');
}

function putV4(out: Uint8Array, to: number, bytes: Uint8Array, at: number): number {
  return putAscii(out, to, `"${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}"`);
}

function putV6(out: Uint8Array, to: number, view: DataView, at: number): number {
  const text = formatAddress(
    view.getUint32(at),
    view.getUint32(at + 4),
    view.getUint32(at + 8),
    view.getUint32(at + 12),
  );
  return putAscii(out, to, `"${text}"`);
}

function putMac(out: Uint8Array, to: number, bytes: Uint8Array, at: number): number {
  out[to++] = QUOTE;
  for (let i = 0; i < 6; i++) {
    if (i > 0) out[to++] = 0x3a;
    to = putHexOctet(out, to, bytes[at + i]!);
  }
  out[to++] = QUOTE;
  return to;
}

/** RFC 6759 section 4.1: the engine that classified, and the number that it gave; undefined for other lengths. */
export function applicationText(view: DataView, at: number, length: number): string | undefined {
  if (length < 2 || length > 9) return undefined;
  return `${view.getUint8(at)}:${readNumber(view, at + 1, length - 1)}`;
}

/** A point in time; `finer` are digits behind those of the milliseconds. 0 is no time. */
function putTime(out: Uint8Array, to: number, ms: number, finer: string): number {
  if (ms <= 0 || ms > MAX_TIME_MS) return putAscii(out, to, 'null');
  return putAscii(out, to, `"${new Date(ms).toISOString().slice(0, -1)}${finer}Z"`);
}

/** NTP seconds and fraction (RFC 7011 sections 6.1.9 and 6.1.10). */
function putNtp(out: Uint8Array, to: number, view: DataView, at: number, type: 'microseconds' | 'nanoseconds'): number {
  const seconds = view.getUint32(at);
  const fraction = view.getUint32(at + 4);
  if (seconds === 0 && fraction === 0) return putTime(out, to, 0, '');
  const ns = type === 'nanoseconds' ? ntpNanoseconds(fraction) : ntpMicroseconds(fraction);
  const below = String(ns % 1e6).padStart(6, '0');
  return putTime(
    out,
    to,
    ntpSecondsMs(seconds) + Math.floor(ns / 1e6),
    type === 'nanoseconds' ? below : below.slice(0, 3),
  );
}

function putHex(out: Uint8Array, to: number, bytes: Uint8Array, at: number, length: number): number {
  to = putAscii(out, to, '"0x');
  for (let i = at; i < at + length; i++) to = putHexOctet(out, to, bytes[i]!);
  out[to++] = QUOTE;
  return to;
}

function putHexOctet(out: Uint8Array, to: number, octet: number): number {
  out[to++] = HEX[octet >> 4]!;
  out[to++] = HEX[octet & 15]!;
  return to;
}

/** Where a text ends that NULs may follow. */
function textEnd(bytes: Uint8Array, at: number, length: number): number {
  const nul = bytes.subarray(at, at + length).indexOf(0);
  return nul < 0 ? at + length : at + nul;
}

/** Shortest octets of unknown type that are taken for text: shorter ones are numbers more often than words. */
const SHORTEST_TEXT = 5;
/** Octets of these lengths are numbers and addresses. */
const LENGTHS_OF_NUMBERS: ReadonlySet<number> = new Set([6, 8, 16]);

/** UTF-8 without control characters, NULs at the end left out; undefined when the octets are something else. */
function readableText(bytes: Uint8Array, at: number, length: number): string | undefined {
  if (length < SHORTEST_TEXT || LENGTHS_OF_NUMBERS.has(length)) return undefined;
  let end = at + length;
  while (end > at && bytes[end - 1] === 0) end--;
  if (end === at) return undefined;
  for (let i = at; i < end; i++) if (bytes[i]! < 0x20 || bytes[i] === 0x7f) return undefined;
  try {
    return strictDecoder.decode(bytes.subarray(at, end));
  } catch {
    return undefined;
  }
}

function putText(out: Uint8Array, to: number, text: string): number {
  const encoded = encoder.encode(text);
  out[to++] = QUOTE;
  for (const octet of encoded) {
    if (octet === QUOTE || octet === BACKSLASH) {
      out[to++] = BACKSLASH;
      out[to++] = octet;
    } else if (octet < 0x20) {
      to = putHexOctet(out, putAscii(out, to, '\\u00'), octet);
    } else {
      out[to++] = octet;
    }
  }
  out[to++] = QUOTE;
  return to;
}

function putAscii(out: Uint8Array, to: number, text: string): number {
  for (let i = 0; i < text.length; i++) out[to++] = text.charCodeAt(i);
  return to;
}
