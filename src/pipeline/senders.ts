import { formatDestination, parseCollector } from '../export/destination.ts';
import { type ExporterStats, FlowExporter } from '../export/exporter.ts';
import { bootBefore, type FlowExporterOptions } from '../export/exporter-options.ts';
import type { InterfaceName } from '../export/options.ts';
import { TcpTransport } from '../export/tcp-transport.ts';
import { type TransportStats, UdpTransport } from '../export/transport.ts';
import type { FlowBatch } from '../flow/batch.ts';
import type { FlowConsumer } from '../flow/consumer.ts';
import { ETHERNET_PAYLOAD_V4, ETHERNET_PAYLOAD_V6 } from '../wire/protocol.ts';
import type { ExportOptions } from './export-options.ts';
import { interfaceTable } from './interface-names.ts';
import type { Log } from './log.ts';

/** What is sent, where to, and how. */
export type SendOptions = Pick<
  ExportOptions,
  | 'destinations'
  | 'balance'
  | 'version'
  | 'template'
  | 'refreshSeconds'
  | 'refreshDatagrams'
  | 'domain'
  | 'mtu'
  | 'datagramsPerSecond'
  | 'sourceAddress'
  | 'interfaceNames'
  | 'sampling'
  | 'interfaces'
>;

interface Link {
  readonly name: string;
  readonly transport: UdpTransport | TcpTransport;
}

/** A replay waits so long for a collector to come back; live capture does not wait. */
const PATIENCE_MS = 10_000;
/** Messages over TCP: nothing is gained by small ones. */
const TCP_MESSAGE_BYTES = 16_384;

/** Opens the way to each collector. Throws a `UserError` for a destination that cannot be. */
export async function openLinks(options: SendOptions, log: Log): Promise<Link[]> {
  const { datagramsPerSecond, sourceAddress, interfaces } = options;
  const links: Link[] = [];
  try {
    for (const text of options.destinations) {
      const { transport, ...destination } = parseCollector(text);
      const source = sourceAddress === undefined ? {} : { sourceHost: sourceAddress };
      const name = formatDestination(destination);
      if (transport === 'tcp') {
        const patienceMs = interfaces.length > 0 ? 0 : PATIENCE_MS;
        const tcp = await TcpTransport.open({ ...destination, ...source, patienceMs, log });
        links.push({ name: `tcp://${name}`, transport: tcp });
      } else {
        links.push({ name, transport: new UdpTransport({ ...destination, ...source, datagramsPerSecond }) });
      }
    }
  } catch (error) {
    abortLinks(links);
    throw error;
  }
  return links;
}

/** Lets go of links that no `Senders` has taken over. */
export function abortLinks(links: readonly Link[]): void {
  for (const { transport } of links) transport.abort();
}

/**
 * All collectors as one consumer of flows: each gets all of them, or with `balance` its share. A share is a stream of its
 * own, with its own templates and sequence, so that every collector sees a whole one.
 */
export class Senders implements FlowConsumer {
  private readonly links: readonly Link[];
  private readonly exporters: readonly FlowExporter[];
  private readonly balances: boolean;
  /** Looked at by the exporters with each announcement; grows as captures name more. */
  private readonly interfaces: InterfaceName[];
  private readonly namedInFiles: () => readonly InterfaceName[];
  private turn = 0;

  /**
   * @param firstPacketMs asked for once, when the first flow leaves
   * @param namedInFiles interfaces that are named in the files read so far
   */
  constructor(
    options: SendOptions,
    links: readonly Link[],
    firstPacketMs: () => number,
    namedInFiles: () => readonly InterfaceName[],
  ) {
    this.links = links;
    this.interfaces = interfaceTable(options.interfaces, options.interfaceNames);
    this.namedInFiles = namedInFiles;
    const common = exporterOptions(options, this.interfaces, firstPacketMs);
    this.balances = options.balance;
    this.exporters = streamsOf(links, options.balance).map((stream) => {
      const exporter = new FlowExporter({
        ...common,
        transports: stream.map(({ transport }) => transport),
        maxDatagramBytes: options.mtu ?? Math.min(...stream.map(({ transport }) => pathPayload(transport))),
      });
      for (const { transport } of stream) {
        if (transport instanceof TcpTransport) transport.onSessionEnd(() => exporter.restartSession());
      }
      return exporter;
    });
  }

