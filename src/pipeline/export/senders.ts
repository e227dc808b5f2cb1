import { formatDestination, parseCollector } from '../../export/destination.ts';
import { type ExporterStats, FlowExporter, sumOfStats } from '../../export/exporter.ts';
import { bootBefore, type FlowExporterOptions } from '../../export/exporter-options.ts';
import type { InterfaceName, ProcessCounts } from '../../export/options.ts';
import type { TcpTransport } from '../../export/tcp-transport.ts';
import type { TemplateSelection } from '../../export/templates.ts';
import { type TransportStats, UdpTransport } from '../../export/transport.ts';
import { ETHERNET_PAYLOAD_V4, ETHERNET_PAYLOAD_V6, MAX_DATAGRAM_BYTES, VERSION_V5 } from '../../wire/protocol.ts';
import type { Log } from '../daemon/log.ts';
import type { FlowOutput } from '../flow-output.ts';
import type { Destination, RangeConsumer } from '../outlet.ts';
import { interfaceTable } from './interface-names.ts';
import { keyValues } from './key-values.ts';
import type { ExportOptions, SendingOptions } from './options.ts';

/** What is sent and how, and what is known of the flows before; `key` and `biflow` where they come from a meter. */
export type SendOptions = SendingOptions &
  Pick<ExportOptions, 'sampling' | 'interfaces'> &
  Partial<Pick<ExportOptions, 'key' | 'biflow'>>;

interface Link {
  readonly name: string;
  readonly transport: UdpTransport | TcpTransport;
}

/** Live capture goes on without the collector: what is waiting for it fills its queue of batches, which then overflows. */
const LIVE = { patienceMs: Number.POSITIVE_INFINITY };
/** A replay wants its collector at the start, and waits so long for it to come back. */
const REPLAY = { patienceMs: 10_000, required: true };
/** Messages over TCP: nothing is gained by small ones, nor by larger ones, which are for who asks for more flows in one. */
const TCP_MESSAGE_BYTES = 16_384;
const LARGEST_MESSAGE_BYTES = MAX_DATAGRAM_BYTES & ~3;

