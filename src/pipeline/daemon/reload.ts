import type { LogOutput } from './log-output.ts';
import type { ServiceManager } from './service-manager.ts';

/** What of changed settings is in force now, and what waits for a restart; by the names that settings have. */
export interface Reloaded {
  readonly applied: readonly string[];
  readonly restart: readonly string[];
}

/**
 * Reads settings again on request, one request after another; several that come meanwhile are one. Where `apply` throws,
 * nothing has changed but the log file, which is opened again in any case.
 */
export class Reloader {
  private readonly log: LogOutput;
  private readonly manager: ServiceManager;
  private readonly apply: () => Promise<Reloaded>;
  private readonly status: string;
  private running: Promise<void> | undefined;
  private asked = false;
  private ended = false;

  constructor(log: LogOutput, manager: ServiceManager, status: string, apply: () => Promise<Reloaded>) {
    this.log = log;
    this.manager = manager;
    this.status = status;
    this.apply = apply;
  }

  readonly request = (): void => {
    if (this.ended) return;
    this.asked = true;
    this.running ??= this.run();
  };

  /** The run ends: what is asked from now on is not done. Resolves when none is under way. */
  async end(): Promise<void> {
    this.ended = true;
    await this.running;
  }

  private async run(): Promise<void> {
    while (this.asked && !this.ended) {
      this.asked = false;
      this.manager.reloading();
      this.log.reopen();
      try {
        const { applied, restart } = await this.apply();
        this.log.info(`SIGHUP: ${applied.length > 0 ? `changed ${applied.join(', ')}` : 'nothing to change at once'}`);
        if (restart.length > 0) this.log.warn(`SIGHUP: needs a restart: ${restart.join(', ')}`);
      } catch (error) {
        // What follows the first line shows the place of a mistake, which no log line can.
        const [what] = (error as Error).message.split('\n', 1);
        this.log.warn(`SIGHUP: ${what}; the settings before stay in force`);
      }
      this.manager.ready(this.status);
    }
    this.running = undefined;
  }
}

/** The options that differ. */
export function changedKeys<T extends object>(before: T, after: T): (keyof T)[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])] as (keyof T)[];
  return keys.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
}

/** `next`, but for the options `kept`, which stay as they were. */
export function withKept<T extends object>(before: T, next: T, kept: readonly (keyof T)[]): T {
  const options = { ...next };
  for (const key of kept) {
    if (key in before) options[key] = before[key];
    else delete options[key];
  }
  return options;
}
