/**
 * Packets through the npm package `cap`: interfaces only, whole frames (up to 64 KiB) only, and no time stamps, so that
 * a packet's time is that of its arrival here.
 */
import type { PacketSourceOptions } from '../addon/packet-source.ts';
import { UserError } from '../flow/user-error.ts';
import { FrameSource } from './frame-source.ts';
import { linkTypeNumber } from './link-type-names.ts';
import { DEFAULT_FLUSH_MS, DEFAULT_KERNEL_BUFFER_BYTES, importOptional, keepAlive } from './optional-package.ts';
import { PacketReader } from './source.ts';

interface CapSession {
  open(device: string, filter: string, bufferBytes: number, buffer: Uint8Array): string;
  setMinBytes?(bytes: number): void;
  on(event: 'packet', listener: (captured: number, truncated: boolean) => void): void;
  close(): void;
}

interface CapModule {
  Cap: new () => CapSession;
}

const FRAME_BYTES = 65_535;

/** Throws a `UserError` when files are asked for, the package is missing or the interface cannot be opened. */
export async function openCapSource(options: PacketSourceOptions): Promise<PacketReader> {
  const { device } = options;
  if (device === undefined) {
    throw new UserError('the npm package cap reads interfaces only: read files with --source native (or pcap)');
  }
  const { Cap } = await importOptional<CapModule>('cap');
  return new PacketReader((wake) => {
    const source = new FrameSource({ ...options, whenFull: 'drop' }, wake);
    capture(new Cap(), source, device, options);
    return source;
  });
}

function capture(session: CapSession, source: FrameSource, device: string, options: PacketSourceOptions): void {
  const frame = Buffer.alloc(FRAME_BYTES);
  keepAlive(session);
  try {
    const bufferBytes = options.kernelBufferBytes ?? DEFAULT_KERNEL_BUFFER_BYTES;
    const linkType = session.open(device, options.filter ?? '', bufferBytes, frame);
    source.setLinkType(linkTypeNumber(linkType));
  } catch (cause) {
    throw new UserError(`${device}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  session.setMinBytes?.(0);
  session.on('packet', (captured) => {
    const nowUs = Math.round((performance.timeOrigin + performance.now()) * 1000);
    source.push(frame, captured, captured, nowUs);
  });
  const timer = setInterval(() => source.flush(), options.flushMs ?? DEFAULT_FLUSH_MS);
  source.onStop(() => {
    clearInterval(timer);
    session.close();
    source.end();
  });
}
