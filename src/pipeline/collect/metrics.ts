import type { CollectorStats, StreamStats } from '../../collect/collector.ts';
import { MetricsText, type Sample } from '../daemon/metrics-text.ts';
import type { InputStats } from './inputs.ts';
import { addInterfaceMetrics } from './interface-metrics.ts';
import type { RepeaterStats } from './repeater.ts';

/** Exporters that have a label of their own; the rest is `other`. Senders choose their address, so there must be an end. */
export const MAX_LABELLED_EXPORTERS = 256;

/** Counters of one source, under the name that its label has. */
export interface SourceCounters {
  readonly label: string;
  readonly collected: CollectorStats;
  readonly storedFlows: number;
  readonly lostFlows: number;
}

export interface CollectorCounters {
  readonly startedMs: number;
  readonly received: InputStats;
  readonly ignoredDatagrams: number;
  readonly sources: readonly SourceCounters[];
  readonly repeated: readonly RepeaterStats[];
}

/** All counters in the text format of Prometheus, version 0.0.4. */
export function renderMetrics(counters: CollectorCounters): string {
  const { received, sources, repeated } = counters;
  const text = new MetricsText();
  const counter = text.counter.bind(text);
  const gauge = text.gauge.bind(text);
  const perSource = (pick: (source: SourceCounters) => number): Sample[] =>
    sources.map((source) => [{ source: source.label }, pick(source)]);
  const perKind = (label: string, pick: (source: SourceCounters) => Readonly<Record<string, number>>): Sample[] =>
    sources.flatMap((source) =>
      Object.entries(pick(source)).map(([kind, value]): Sample => [{ source: source.label, [label]: kind }, value]),
    );

  gauge('weir_start_timestamp_seconds', 'When the collector started.', [[{}, counters.startedMs / 1000]]);
  counter('weir_receive_datagrams_total', 'Datagrams received.', [[{}, received.datagrams]]);
  counter('weir_receive_bytes_total', 'UDP payload received.', [[{}, received.bytes]]);
  counter('weir_receive_kernel_dropped_total', 'Datagrams that the kernel dropped: receive buffer full.', [
    [{}, received.kernelDropped],
  ]);
  counter('weir_receive_queue_dropped_total', 'Datagrams dropped because decoding fell behind.', [
    [{}, received.queueDropped],
  ]);
  counter('weir_receive_ignored_total', 'Datagrams of exporters that no source is for.', [
    [{}, counters.ignoredDatagrams],
  ]);
  counter('weir_receive_denied_total', 'Datagrams dropped because no --allow has their sender.', [
    [{}, received.denied],
  ]);
  counter('weir_receive_throttled_total', 'Datagrams dropped because their sender exceeded --exporter-rate.', [
    [{}, received.throttled],
  ]);
  if (received.sessions !== undefined) {
    const { open, messages, accepted, octets: _octets, ...ended } = received.sessions;
    gauge('weir_session_open', 'Connections of exporters.', [[{}, open]]);
    counter('weir_session_accepted_total', 'Connections of exporters since the start.', [[{}, accepted]]);
    counter('weir_session_messages_total', 'Messages received over connections.', [[{}, messages]]);
    counter(
      'weir_session_failed_total',
      'Connections refused, or ended before their time, by reason.',
      Object.entries(ended).map(([reason, value]): Sample => [{ reason: snakeCase(reason) }, value]),
    );
  }
  gauge(
    'weir_receive_buffer_bytes',
    'Receive buffer that the kernel granted.',
    received.receiveBufferBytes.map((bytes, i): Sample => [{ port: String(received.ports[i]) }, bytes]),
  );

  counter(
    'weir_decode_datagrams_total',
    'Datagrams given to the decoders.',
    perSource(({ collected }) => collected.decode.datagrams),
  );
  counter(
    'weir_decode_records_total',
    'Records read.',
    perKind('kind', ({ collected: { decode } }) => ({ flow: decode.records, options: decode.optionsRecords })),
  );
  counter('weir_decode_errors_total', 'What could not be read, by reason.', perKind('error_type', decodeErrors));
  counter('weir_template_changed_total', 'Templates whose definition changed.', perSource(sumOf('templatesChanged')));
  counter(
    'weir_template_missing_total',
    'Data sets that came without a known template.',
    perSource(({ collected }) => collected.decode.setsWithoutTemplate),
  );
  gauge('weir_template_known', 'Templates known.', perSource(sumOf('templates')));
  gauge(
    'weir_decode_pending_bytes',
    'Data sets that wait for their template.',
    perSource(({ collected }) => collected.pending.bytes),
  );
  counter(
    'weir_decode_pending_sets_total',
    'What became of data sets without template.',
    perKind(
      'outcome',
      ({
        collected: {
          pending: { stored, replayed, expired, dropped },
        },
      }) => ({ stored, replayed, expired, dropped }),
    ),
  );
  counter(
    'weir_store_rows_total',
    'Flows that are durable.',
    perSource(({ storedFlows }) => storedFlows),
  );
  counter(
    'weir_store_lost_rows_total',
    'Flows that could not be written.',
    perSource(({ lostFlows }) => lostFlows),
  );
  gauge(
    'weir_exporters',
    'Exporters known.',
    perSource(({ collected }) => collected.exporters),
  );

  const streams = labelled(sources.flatMap(({ collected }) => collected.streams));
  const perExporter = (pick: (stream: StreamStats) => number): Sample[] =>
    streams.map(([exporter, stream]) => [{ exporter }, pick(stream)]);
  counter(
    'weir_exporter_datagrams_total',
    'Datagrams of an exporter.',
    perExporter(({ datagrams }) => datagrams),
  );
  counter(
    'weir_exporter_records_total',
    'Records of an exporter.',
    perExporter(({ records }) => records),
  );
  counter(
    'weir_sequence_lost_total',
    'What sequence numbers say was lost before it reached us, in datagrams or records.',
    streams.map(([exporter, { lost, lostUnit }]): Sample => [{ exporter, unit: lostUnit }, lost]),
  );
  counter(
    'weir_sequence_duplicated_total',
    'Datagrams that came twice.',
    perExporter(({ duplicated }) => duplicated),
  );
  counter(
    'weir_sequence_reordered_total',
    'Datagrams that came late.',
    perExporter(({ reordered }) => reordered),
  );
  counter(
    'weir_sequence_resets_total',
    'Restarts of an exporter.',
    perExporter(({ resets }) => resets),
  );
  counter(
    'weir_quirk_applied_total',
    'Records and datagrams in which an exporter did what docs/quirks.md says.',
    streams.flatMap(([exporter, { quirks }]) =>
      Object.entries(quirks).map(([quirk, times]): Sample => [{ exporter, quirk }, times]),
    ),
  );
  counter(
    'weir_exporter_refused_total',
    'What an exporter told and was not kept, because it has its share of the room, each time.',
    labelled(sources.flatMap(({ collected }) => collected.refusals)).flatMap(([exporter, { exporter: _, ...kinds }]) =>
      Object.entries(kinds).map(([kind, times]): Sample => [{ exporter, kind: snakeCase(kind) }, times]),
    ),
  );
  const clocks = latestOfEach(streams.filter(([exporter]) => exporter !== OTHER));
  gauge(
    'weir_exporter_clock_skew_seconds',
    'Export time less receive time of the latest datagram.',
    clocks.map(([exporter, { skewMs }]): Sample => [{ exporter }, skewMs / 1000]),
  );
  gauge(
    'weir_exporter_last_seen_timestamp_seconds',
    'When the latest datagram came.',
    clocks.map(([exporter, { lastSeenMs }]): Sample => [{ exporter }, lastSeenMs / 1000]),
  );

  addInterfaceMetrics(
    text,
    sources.flatMap(({ collected }) => collected.interfaces),
  );

  const perDestination = (pick: (stats: RepeaterStats) => number): Sample[] =>
    repeated.map((stats) => [{ destination: stats.name }, pick(stats)]);
  counter(
    'weir_repeat_datagrams_total',
    'Datagrams sent on.',
    perDestination(({ sent }) => sent),
  );
  counter(
    'weir_repeat_dropped_total',
    'Datagrams not sent on: those before them had not left.',
    perDestination(({ dropped }) => dropped),
  );
  counter(
    'weir_repeat_failed_total',
    'Datagrams whose sending failed.',
    perDestination(({ failed, tooLong }) => failed + tooLong),
  );
  return String(text);
}

