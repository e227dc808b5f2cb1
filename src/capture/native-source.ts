import { addon } from '../addon/addon.ts';
import type { PacketSourceOptions } from '../addon/packet-source.ts';
import { UserError } from '../flow/user-error.ts';
import { PacketReader } from './source.ts';

/**
 * Packets through the addon: files without any library, interfaces (and filters) through the system's libpcap.
 * Throws a `UserError` when a file, the interface or the filter is found wrong at once.
 */
export function openNativeSource(options: PacketSourceOptions): PacketReader {
  const { PacketSource } = addon();
  try {
    return new PacketReader((wake) => new PacketSource(options, wake));
  } catch (cause) {
    throw new UserError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
