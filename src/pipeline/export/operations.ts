import type { Log } from '../daemon/log.ts';
import { MetricsServer } from '../daemon/metrics-server.ts';
import { exportCommands } from './control.ts';
import { ControlSocket } from './control-socket.ts';
import { renderExportMetrics } from './metrics.ts';
import type { ExportOptions } from './options.ts';
import type { ExportRuntime } from './runtime.ts';

/** What operators and their tools reach a running exporter by: metrics over HTTP, and the control socket. */
export class ExportOperations {
  private readonly metrics: MetricsServer | undefined;
  private readonly control: ControlSocket | undefined;

  private constructor(metrics: MetricsServer | undefined, control: ControlSocket | undefined) {
    this.metrics = metrics;
    this.control = control;
  }

  /** Opens what the options ask for, while privileges are at hand; throws UserError. */
  static async listen(options: ExportOptions, warn: Log): Promise<ExportOperations> {
    const metrics = options.metrics === undefined ? undefined : await MetricsServer.listen(options.metrics, warn);
    try {
      const { control: path, controlGroup } = options;
      const control = path === undefined ? undefined : await ControlSocket.listen(path, controlGroup, warn);
      return new ExportOperations(metrics, control);
    } catch (error) {
      metrics?.close();
      throw error;
    }
  }

  serve(runtime: ExportRuntime): void {
    this.control?.serve(exportCommands(runtime));
    this.metrics?.serve({
      metrics: () => renderExportMetrics(runtime),
      troubles: () =>
        runtime.store === undefined || runtime.store.isStoring
          ? []
          : [`flows cannot be written to ${runtime.options.directory}`],
    });
  }

  close(): void {
    this.control?.close();
    this.metrics?.close();
  }
}
