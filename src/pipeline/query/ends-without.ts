import { rmSync } from 'node:fs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Leaves nothing temporary behind when a signal ends the process, which it does at once, or when it ends by itself: files and
 * directories, or what a call takes away. Returns what makes it end as it did before.
 */
export function endsWithout(...rest: readonly (string | (() => void))[]): () => void {
  const clear = () => {
    for (const one of rest) {
      if (typeof one === 'string') rmSync(one, { recursive: true, force: true });
      else one();
    }
  };
  const end = (signal: NodeJS.Signals) => {
    clear();
    release();
    process.kill(process.pid, signal);
  };
  const release = () => {
    for (const signal of SIGNALS) process.off(signal, end);
    process.off('exit', clear);
  };
  for (const signal of SIGNALS) process.on(signal, end);
  process.on('exit', clear);
  return release;
}
