import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { MetricsText } from './metrics-text.ts';

const NS_PER_SECOND = 1e9;
const RESOLUTION_MS = 20;

/** What the process itself takes: memory, processor time, and how late its event loop ran since it was asked last. */
export class ProcessMetrics {
  private readonly delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.delay.enable();
  }

  /** Adds the samples under the names that the Prometheus clients give them. */
  write(text: MetricsText): void {
    const { user, system } = process.cpuUsage();
    text.gauge('process_resident_memory_bytes', 'Memory in use.', [[{}, process.memoryUsage.rss()]]);
    text.counter('process_cpu_seconds_total', 'Processor time, of all threads.', [[{}, (user + system) / 1e6]]);
    // The timer's own interval is part of what is measured.
    const worst = Math.max(0, this.delay.max / NS_PER_SECOND - RESOLUTION_MS / 1000);
    text.gauge('weir_event_loop_delay_max_seconds', 'Longest time that the main thread was busy at a stretch.', [
      [{}, Number.isFinite(worst) ? worst : 0],
    ]);
    this.delay.reset();
  }

  close(): void {
    this.delay.disable();
  }
}
