import { addon } from '../../addon/addon.ts';

/**
 * Tells the service manager (systemd, or any that sets NOTIFY_SOCKET) how we are: ready, reading settings again,
 * stopping, and alive as often as it asks for. Without a manager nothing happens.
 */
export class ServiceManager {
  private readonly path: string | undefined;
  private readonly watchdog: NodeJS.Timeout | undefined;

  constructor() {
    const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID } = process.env;
    this.path = NOTIFY_SOCKET;
    // They are for this process: commands that it starts are not the service.
    for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete process.env[name];
    const isForUs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === process.pid;
    const watchdogMs = isForUs && this.path !== undefined ? Number(WATCHDOG_USEC) / 1000 : Number.NaN;
    // From the event loop that does the work: it hangs, we are dead.
    if (watchdogMs >= 2) this.watchdog = setInterval(() => this.send('WATCHDOG=1'), watchdogMs / 2).unref();
  }

  /** @param status one line for `systemctl status` */
  ready(status: string): void {
    this.send(`READY=1\nSTATUS=${status}`);
  }

  /** To be followed by `ready`. */
  reloading(): void {
    this.send(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  stopping(): void {
    this.send('STOPPING=1');
  }

  /** No more signs of life. */
  close(): void {
    clearInterval(this.watchdog);
  }

  private send(message: string): void {
    if (this.path === undefined) return;
    try {
      addon().sendUnixDatagram(this.path, message);
    } catch {
      // It is gone, or does not read: it will draw its own conclusions.
    }
  }
}
