/** Headers of NetFlow v5, NetFlow v9 (RFC 3954 section 5.1) and IPFIX (RFC 7011 section 3.1) messages. */
import {
  V5_SAMPLING_DETERMINISTIC,
  V5_SAMPLING_INTERVAL_MASK,
  V5_SAMPLING_RANDOM,
  V5_SAMPLING_SHIFT,
  VERSION_IPFIX,
  VERSION_V5,
  VERSION_V9,
} from './protocol.ts';

/**
 * Writes the 24 bytes of a v5 header. Its clock numbers speak of one instant, `exportMs`.
 *
 * @param sequence flows sent before this datagram; modulo 2^32
 * @param engine engine type * 256 + engine id
 * @param sampling see `v5Sampling`
 */
export function writeV5Header(
  view: DataView,
  count: number,
  exportMs: number,
  bootMs: number,
  sequence: number,
  engine: number,
  sampling: number,
): void {
  const seconds = Math.floor(exportMs / 1000);
  view.setUint16(0, VERSION_V5);
  view.setUint16(2, count);
  view.setUint32(4, exportMs - bootMs);
  view.setUint32(8, seconds);
  view.setUint32(12, Math.floor(exportMs - seconds * 1000) * 1_000_000);
  view.setUint32(16, sequence);
  view.setUint16(20, engine);
  view.setUint16(22, sampling);
}

/** The v5 header's sampling word: mode and interval, 0 when every packet counts. `interval` is at most 16383. */
export function v5Sampling(interval: number, random: boolean): number {
  if (interval <= 1) return 0;
  const mode = random ? V5_SAMPLING_RANDOM : V5_SAMPLING_DETERMINISTIC;
  return (mode << V5_SAMPLING_SHIFT) | (interval & V5_SAMPLING_INTERVAL_MASK);
}

/**
 * Writes the 20 bytes of a v9 header. unix_secs has no fraction, so it and sysUptime name the next whole second: one
 * instant, so that no flow time derived from them is off by a fraction, and one that no flow in the datagram is later
 * than (nfcapd 1.7.8 takes a flow that ends after sysUptime for one of 49.7 days ago).
 *
 * @param count records of every kind in the datagram: templates, options templates, options data, flows
 * @param sequence datagrams sent before this one; modulo 2^32
 */
export function writeV9Header(
  view: DataView,
  count: number,
  exportMs: number,
  bootMs: number,
  sequence: number,
  sourceId: number,
): void {
  const seconds = Math.ceil(exportMs / 1000);
  view.setUint16(0, VERSION_V9);
  view.setUint16(2, count);
  view.setUint32(4, seconds * 1000 - bootMs);
  view.setUint32(8, seconds);
  view.setUint32(12, sequence);
  view.setUint32(16, sourceId);
}

/**
 * Writes the 16 bytes of an IPFIX message header.
 *
 * @param length whole message in bytes
 * @param sequence data records, options data included, sent before this message; modulo 2^32
 */
export function writeIpfixHeader(
  view: DataView,
  length: number,
  exportMs: number,
  sequence: number,
  domain: number,
): void {
  view.setUint16(0, VERSION_IPFIX);
  view.setUint16(2, length);
  view.setUint32(4, Math.floor(exportMs / 1000));
  view.setUint32(8, sequence);
  view.setUint32(12, domain);
}
