import type { Socket } from 'node:net';
import { FramingError, MessageFramer } from './message-framer.ts';
import type { SessionOrigin } from './session-slots.ts';

/** What connections may take at most: the port is open to everybody. Times in milliseconds. */
export interface SessionLimits {
  readonly sessions: number;
  readonly sessionsPerAddress: number;
  /** From the connection to the end of the handshake of TLS. */
  readonly handshakeMs: number;
  /** From the connection to the first octet. */
  readonly firstMs: number;
  /** From the first octet of a message to its last. */
  readonly messageMs: number;
  /** Without any octet; exporters with nothing to say keep their connection, dead ones are found by keepalive. */
  readonly idleMs: number;
}

export const DEFAULT_SESSION_LIMITS: SessionLimits = {
  sessions: 1024,
  sessionsPerAddress: 64,
  handshakeMs: 10_000,
  firstMs: 60_000,
  messageMs: 60_000,
  idleMs: 1_800_000,
};

/** How a session ended: `closed` by the exporter or for a stop, or as counted in `SessionStats`; `why` is for the log. */
export interface SessionEnd {
  readonly kind: 'closed' | 'broken' | 'timedOut' | 'cut';
  readonly why?: string;
}

export interface SessionEvents {
  /** Takes a message; false when there is no room now, and then it is offered again after `resume`. */
  readonly put: (bytes: Uint8Array, start: number, end: number) => boolean;
  /** The session waits for `resume`. */
  readonly full: () => void;
  /** All that can be had of the session has been put. False when there is no room to say so, as `put`. */
  readonly ended: (end: SessionEnd) => boolean;
}

const KEEP_ALIVE_MS = 60_000;
/** A v9 message is taken to be whole when its sender has paused so long behind a set. */
const V9_PAUSE_MS = 500;

/** One connection of an exporter. */
export class Session {
  readonly origin: SessionOrigin;
  private readonly socket: Socket;
  private readonly events: SessionEvents;
  private readonly framer = new MessageFramer();
  private readonly acceptedMs = performance.now();
  private latestMs = 0;
  /** When the message that is not whole began, 0 without one. */
  private partialSinceMs = 0;
  private isWaiting = false;
  private end: SessionEnd | undefined;
  private isOver = false;

  constructor(socket: Socket, origin: SessionOrigin, events: SessionEvents) {
    this.socket = socket;
    this.origin = origin;
    this.events = events;
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on('data', (chunk: Buffer) => this.take(chunk));
    // A reset, or a broken record of TLS; 'close' follows.
    socket.on('error', () => undefined);
    socket.on('close', () => this.finish({ kind: 'closed' }));
  }

  /** There is room again. */
  resume(): void {
    this.isWaiting = false;
    if (!this.deliver()) return;
    if (this.end !== undefined) this.tellEnd();
    else this.socket.resume();
  }

  /** Ends the session when it has had its time. `nowMs` is of `performance.now()`: a clock that is set ends no session. */
  look(nowMs: number, limits: SessionLimits): void {
    if (this.isWaiting || this.end !== undefined) return;
    if (this.latestMs === 0) {
      if (nowMs - this.acceptedMs > limits.firstMs) this.close({ kind: 'timedOut', why: 'it sent nothing' });
      return;
    }
    if (nowMs - this.latestMs > V9_PAUSE_MS && this.framer.flush()) this.deliver(true);
    if (this.partialSinceMs > 0 && nowMs - this.partialSinceMs > limits.messageMs) {
      this.close({ kind: 'timedOut', why: 'a message did not come to its end in time' });
    } else if (nowMs - this.latestMs > limits.idleMs) this.close({ kind: 'timedOut', why: 'it was silent too long' });
  }

  /** For how long nothing has come; 0 while it is us who do not read. */
  silentMs(nowMs: number): number {
    return this.isWaiting ? 0 : nowMs - Math.max(this.latestMs, this.acceptedMs);
  }

  close(end: SessionEnd = { kind: 'closed' }): void {
    this.finish(end);
    this.socket.destroy();
  }

  private take(chunk: Buffer): void {
    if (this.end !== undefined) return;
    this.latestMs = performance.now();
    this.framer.append(chunk);
    if (!this.isWaiting) this.deliver();
  }

  /** Puts what is whole; false when there was no room for all. `found`: the framer has found the first already. */
  private deliver(found = false): boolean {
    const { framer } = this;
    let some = false;
    try {
      for (let isWhole = found || framer.next(); isWhole; isWhole = framer.next()) {
        if (!this.events.put(framer.bytes, framer.start, framer.end)) {
          this.wait();
          return false;
        }
        framer.consume();
        some = true;
      }
      framer.settle();
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      this.close({ kind: 'broken', why: error.message });
      return true;
    }
    if (framer.held === 0) this.partialSinceMs = 0;
    else if (some || this.partialSinceMs === 0) this.partialSinceMs = this.latestMs;
    return true;
  }

  private wait(): void {
    this.isWaiting = true;
    this.socket.pause();
    this.events.full();
  }

  private finish(end: SessionEnd): void {
    this.end ??= end;
    if (!this.isWaiting) this.tellEnd();
  }

  /** Puts what a pause would have shown to be whole, and the end. */
  private tellEnd(): void {
    if (this.isOver) return;
    const { framer } = this;
    if (this.end!.kind === 'closed' && framer.flush()) {
      if (!this.events.put(framer.bytes, framer.start, framer.end)) {
        this.wait();
        return;
      }
      framer.consume();
    }
    const isCut = this.end!.kind === 'closed' && framer.held > 0;
    this.isOver = this.events.ended(isCut ? { kind: 'cut', why: 'it ended amid a message' } : this.end!);
    if (!this.isOver) this.wait();
  }
}
