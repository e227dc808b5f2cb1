import { Collector } from '../collect/collector.ts';
import { DatagramReader, receiveBufferAdvice } from '../collect/listener.ts';
import { type EndedSlot, FlowStore } from '../store/flow-store.ts';
import { describeCollected, describeSlot } from './collect-report.ts';
import { FlowOutput } from './flow-output.ts';
import { plainLog, quietLog, timedLog } from './log.ts';
import { StopSignal } from './stop-signal.ts';

export interface CollectOptions {
  directory: string;
  /** Captures to read datagrams from instead of the network; empty: listen. */
  files: string[];
  port?: number;
  host?: string;
  intervalSec: number;
  /** Sub-directories of the store, 0 to 8. */
  layout: number;
  ident: string;
  receiveBufferBytes: number;
  flushMs: number;
  quiet: boolean;
}

/** A file waits for its reader, so there is no burst to make room for, and few slots stay in the processor's cache. */
const FILE_SLOTS = 4;
/** Port that exporters send to unless told otherwise; nfcapd's. */
const DEFAULT_PORT = 9995;

/**
 * Datagrams in, flow files out, until the files end or a signal comes. Returns the exit status: 0, or 1 when a capture
 * was cut or flows could not be stored.
 */
export async function runCollect(options: CollectOptions): Promise<number> {
  const signals = new StopSignal();
  try {
    return await collect(options, signals);
  } finally {
    signals.release();
  }
}

async function collect(options: CollectOptions, signals: StopSignal): Promise<number> {
  const live = options.files.length === 0;
  const warn = live ? timedLog : plainLog;
  const log = options.quiet ? quietLog : warn;
  const reader = openReader(options);
  let store: FlowStore;
  try {
    store = await FlowStore.open({
      directory: options.directory,
      mode: live ? 'live' : 'replay',
      ident: options.ident,
      intervalSeconds: options.intervalSec,
      layout: options.layout,
      flushMs: options.flushMs,
      log: warn,
      onSlotEnd: (slot: EndedSlot) => log(describeSlot(slot)),
    });
  } catch (error) {
    reader.stop();
    throw error;
  }
  // A part holds what came in `flushMs`; the collector hands on half-filled batches a little more often than that.
  const output = new FlowOutput({ consumers: [store], dropWhenFull: false });
  const collector = new Collector({ sink: output.write, acquire: output.acquire });
  const timer = live ? setInterval(() => collector.flush(), Math.max(50, options.flushMs / 4)) : undefined;
  signals.stops((signal) => {
    log(`${signal}: storing what has been received`);
    reader.stop();
  });
  if (live) announce(reader, options, log);

  const startMs = performance.now();
  try {
    for (;;) {
      const slot = reader.tryRead() ?? (await reader.read());
      if (slot === undefined) break;
      collector.addSlot(reader.slots[slot]!, reader.count(slot));
      reader.release(slot);
      if (output.isFull) await output.ready();
    }
    collector.flush();
  } finally {
    clearInterval(timer);
    reader.stop();
    await output.close();
  }

  const seconds = (performance.now() - startMs) / 1000;
  for (const line of describeCollected(collector.stats(), reader.stats(), store, seconds)) log(line);
  const failure = reader.failure();
  if (failure !== null) warn(`weir collect: ${failure}`);
  return failure !== null || store.lostFlows > 0 ? 1 : 0;
}

function openReader(options: CollectOptions): DatagramReader {
  if (options.files.length > 0) {
    return new DatagramReader({
      files: options.files,
      slotCount: FILE_SLOTS,
      ports: options.port === undefined ? [] : [options.port],
    });
  }
  const { host = '*', port = DEFAULT_PORT, receiveBufferBytes } = options;
  return new DatagramReader({ listeners: [{ host, port, receiveBufferBytes }] });
}

function announce(reader: DatagramReader, options: CollectOptions, log: (line: string) => void): void {
  const { ports, receiveBufferBytes } = reader.stats();
  const place = `${options.host ?? '*'}:${ports[0]}`;
  log(`listening on ${place}, flows go to ${options.directory}`);
  const advice = receiveBufferAdvice(place, options.receiveBufferBytes, receiveBufferBytes[0] ?? 0);
  if (advice !== undefined) log(advice);
}
