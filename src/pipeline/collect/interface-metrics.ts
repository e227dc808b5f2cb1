import type { InterfaceStats } from '../../collect/interface-counters.ts';
import type { MetricsText, Sample } from '../daemon/metrics-text.ts';

/** Interfaces in an answer: each has a dozen lines. */
const MAX_LABELLED_INTERFACES = 4096;

/** Counters that devices sent of their interfaces (sFlow counter samples), as they are: since the device started. */
export function addInterfaceMetrics(text: MetricsText, all: readonly InterfaceStats[]): void {
  if (all.length === 0) return;
  const interfaces = all.slice(0, MAX_LABELLED_INTERFACES);
  const both = (of: (stats: InterfaceStats) => { readonly in: number; readonly out: number }): Sample[] =>
    interfaces
      .flatMap((stats): Sample[] => {
        const labels = { exporter: stats.exporter, interface: String(stats.index) };
        const { in: received, out: sent } = of(stats);
        return [
          [{ ...labels, direction: 'in' }, received],
          [{ ...labels, direction: 'out' }, sent],
        ];
      })
      .filter(([, value]) => value >= 0);
  const each = (of: (stats: InterfaceStats) => number): Sample[] =>
    interfaces
      .map((stats): Sample => [{ exporter: stats.exporter, interface: String(stats.index) }, of(stats)])
      .filter(([, value]) => value >= 0);
  text.counter(
    'weir_interface_octets_total',
    'Octets on an interface, as its device counts.',
    both(({ inOctets, outOctets }) => ({ in: inOctets, out: outOctets })),
  );
  text.counter(
    'weir_interface_packets_total',
    'Packets on an interface, as its device counts.',
    both(({ inPackets, outPackets }) => ({ in: inPackets, out: outPackets })),
  );
  text.counter(
    'weir_interface_discards_total',
    'Packets that the device had no room for.',
    both(({ inDiscards, outDiscards }) => ({ in: inDiscards, out: outDiscards })),
  );
  text.counter(
    'weir_interface_errors_total',
    'Packets with errors.',
    both(({ inErrors, outErrors }) => ({ in: inErrors, out: outErrors })),
  );
  text.gauge(
    'weir_interface_speed_bits_per_second',
    'Speed of an interface.',
    each(({ bitsPerSecond }) => bitsPerSecond),
  );
  text.gauge(
    'weir_interface_up',
    'Whether an interface is up.',
    each(({ isUp }) => (isUp ? 1 : 0)),
  );
  text.gauge(
    'weir_interface_counted_timestamp_seconds',
    'When the counters of an interface came.',
    each(({ receivedMs }) => receivedMs / 1000),
  );
}
