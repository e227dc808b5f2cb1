/**
 * Packets through the npm package `pcap`, which binds the system's libpcap. It calls back for each packet with the same
 * two buffers, microseconds, and no word about a damaged file: libpcap's error ends the file like its end.
 */
import type { PacketSourceOptions } from '../addon/packet-source.ts';
import { UserError } from '../flow/user-error.ts';
import { FrameSource, type PackageDrops } from './frame-source.ts';
import { linkTypeNumber } from './link-type-names.ts';
import { DEFAULT_FLUSH_MS, DEFAULT_KERNEL_BUFFER_BYTES, importOptional, keepAlive } from './optional-package.ts';
import { PacketReader } from './source.ts';

interface PcapSession {
  link_type: string;
  /** Bytes of the packet at hand, and its seconds, microseconds, captured and wire length, 32 bits each. */
  buf: Buffer;
  header: Buffer;
  on(event: 'packet', listener: () => void): void;
  on(event: 'complete', listener: () => void): void;
  stats(): { ps_drop: number; ps_ifdrop: number };
  close(): void;
  /** The binding's object behind the session. */
  session: { read_callback?: () => void };
}

interface PcapModule {
  warningHandler: (text: string) => void;
  createSession(
    device: string,
    options: {
      filter?: string;
      buffer_size: number;
      snap_length: number;
      buffer_timeout: number;
      promiscuous: boolean;
    },
  ): PcapSession;
  createOfflineSession(path: string, options: { filter?: string }): PcapSession;
}

const DEFAULT_SNAP_LENGTH = 65_535;

/** Throws a `UserError` when the package is missing or the input is found wrong at once. */
export async function openPcapSource(options: PacketSourceOptions): Promise<PacketReader> {
  const pcap = await importOptional<PcapModule>('pcap');
  // It warns on the console when an interface has no IPv4 network, which capturing does not need.
  pcap.warningHandler = () => {};
  const { files, device } = options;
  return new PacketReader((wake) => {
    const source = new FrameSource({ ...options, whenFull: files === undefined ? 'drop' : 'grow' }, wake);
    if (files === undefined) capture(pcap, source, device ?? '', options);
    else readFiles(pcap, source, files, options);
    return source;
  });
}

/** Sends the session's packets to the source, without an object for each. */
function pushPackets(session: PcapSession, source: FrameSource): void {
  const { buf, header } = session;
  const words = new Uint32Array(header.buffer, header.byteOffset, 4);
  session.on('packet', () => {
    source.push(buf, words[2]!, words[3]!, words[0]! * 1e6 + words[1]!);
  });
}

function start(source: FrameSource, what: string, create: () => PcapSession): PcapSession {
  try {
    const session = create();
    source.setLinkType(linkTypeNumber(session.link_type));
    return session;
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(text.startsWith(what) ? text : `${what}: ${text}`, { cause });
  }
}

function readFiles(pcap: PcapModule, source: FrameSource, files: string[], options: PacketSourceOptions): void {
  const filter = options.filter === undefined ? {} : { filter: options.filter };
  let index = 0;
  let stopped = false;
  const readNext = () => {
    const path = files[index++];
    if (path === undefined || stopped) {
      source.end();
      return;
    }
    const session = start(source, path, () => pcap.createOfflineSession(path, filter));
    pushPackets(session, source);
    session.on('complete', () => {
      source.flush();
      readNextWhole();
    });
  };
  // As with the addon, a file that cannot be read does not keep the others from being read.
  const readNextWhole = () => {
    try {
      readNext();
    } catch (error) {
      source.fail(error instanceof Error ? error.message : String(error));
      readNextWhole();
    }
  };
  source.onStop(() => {
    stopped = true;
  });
  readNext();
}

function capture(pcap: PcapModule, source: FrameSource, device: string, options: PacketSourceOptions): void {
  const flushMs = options.flushMs ?? DEFAULT_FLUSH_MS;
  const session = start(source, device, () =>
    pcap.createSession(device, {
      ...(options.filter === undefined ? {} : { filter: options.filter }),
      buffer_size: options.kernelBufferBytes ?? DEFAULT_KERNEL_BUFFER_BYTES,
      snap_length: options.snapLength ?? DEFAULT_SNAP_LENGTH,
      buffer_timeout: flushMs,
      promiscuous: options.promiscuous ?? true,
    }),
  );
  pushPackets(session, source);
  const timer = setInterval(() => source.flush(), flushMs);
  let dropsAtEnd: PackageDrops | undefined;
  // A closed session has no counters any more.
  source.countDropsWith(() => dropsAtEnd ?? dropsOf(session));
  source.onStop(() => {
    clearInterval(timer);
    dropsAtEnd = dropsOf(session);
    session.close();
    keepAlive(session);
    setImmediate(finishClosing, session);
    source.end();
  });
}

/**
 * `close` takes effect in the next read, which would otherwise wait for a packet and keep the process alive. A read after
 * that one would crash; that it has happened shows in `stats`, which then throws.
 */
function finishClosing(session: PcapSession): void {
  try {
    session.stats();
  } catch {
    return;
  }
  session.session.read_callback?.();
}

function dropsOf(session: PcapSession): PackageDrops {
  const { ps_drop, ps_ifdrop } = session.stats();
  return { kernelDropped: ps_drop, interfaceDropped: ps_ifdrop };
}