function decodeErrors({ collected: { decode, overflowDatagrams } }: SourceCounters): Record<string, number> {
  return {
    unknown_version: decode.unknownVersion,
    too_short: decode.tooShort,
    bad_header: decode.badHeader,
    truncated: decode.truncated,
    bad_set: decode.badSet,
    unknown_set: decode.unknownSets,
    template_refused: decode.templatesRefused,
    sflow_unknown_sample: decode.unknownSamples,
    sflow_bad_sample: decode.badSamples + decode.badSampleRecords,
    sflow_unknown_header: decode.unknownHeaders,
    without_clock: decode.recordsWithoutClock,
    exporter_limit: overflowDatagrams,
  };
}

function sumOf(name: 'templates' | 'templatesChanged'): (source: SourceCounters) => number {
  return ({ collected }) => collected.streams.reduce((sum, stream) => sum + stream[name], 0);
}

const OTHER = 'other';

/** What is known of exporters with the label of each, as many labels as there may be. */
function labelled<T extends { readonly exporter: string }>(all: readonly T[]): [string, T][] {
  const labels = new Set<string>();
  return all.map((each) => {
    const { exporter } = each;
    if (!labels.has(exporter) && labels.size >= MAX_LABELLED_EXPORTERS) return [OTHER, each];
    labels.add(exporter);
    return [exporter, each];
  });
}

/** The stream of each exporter that was heard of last. */
function latestOfEach(streams: readonly [string, StreamStats][]): [string, StreamStats][] {
  const latest = new Map<string, StreamStats>();
  for (const [exporter, stream] of streams) {
    if (stream.datagrams > 0 && stream.lastSeenMs >= (latest.get(exporter)?.lastSeenMs ?? 0))
      latest.set(exporter, stream);
  }
  return [...latest];
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
