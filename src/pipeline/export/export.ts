import { LogOutput } from '../daemon/log-output.ts';
import { StopSignal } from '../daemon/stop-signal.ts';
import { MeteringRun } from './metering-run.ts';
import type { ExportOptions } from './options.ts';

/**
 * Packets in, flows out, until the files end or a signal comes; then every flow leaves. SIGUSR1 prints statistics, SIGHUP
 * opens the log anew and puts into force what `reread` gives. Returns the exit status: 0, or 1 when a capture was cut or
 * flows were lost.
 */
export async function runExport(
  options: ExportOptions,
  reread: () => Promise<ExportOptions | undefined>,
): Promise<number> {
  const { configFile, logFile, logFormat, quiet } = options;
  const live = options.interfaces.length > 0;
  const log = new LogOutput({
    command: 'export',
    format: logFormat,
    ...(logFile === undefined ? {} : { file: logFile }),
    inBackground: false,
    timed: live,
    quiet,
  });
  const runsOn = live || options.speed > 0;
  const signals = new StopSignal(runsOn && (configFile ?? logFile) !== undefined);
  let run: MeteringRun | undefined;
  // From the start: without a listener, Node.js opens its debugger on this signal.
  const onStatistics = () => run?.printStatistics();
  process.on('SIGUSR1', onStatistics);
  try {
    run = await MeteringRun.open(options, log);
    return await run.untilEnd(signals, reread);
  } catch (error) {
    // The terminal, or the manager, has what goes to standard error at the end.
    if (!log.isStandardError) log.warn(`weir export: ${(error as Error).message}`);
    throw error;
  } finally {
    process.off('SIGUSR1', onStatistics);
    log.close();
    signals.release();
  }
}