  write(batch: FlowBatch): Promise<void> | undefined {
    const { exporters } = this;
    this.nameInterfaces();
    if (exporters.length === 1) return exporters[0]!.write(batch);
    if (!this.balances) return allOf(exporters.map((exporter) => exporter.write(batch)));
    const share = Math.ceil(batch.rows / exporters.length);
    const waits: (Promise<void> | undefined)[] = [];
    for (let start = 0; start < batch.rows; start += share) {
      waits.push(exporters[this.turn]!.write(batch, start, Math.min(start + share, batch.rows)));
      // On it goes from one batch to the next: small batches must not all go to the first.
      this.turn = (this.turn + 1) % exporters.length;
    }
    return allOf(waits);
  }

  private nameInterfaces(): void {
    for (const entry of this.namedInFiles()) {
      if (!this.interfaces.some(({ index }) => index === entry.index)) this.interfaces.push(entry);
    }
  }

  tick(nowMs: number): void {
    for (const exporter of this.exporters) exporter.tick(nowMs);
  }

  /** Sends templates and options again with what goes out next. */
  announce(): void {
    for (const exporter of this.exporters) exporter.announce();
  }

  async close(): Promise<void> {
    await Promise.all(this.exporters.map((exporter) => exporter.close()));
  }

  /** What all streams together have sent. */
  stats(): ExporterStats {
    const [first, ...others] = this.exporters.map((exporter) => exporter.stats());
    for (const stats of others) {
      for (const key of Object.keys(stats) as (keyof ExporterStats)[]) first![key] += stats[key];
    }
    return first!;
  }

  transportStats(): { name: string; stats: TransportStats }[] {
    return this.links.map(({ name, transport }) => ({ name, stats: transport.stats() }));
  }
}

function exporterOptions(
  options: SendOptions,
  interfaces: readonly InterfaceName[],
  firstPacketMs: () => number,
): Omit<FlowExporterOptions, 'transports' | 'maxDatagramBytes'> {
  const { version, template, domain, refreshSeconds, refreshDatagrams, sampling } = options;
  return {
    version,
    preset: template,
    domain,
    refreshSeconds,
    refreshDatagrams,
    sampling,
    interfaces,
    clock: options.interfaces.length > 0 ? 'wall' : 'flows',
    bootMs: () => bootBefore(firstPacketMs()),
  };
}

/**
 * Links that get the same messages. Collectors over UDP share a stream; a connection has its own, whose sequence and
 * templates begin with it; with `balance` every link has.
 */
function streamsOf(links: readonly Link[], balance: boolean): Link[][] {
  if (balance) return links.map((link) => [link]);
  const isUdp = ({ transport }: Link) => transport instanceof UdpTransport;
  const shared = links.filter(isUdp);
  const own = links.filter((link) => !isUdp(link)).map((link) => [link]);
  return shared.length > 0 ? [shared, ...own] : own;
}

/** Settles when all have; undefined when none is there to wait for. */
function allOf(waits: readonly (Promise<void> | undefined)[]): Promise<void> | undefined {
  const real = waits.filter((wait) => wait !== undefined);
  return real.length === 0 ? undefined : Promise.all(real).then(() => undefined);
}

/** Longest payload that the way to a collector takes unfragmented, as far as the system knows it. */
function pathPayload(transport: UdpTransport | TcpTransport): number {
  if (transport instanceof TcpTransport) return TCP_MESSAGE_BYTES;
  return Math.min(ETHERNET_PAYLOAD_V4, transport.maxPayload() ?? ETHERNET_PAYLOAD_V6);
}
