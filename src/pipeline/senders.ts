import { formatDestination, parseDestination } from '../export/destination.ts';
import { type ExporterStats, FlowExporter } from '../export/exporter.ts';
import { bootBefore, type FlowExporterOptions } from '../export/exporter-options.ts';
import { type TransportStats, UdpTransport } from '../export/transport.ts';
import type { FlowBatch } from '../flow/batch.ts';
import type { FlowConsumer } from '../flow/consumer.ts';
import { ETHERNET_PAYLOAD_V4, ETHERNET_PAYLOAD_V6 } from '../wire/protocol.ts';
import type { ExportOptions } from './export-options.ts';
import { interfaceTable } from './interface-names.ts';

interface Link {
  readonly name: string;
  readonly transport: UdpTransport;
}

/** Opens the way to each collector. Throws a `UserError` for a destination that cannot be. */
export function openLinks(options: ExportOptions): Link[] {
  const { datagramsPerSecond, sourceAddress } = options;
  const links: Link[] = [];
  try {
    for (const text of options.destinations) {
      const destination = parseDestination(text);
      const source = sourceAddress === undefined ? {} : { sourceHost: sourceAddress };
      const transport = new UdpTransport({ ...destination, ...source, datagramsPerSecond });
      links.push({ name: formatDestination(destination), transport });
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
  private turn = 0;

  /** @param firstPacketMs asked for once, when the first flow leaves */
  constructor(options: ExportOptions, links: readonly Link[], firstPacketMs: () => number) {
    this.links = links;
    const common = exporterOptions(options, firstPacketMs);
    const streams = options.balance ? links.map((link) => [link]) : [links];
    this.exporters = streams.map(
      (stream) =>
        new FlowExporter({
          ...common,
          transports: stream.map(({ transport }) => transport),
          maxDatagramBytes:
            options.mtu ?? Math.min(ETHERNET_PAYLOAD_V4, ...stream.map(({ transport }) => pathPayload(transport))),
        }),
    );
  }

  write(batch: FlowBatch): Promise<void> | undefined {
    const { exporters } = this;
    if (exporters.length === 1) return exporters[0]!.write(batch);
    const share = Math.ceil(batch.rows / exporters.length);
    let waits: Promise<void>[] | undefined;
    for (let start = 0; start < batch.rows; start += share) {
      const room = exporters[this.turn]!.write(batch, start, Math.min(start + share, batch.rows));
      // On it goes from one batch to the next: small batches must not all go to the first.
      this.turn = (this.turn + 1) % exporters.length;
      if (room === undefined) continue;
      waits ??= [];
      waits.push(room);
    }
    return waits === undefined ? undefined : Promise.all(waits).then(() => undefined);
  }

  tick(nowMs: number): void {
    for (const exporter of this.exporters) exporter.tick(nowMs);
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
  options: ExportOptions,
  firstPacketMs: () => number,
): Omit<FlowExporterOptions, 'transports' | 'maxDatagramBytes'> {
  const { version, template, domain, refreshSeconds, refreshDatagrams, sampling, devices, interfaceNames } = options;
  return {
    version,
    preset: template,
    domain,
    refreshSeconds,
    refreshDatagrams,
    sampling,
    interfaces: interfaceTable(devices, interfaceNames),
    clock: devices.length > 0 ? 'wall' : 'flows',
    bootMs: () => bootBefore(firstPacketMs()),
  };
}

/** Longest payload that the way to a collector takes unfragmented, as far as the system knows it. */
function pathPayload(transport: UdpTransport): number {
  return transport.maxPayload() ?? ETHERNET_PAYLOAD_V6;
}