/** Opens the way to each collector. Throws a `UserError` for a destination that cannot be. */
export async function openLinks(options: SendOptions, log: Log): Promise<Link[]> {
  const { datagramsPerSecond, sourceAddress, interfaces, tls, dscp, ttl, multicastInterface } = options;
  const ip = {
    ...(dscp === undefined ? {} : { dscp }),
    ...(ttl === undefined ? {} : { ttl }),
    ...(multicastInterface === undefined ? {} : { multicastInterface }),
  };
  const links: Link[] = [];
  try {
    for (const text of options.destinations) {
      const { transport, ...destination } = parseCollector(text);
      const source = sourceAddress === undefined ? {} : { sourceHost: sourceAddress };
      const name = formatDestination(destination);
      if (transport !== 'udp') {
        const secure = transport === 'tls' && tls !== undefined ? { tls } : {};
        const { TcpTransport: Tcp } = await import('../../export/tcp-transport.ts');
        const tcp = await Tcp.open({
          ...destination,
          ...source,
          ...secure,
          ...(interfaces.length > 0 ? LIVE : REPLAY),
          log,
        });
        links.push({ name: `${transport}://${name}`, transport: tcp });
      } else {
        const udp = { ...destination, ...source, ...ip, datagramsPerSecond, waits: interfaces.length > 0 };
        links.push({ name, transport: new UdpTransport(udp, log) });
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

/** What streams of messages ask the run for. */
export interface RunFacts {
  /** Asked for once, when the first flow leaves. */
  readonly firstPacketMs: () => number;
  /** Interfaces that are named in the files read so far. */
  readonly namedInFiles: () => readonly InterfaceName[];
  /** What the process counted, for the stream of this name; nothing where it meters nothing. */
  readonly counts?: (stream: string) => ProcessCounts;
}

/** A stream of messages and the links that get it. */
interface Stream {
  readonly name: string;
  readonly exporter: FlowExporter;
  readonly consumer: RangeConsumer;
  /** Templates go first where a collector is reached in another way than before. */
  readonly tellNewWays: () => void;
}

/**
 * All collectors: each gets all flows, or with `balance` its share. A share is a stream of its own, with its own templates
 * and sequence, so that every collector sees a whole one.
 */
export class Senders {
  /** For a FlowOutput. */
  readonly destinations: readonly (Destination | readonly Destination[])[];
  private readonly links: readonly Link[];
  private readonly streams: readonly Stream[];

  /** Looked at by the exporters with each announcement; grows as captures name more. */
  private readonly interfaces: InterfaceName[];
  private readonly options: SendOptions;
  private readonly facts: RunFacts;

  constructor(options: SendOptions, links: readonly Link[], facts: RunFacts) {
    this.links = links;
    this.options = options;
    this.facts = facts;
    this.interfaces = interfaceTable(options.interfaces, options.interfaceNames);
    const { counts } = facts;
    const common = exporterOptions(options, this.interfaces, facts.firstPacketMs);
    this.streams = streamsOf(links, options.balance).map((stream) => {
      const name = stream.map((link) => link.name).join(', ');
      const exporter = new FlowExporter({
        ...common,
        transports: stream.map(({ transport }) => transport),
        maxDatagramBytes: options.mtu ?? Math.min(...stream.map(({ transport }) => pathPayload(transport, options))),
        withdraws: stream.every(({ transport }) => isConnection(transport)),
        ...(counts === undefined ? {} : { processCounts: () => counts(name) }),
      });
      for (const { transport } of stream) {
        if (isConnection(transport)) transport.onSessionEnd(() => exporter.restartSession());
      }
      const tellNewWays = newWays(stream, exporter);
      return { name, exporter, tellNewWays, consumer: this.consumerOf(exporter, tellNewWays) };
    });
    this.destinations = options.balance ? [this.streams] : this.streams;
  }

  /**
   * Flows given from now on go out with other fields, in the sessions that there are; see `FlowExporter.changeTemplate`. Records
   * of v5 are what they are.
   */
  changeTemplate(template: TemplateSelection, output: Pick<FlowOutput, 'afterGiven'>): void {
    if (this.options.version === VERSION_V5) return;
    for (const { exporter, consumer } of this.streams) {
      output.afterGiven(consumer, () => exporter.changeTemplate(template));
    }
  }

  tick(nowMs: number): void {
    for (const { exporter, tellNewWays } of this.streams) {
      tellNewWays();
      exporter.tick(nowMs);
    }
  }

  /** Sends templates and options again with what goes out next. */
  announce(): void {
    for (const { exporter } of this.streams) exporter.announce();
  }

  /** What all streams together have sent. */
  stats(): ExporterStats {
    return sumOfStats(this.streams.map(({ exporter }) => exporter.stats()))!;
  }

  transportStats(): { name: string; stats: TransportStats }[] {
    return this.links.map(({ name, transport }) => ({ name, stats: transport.stats() }));
  }

  /** Messages that connections did not take: lost, unlike datagrams that nobody says what became of. */
  lostMessages(): number {
    return this.links.reduce((sum, { transport }) => sum + (isConnection(transport) ? transport.stats().failed : 0), 0);
  }

  /** Names the interfaces of now, which have other numbers than before. */
  interfacesChanged(): void {
    const { interfaces, interfaceNames } = this.options;
    this.interfaces.splice(0, this.interfaces.length, ...interfaceTable(interfaces, interfaceNames));
    this.announce();
  }

  private consumerOf(exporter: FlowExporter, tellNewWays: () => void): RangeConsumer {
    return {
      write: (batch, start, end) => {
        tellNewWays();
        this.nameInterfaces();
        return exporter.write(batch, start, end);
      },
      close: () => exporter.close(),
    };
  }

  private nameInterfaces(): void {
    for (const entry of this.facts.namedInFiles()) {
      if (!this.interfaces.some(({ index }) => index === entry.index)) this.interfaces.push(entry);
    }
  }
}

function exporterOptions(
  options: SendOptions,
  interfaces: readonly InterfaceName[],
  firstPacketMs: () => number,
): Omit<FlowExporterOptions, 'transports' | 'maxDatagramBytes'> {
  const { version, template, domain, refreshSeconds, refreshDatagrams, sampling } = options;
  const { maxRecords4, maxRecords6, key, biflow = false } = options;
  return {
    version,
    template,
    domain,
    ...(maxRecords4 === undefined ? {} : { maxRecords4 }),
    ...(maxRecords6 === undefined ? {} : { maxRecords6 }),
    ...(key === undefined ? {} : { keyFields: keyValues(key, biflow) }),
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
  const shared = links.filter(({ transport }) => !isConnection(transport));
  const own = links.filter(({ transport }) => isConnection(transport)).map((link) => [link]);
  return shared.length > 0 ? [shared, ...own] : own;
}

function newWays(links: readonly Link[], exporter: FlowExporter): () => void {
  const transports = links.map(({ transport }) => transport).filter((transport) => transport instanceof UdpTransport);
  const sum = () => transports.reduce((ways, transport) => ways + transport.ways(), 0);
  let known = sum();
  return () => {
    const ways = sum();
    if (ways !== known) exporter.announceFirst();
    known = ways;
  };
}

function isConnection(transport: Link['transport']): transport is TcpTransport {
  return !(transport instanceof UdpTransport);
}

/** Longest payload that the way to a collector takes unfragmented, as far as the system knows it. */
function pathPayload(transport: UdpTransport | TcpTransport, options: SendOptions): number {
  if (isConnection(transport)) {
    const asksForMore = options.maxRecords4 !== undefined || options.maxRecords6 !== undefined;
    return asksForMore ? LARGEST_MESSAGE_BYTES : TCP_MESSAGE_BYTES;
  }
  return Math.min(ETHERNET_PAYLOAD_V4, transport.maxPayload() ?? ETHERNET_PAYLOAD_V6);
}
