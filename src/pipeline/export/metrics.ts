import { MetricsText, type Sample } from '../daemon/metrics-text.ts';
import type { ExportRuntime } from './runtime.ts';

/** Why a flow ended, by IANA's numbers, which `endedBy` has. */
const END_REASONS = ['', 'idle', 'active', 'detected', 'forced', 'resources'];

/** All counters of a running exporter in the text format of Prometheus. */
export function renderExportMetrics(runtime: ExportRuntime): string {
  const text = new MetricsText();
  const { inputs, output, senders, store } = runtime;
  const cache = runtime.cache.stats();
  const parts = inputs.parts.map(({ name, input }) => ({ interface: name, stats: input.stats() }));
  type Stats = (typeof parts)[number]['stats'];
  const perInput = (pick: (stats: Stats) => number): Sample[] =>
    parts.map((part) => [{ interface: part.interface }, pick(part.stats)]);
  const perKind = (label: string, kinds: (stats: Stats) => Readonly<Record<string, number>>): Sample[] =>
    parts.flatMap((part) =>
      Object.entries(kinds(part.stats)).map(
        ([kind, value]): Sample => [{ interface: part.interface, [label]: kind }, value],
      ),
    );

  text.gauge('weir_export_start_timestamp_seconds', 'When the exporter started.', [[{}, runtime.startedMs / 1000]]);
  const presences = inputs.parts.flatMap(({ name, presence }) => (presence === undefined ? [] : [{ name, presence }]));
  text.gauge(
    'weir_export_interface_present',
    'Whether the interface is there to be captured from.',
    presences.map(({ name, presence }): Sample => [{ interface: name }, presence.awaySinceMs === undefined ? 1 : 0]),
  );
  text.gauge(
    'weir_export_interface_up',
    'Whether the interface is up and has its link.',
    inputs.parts.flatMap(({ name, link }): Sample[] => {
      const state = link?.();
      return state === undefined ? [] : [[{ interface: name }, state === 'up' ? 1 : 0]];
    }),
  );
  text.counter(
    'weir_export_interface_gone_total',
    'Times that the interface went away.',
    presences.map(({ name, presence }): Sample => [{ interface: name }, presence.timesGone]),
  );
  text.counter(
    'weir_export_packets_total',
    'Packets read.',
    perInput(({ packets }) => packets),
  );
  text.counter(
    'weir_export_packet_bytes_total',
    'Octets of the packets read, as on the wire.',
    perInput(({ wireBytes }) => wireBytes),
  );
  text.counter(
    'weir_export_packets_metered_total',
    'Packets whose IP header was read: in flows, but for duplicates and ignored ones.',
    perInput(({ metered }) => metered),
  );
  text.counter(
    'weir_export_packets_not_metered_total',
    'Packets that are in no flow, by reason.',
    perKind('reason', ({ notSampled, notIp, malformed, cutHeader }) => ({
      not_sampled: notSampled,
      not_ip: notIp,
      malformed,
      cut: cutHeader,
    })),
  );
  text.counter('weir_export_packets_left_out_total', 'Packets left out because they were not to count, by reason.', [
    [{ reason: 'direction' }, runtime.inputs.notAccounted()],
    [{ reason: 'counted_before' }, runtime.inputs.countedBefore()],
    [{ reason: 'duplicate' }, runtime.duplicates()],
  ]);
  text.counter(
    'weir_export_packets_dropped_total',
    'Packets lost before they could be read, by who dropped them.',
    perKind('by', ({ kernelDropped, interfaceDropped, queueDropped }) => ({
      kernel: kernelDropped,
      interface: interfaceDropped,
      weir: queueDropped,
    })),
  );

  text.counter('weir_export_packets_ignored_total', 'Packets of new flows for which the cache had no room.', [
    [{}, cache.ignoredPackets],
  ]);
  text.gauge('weir_export_flows_active', 'Flows in the cache.', [[{}, cache.active]]);
  text.gauge('weir_export_flows_limit', 'Flows that the cache takes.', [[{}, runtime.options.maxFlows]]);
  text.counter('weir_export_flows_created_total', 'Flows begun.', [[{}, cache.created]]);
  text.counter(
    'weir_export_flows_ended_total',
    'Flows ended, by reason.',
    cache.endedBy.slice(1).map((count, i): Sample => [{ reason: END_REASONS[i + 1]! }, count]),
  );
  text.counter(
    'weir_export_flows_dropped_total',
    'Flows that a destination did not get because its queue was full.',
    output.losses().map(({ name, flows }): Sample => [{ destination: name }, flows]),
  );

  const sent = senders.stats();
  if (sent !== undefined) {
    text.counter('weir_export_records_total', 'Records sent.', [[{}, sent.records]]);
    text.counter('weir_export_skipped_flows_total', 'IPv6 flows not sent: NetFlow v5 knows none.', [
      [{}, sent.skippedIpv6Flows],
    ]);
  }
  const links = senders.transportStats();
  text.counter(
    'weir_export_datagrams_total',
    'Datagrams or messages sent.',
    links.map(({ name, stats }): Sample => [{ collector: name }, stats.sent]),
  );
  text.counter(
    'weir_export_datagrams_failed_total',
    'Datagrams or messages that could not be sent.',
    links.map(({ name, stats }): Sample => [{ collector: name }, stats.failed + stats.tooLong]),
  );
  if (store !== undefined) {
    text.counter('weir_export_store_rows_total', 'Flows that are durable.', [[{}, store.storedFlows]]);
    text.counter('weir_export_store_lost_rows_total', 'Flows that could not be written.', [[{}, store.lostFlows]]);
  }
  return String(text);
}
