import { randomBytes } from 'node:crypto';
import type { PacketSourceOptions } from '../addon/packet-source.ts';
import { openCapSource } from './cap-source.ts';
import { openNativeSource } from './native-source.ts';
import { openPcapSource } from './pcap-source.ts';
import type { PacketReader } from './source.ts';

/** What reads the packets: the addon, or one of two npm packages; all give the same records. */
export const PACKET_SOURCES = ['native', 'pcap', 'cap'] as const;
export type PacketSourceKind = (typeof PACKET_SOURCES)[number];

/** Opens files or an interface. Throws a `UserError` for what is found wrong at once. */
export async function openPacketSource(
  options: PacketSourceOptions & { source?: PacketSourceKind },
): Promise<PacketReader> {
  const { source = 'native', ...rest } = options;
  if (source === 'native') return openNativeSource(rest);
  // The addon does this by itself: whoever made the packets must not know which of them meet in one hash chain.
  if (rest.hashSeed === undefined) {
    const seed = randomBytes(8);
    rest.hashSeed = [seed.readUInt32LE(0), seed.readUInt32LE(4)];
  }
  return source === 'pcap' ? openPcapSource(rest) : openCapSource(rest);
}
