/** Signals that end a daemon in good order. */
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** `timeout` and the like signal the process and then its group: nobody asks again so soon. */
const ECHO_MS = 500;

/**
 * Remembers the first signal to end, and passes it on as soon as there is something to stop: whoever sees a daemon's
 * socket may already send one. Another signal half a second later or more ends the process at once, for a user who will not wait. SIGHUP is a
 * signal to read settings again where there are any; else it tells that the terminal has gone, and ends.
 */
export class StopSignal {
  private readonly hangupReloads: boolean;
  private stop: ((signal: string) => void) | undefined;
  private reload: (() => void) | undefined;
  private received: string | undefined;
  private receivedMs = 0;
  private reloadAsked = false;

  constructor(hangupReloads = false) {
    this.hangupReloads = hangupReloads;
    for (const signal of STOP_SIGNALS) process.on(signal, this.handle);
  }

  /** What a signal stops from now on; called at once if one has come. */
  stops(stop: (signal: string) => void): void {
    this.stop = stop;
    if (this.received !== undefined) stop(this.received);
  }

  /** What SIGHUP does from now on where it reloads; called at once if one has come. */
  reloads(reload: () => void): void {
    this.reload = reload;
    if (this.reloadAsked) reload();
  }

  /** Leaves signals to the system again. */
  release(): void {
    for (const signal of STOP_SIGNALS) process.off(signal, this.handle);
  }

  private readonly handle = (signal: NodeJS.Signals): void => {
    if (signal === 'SIGHUP' && this.hangupReloads) {
      this.reloadAsked = true;
      this.reload?.();
      return;
    }
    if (this.received !== undefined) {
      if (performance.now() - this.receivedMs > ECHO_MS) process.exit(1);
      return;
    }
    this.received = signal;
    this.receivedMs = performance.now();
    this.stop?.(signal);
  };
}
