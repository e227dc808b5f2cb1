import { spawn } from 'node:child_process';

const READY = 'ready';

/**
 * Starts this program again with `argv`, detached, and waits until it calls `reportReady` or ends. Resolves to the exit
 * status for the process that was typed: what the child says until it is ready appears here. `failed` gets the id of a
 * child that ended before.
 */
export function startInBackground(
  argv: readonly string[],
  failed: (pid: number | undefined) => void = () => {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...argv], {
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    child.stderr!.pipe(process.stderr, { end: false });
    child.on('error', reject);
    child.on('message', (message) => {
      if (message !== READY) return;
      child.removeAllListeners('close');
      child.disconnect();
      child.stderr!.destroy();
      child.unref();
      process.stdout.write(`weir: in the background, process ${child.pid}\n`);
      resolve(0);
    });
    child.on('close', (code) => {
      failed(child.pid);
      resolve(code ?? 1);
    });
  });
}

/** Tells the process that `startInBackground` that it may end. From then on standard error leads nowhere. */
export function reportReady(): void {
  process.stderr.on('error', () => {});
  process.send?.(READY);
}
