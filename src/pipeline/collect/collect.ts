import { reportReady } from '../daemon/background.ts';
import { LogOutput } from '../daemon/log-output.ts';
import { StopSignal } from '../daemon/stop-signal.ts';
import { CollectRun } from './collect-run.ts';
import type { CollectOptions } from './options.ts';

/**
 * Datagrams in, flow files out, until the files end or a signal comes; SIGHUP opens the log anew and puts into force what
 * `reread` gives. Returns the exit status: 0, or 1 when a capture was cut or flows could not be stored.
 */
export async function runCollect(
  options: CollectOptions,
  reread: () => Promise<CollectOptions | undefined>,
): Promise<number> {
  const { configFile, logFile, logFormat, isBackground, quiet } = options;
  const isLive = options.files.length === 0;
  const logs = new LogOutput({
    command: 'collect',
    format: logFormat,
    ...(logFile === undefined ? {} : { file: logFile }),
    inBackground: isBackground && isLive,
    timed: isLive,
    quiet,
  });
  const signals = new StopSignal(isLive && (configFile ?? logFile) !== undefined);
  let isReady = false;
  try {
    const run = await CollectRun.open(options, logs);
    return await run.untilEnd(signals, reread, () => {
      isReady = true;
      if (isBackground) reportReady();
    });
  } catch (error) {
    // Nobody reads standard error of a process in the background.
    if (isReady && !logs.isStandardError) logs.warn(`weir collect: ${(error as Error).message}`);
    throw error;
  } finally {
    logs.close();
    signals.release();
  }
}
