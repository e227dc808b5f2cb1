import { TWO_32 } from '../../flow/u64.ts';
import type { TextBlock } from './text.ts';

const WORD_LIMIT = 0x20_0000;

/** Writes a u64 cell with all its digits. */
export function writeWide(out: TextBlock, words: Uint32Array, row: number, width = 0): void {
  const high = words[row * 2 + 1]!;
  if (high < WORD_LIMIT) out.uint(words[row * 2]! + high * TWO_32, width);
  else out.right(String((BigInt(high) << 32n) | BigInt(words[row * 2]!)), width);
}

/** One decimal as C prints it: JavaScript rounds the exact quarter up, C to the even digit. */
export function oneDecimal(value: number): string {
  const whole = Math.floor(value);
  return value - whole === 0.25 ? `${whole}.2` : value.toFixed(1);
}

/** Counters from a million on as `4.3 M`, `1.6 G`, `2.0 T`; below as they are. */
export function scaled(value: number): string {
  if (value < 1e6) return String(value);
  if (value < 1e9) return `${oneDecimal(value / 1e6)} M`;
  if (value < 1e12) return `${oneDecimal(value / 1e9)} G`;
  return `${oneDecimal(value / 1e12)} T`;
}

/** A counter in a column, scaled unless `plain`. */
export function writeCounter(out: TextBlock, value: number, width: number, plain: boolean): void {
  if (plain || value < 1e6) out.uint(value, width);
  else out.right(scaled(value).padStart(7), width);
}

/** `counter * factor / durationMs` cut to a whole number; 0 without a duration. Exact also where a double is not. */
export function rate(counter: number, factor: number, durationMs: number): number {
  if (durationMs <= 0) return 0;
  const product = counter * factor;
  if (product <= Number.MAX_SAFE_INTEGER) return Math.floor(product / durationMs);
  return Number((BigInt(counter) * BigInt(factor)) / BigInt(durationMs));
}

/** Octets a packet, cut to a whole number. */
export function octetsAPacket(octets: number, packets: number): number {
  return packets === 0 ? 0 : Math.floor(octets / packets);
}
