import { NTP_EPOCH_SECONDS } from './protocol.ts';
import { TIME_NETSCALER, TIME_NTP_MICROSECONDS } from './template-fields.ts';

/** Milliseconds since 1970 of NTP seconds; with the top bit clear they belong to the era from 2036 (RFC 5905 section 6). */
export function ntpSecondsMs(seconds: number): number {
  const since1900 = seconds < 0x8000_0000 ? seconds + 0x1_0000_0000 : seconds;
  return (since1900 - NTP_EPOCH_SECONDS) * 1000;
}

/** The nearest nanosecond of an NTP fraction (RFC 7011 section 6.1.10), which exporters round up or down: 0 to 10^9. */
export function ntpNanoseconds(fraction: number): number {
  return Math.round((fraction * 1e9) / 0x1_0000_0000);
}

/** The same of a fraction whose 11 lowest bits say nothing (section 6.1.9): whole microseconds, in nanoseconds. */
export function ntpMicroseconds(fraction: number): number {
  return Math.round(((fraction - (fraction & 0x7ff)) * 1e6) / 0x1_0000_0000) * 1000;
}

/** Nanoseconds of the fraction of a time of `kind`, to the precision that the kind has: 0 to 10^9. */
export function fractionNs(fraction: number, kind: number): number {
  if (kind === TIME_NTP_MICROSECONDS) return ntpMicroseconds(fraction);
  // A larger number is a fraction of 2^32 after all.
  return kind === TIME_NETSCALER && fraction < 1_000_000 ? fraction * 1000 : ntpNanoseconds(fraction);
}
