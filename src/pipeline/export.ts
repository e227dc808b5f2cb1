import { addon } from '../addon/addon.ts';
import { P_TIME, PACKET_WORDS } from '../addon/packet-layout.ts';
import { FlowCache } from '../cache/flow-cache.ts';
import { END_FORCED } from '../cache/timeouts.ts';
import { openPacketSource, type PacketSourceKind } from '../capture/open.ts';
import type { PacketReader, PacketSlot } from '../capture/source.ts';
import { formatDestination, parseDestination } from '../export/destination.ts';
import { FlowExporter } from '../export/exporter.ts';
import { bootBefore, type ExportVersion } from '../export/exporter-options.ts';
import { UdpTransport } from '../export/transport.ts';
import type { FlowConsumer } from '../flow/consumer.ts';
import { FlowStore } from '../store/flow-store.ts';
import { ETHERNET_PAYLOAD_V4, ETHERNET_PAYLOAD_V6 } from '../wire/protocol.ts';
import { describeExported } from './export-report.ts';
import { FlowOutput } from './flow-output.ts';
import { plainLog, quietLog, timedLog } from './log.ts';
import { StopSignal } from './stop-signal.ts';

export interface ExportOptions {
  /** Captures read one after another; exactly one of `files` and `device` is given. */
  files: string[];
  device?: string;
  /** BPF expression. */
  filter?: string;
  source: PacketSourceKind;
  snapLength: number;
  promiscuous: boolean;
  /** HOST:PORT; each gets all flows. */
  destinations: string[];
  version: ExportVersion;
  domain: number;
  /** Longest datagram payload in octets. */
  mtu?: number;
  /** 0: as fast as the socket takes them. */
  datagramsPerSecond: number;
  /** Where flow files go. */
  directory?: string;
  intervalSec: number;
  layout: number;
  ident: string;
  activeSec: number;
  inactiveSec: number;
  maxFlows: number;
  quiet: boolean;
}

/** How often a live exporter looks at the clock: timeouts are a second exact, datagrams wait a second at most. */
const TICK_MS = 250;

/** Packets reach the cache so long after their time at most; its clock must not run ahead of them. */
const CAPTURE_DELAY_MS = 300;

/**
 * Packets in, flows out, until the files end or a signal comes; then every flow leaves. Returns the exit status: 0, or 1
 * when a capture was cut or flows were lost.
 */
export async function runExport(options: ExportOptions): Promise<number> {
  const signals = new StopSignal();
  try {
    return await meter(options, signals);
  } finally {
    signals.release();
  }
}

async function meter(options: ExportOptions, signals: StopSignal): Promise<number> {
  const live = options.device !== undefined;
  const warn = live ? timedLog : plainLog;
  const log = options.quiet ? quietLog : warn;
  const { datagramsPerSecond } = options;
  const transports = options.destinations.map((text) => {
    const destination = parseDestination(text);
    return { name: formatDestination(destination), udp: new UdpTransport({ ...destination, datagramsPerSecond }) };
  });
  const reader = await openReader(options);
  // Boot time counts from the first packet in replay, from now in live capture: read when the first flow leaves.
  let firstPacketMs = Date.now();
  const consumers: FlowConsumer[] = [];
  let exporter: FlowExporter | undefined;
  let store: FlowStore | undefined;
  try {
    if (transports.length > 0) {
      exporter = new FlowExporter({
        version: options.version,
        transports: transports.map(({ udp }) => udp),
        maxDatagramBytes:
          options.mtu ?? Math.min(ETHERNET_PAYLOAD_V4, ...transports.map(({ udp }) => pathPayload(udp))),
        domain: options.domain,
        clock: live ? 'wall' : 'flows',
        bootMs: () => bootBefore(firstPacketMs),
      });
      consumers.push(exporter);
    }
    if (options.directory !== undefined) {
      store = await FlowStore.open({
        directory: options.directory,
        mode: live ? 'live' : 'replay',
        ident: options.ident,
        intervalSeconds: options.intervalSec,
        layout: options.layout,
        log: warn,
      });
      consumers.push(store);
    }
  } catch (error) {
    reader.stop();
    for (const { udp } of transports) await udp.close();
    throw error;
  }

  const output = new FlowOutput({ consumers, dropWhenFull: live });
  const cache = new FlowCache({
    activeMs: options.activeSec * 1000,
    inactiveMs: options.inactiveSec * 1000,
    maxFlows: options.maxFlows,
    sink: output.write,
    acquire: output.acquire,
    allocate: (bytes) => addon().allocateHuge(bytes),
  });
  const tick = () => {
    const nowMs = Date.now();
    cache.advance((nowMs - CAPTURE_DELAY_MS) * 1000);
    exporter?.tick(nowMs);
  };
  const timer = live ? setInterval(tick, TICK_MS) : undefined;
  signals.stops((signal) => {
    log(`${signal}: sending the flows at hand`);
    reader.stop();
  });
  if (live) log(`capturing on ${options.device}`);

  const startMs = performance.now();
  let isFirst = true;
  try {
    for (;;) {
      const slot = reader.tryRead() ?? (await reader.read());
      if (slot === undefined) break;
      if (isFirst && slot.count > 0 && !live) {
        firstPacketMs = earliestMs(slot);
        isFirst = false;
      }
      cache.addPackets(slot.words, slot.doubles, slot.count);
      reader.release(slot);
      if (output.isFull && !live) await output.ready();
    }
    cache.flush(END_FORCED);
  } finally {
    clearInterval(timer);
    reader.stop();
    await output.close();
  }

  const seconds = (performance.now() - startMs) / 1000;
  const report = { packets: reader.stats(), cache: cache.stats(), output, exporter, store, transports, seconds };
  for (const line of describeExported(report)) log(line);
  const failure = reader.failure();
  if (failure !== null) warn(`weir export: ${failure}`);
  return failure !== null || output.droppedFlows > 0 || (store?.lostFlows ?? 0) > 0 ? 1 : 0;
}

function openReader(options: ExportOptions): Promise<PacketReader> {
  const { files, device, filter, source, snapLength, promiscuous } = options;
  return openPacketSource({
    source,
    ...(device === undefined ? { files } : { device, snapLength, promiscuous }),
    ...(filter === undefined ? {} : { filter }),
  });
}

/** Longest payload that the way to a collector takes unfragmented, as far as the system knows it. */
function pathPayload(udp: UdpTransport): number {
  return udp.maxPayload() ?? ETHERNET_PAYLOAD_V6;
}

/** Captures of several interfaces are rarely in order from the first packet on. */
function earliestMs(slot: PacketSlot): number {
  let earliestUs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < slot.count; i++)
    earliestUs = Math.min(earliestUs, slot.doubles[(i * PACKET_WORDS + P_TIME) >>> 1]!);
  return earliestUs / 1000;
}
