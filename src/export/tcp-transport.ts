import type { Socket } from 'node:net';
import { UserError } from '../flow/user-error.ts';
import { type Destination, formatDestination } from './destination.ts';
import { connectTo, explain, refusesCertificate, type TlsIdentity } from './tcp-connection.ts';
import type { DatagramTransport, TransportStats } from './transport.ts';

export interface TcpTransportOptions extends Destination {
  readonly sourceHost?: string;
  /** TLS on top, with what weir shows and trusts. */
  readonly tls?: TlsIdentity;
  /** Messages kept for a collector that is slow or away, in octets; default 8 MiB. What comes on top is lost and counted. */
  readonly queueBytes?: number;
  /** `open` fails when it cannot connect. */
  readonly required?: boolean;
  /**
   * How long `room` keeps a producer waiting that has filled half of the queue while there is no connection; default 0.
   * After that the queue fills up, and the rest is lost here.
   */
  readonly patienceMs?: number;
  /** One line for the operator when the connection is lost and when it is back. */
  readonly log: (line: string) => void;
}

/** Messages handed over together. */
interface Chunk {
  readonly bytes: Buffer;
  readonly messages: number;
}

const QUEUE_BYTES = 8 << 20;
const CONNECT_TIMEOUT_MS = 5000;
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 10_000;
const KEEP_ALIVE_MS = 30_000;
/** For what is queued at the end: to leave, or first of all to find the collector again; told when it takes a while. */
const DRAIN_MS = 5000;
const TELL_DRAIN_MS = 1000;
/** For a collector to close as well, which says that it took everything; those that do not have it from the system. */
const GOODBYE_MS = 1000;
/**
 * A collector that refuses our certificate says so after the handshake (TLS 1.3), or just hangs up: only a session of this
 * age is told of, and what a younger one took is lost when the collector ends it. A slow one says so later.
 */
const TLS_TRIAL_MS = 1000;
const NO_ANSWER = 'no answer';
/** A connection of this age makes the next one be tried at once again. */
const STEADY_MS = 10_000;

/**
 * IPFIX over TCP, with or without TLS (RFC 7011 sections 10.4 and 11.1): messages one after another, nothing around them. A connection that breaks is made
 * anew for as long as it takes; what was on its way is lost and counted, what comes meanwhile waits, within bounds, and
 * belongs to the next session: whoever makes the messages is told when one session ends (`onSessionEnd`).
 */
export class TcpTransport implements DatagramTransport {
  readonly #options: TcpTransportOptions;
  readonly #queueBytes: number;
  readonly #name: string;
  readonly #trialMs: number;
  #socket: Socket | undefined;
  #attempt: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = FIRST_RETRY_MS;
  #disconnectedMs = performance.now();
  #connectedMs = 0;
  #trial: NodeJS.Timeout | undefined;
  /** The collector has said that it does not accept our certificate. */
  #isRefused = false;
  /** What the running attempt or connection came to grief by. */
  #reason: string | null = null;
  /** Why there is no connection, as the operator was told. */
  #told: string | null = null;
  /** What this session has taken. */
  #session = { sent: 0, bytes: 0 };
  /** For the session to come. */
  #waiting: Chunk[] = [];
  /** Octets waiting here or in the socket. */
  #pendingBytes = 0;
  #waiters: (() => void)[] = [];
  #endSession: () => void = () => {};
  #closing: Promise<void> | undefined;
  #closed = false;
  #sent = 0;
  #bytes = 0;
  #failed = 0;
  #lastError: string | null = null;

  private constructor(options: TcpTransportOptions) {
    this.#options = options;
    this.#queueBytes = options.queueBytes ?? QUEUE_BYTES;
    this.#name = `${options.tls === undefined ? 'tcp' : 'tls'}://${formatDestination(options)}`;
    this.#trialMs = options.tls === undefined ? 0 : TLS_TRIAL_MS;
  }

  /**
   * Connects. When that fails (or takes more than five seconds): throws a UserError if it is `required`, else goes on
   * trying in the background.
   */
  static async open(options: TcpTransportOptions): Promise<TcpTransport> {
    const transport = new TcpTransport(options);
    try {
      transport.#connect();
    } catch (cause) {
      throw new UserError(`${transport.#name}: cannot connect: ${(cause as Error).message} (--source-address)`, {
        cause,
      });
    }
    await transport.#until(() => transport.#socket !== undefined || transport.#lastError !== null, CONNECT_TIMEOUT_MS);
    if (transport.#socket !== undefined) return transport;
    const why = transport.#lastError ?? NO_ANSWER;
    transport.#told = why;
    if (options.required === true) {
      transport.abort();
      throw new UserError(`${transport.#name}: cannot connect: ${why}`);
    }
    options.log(`${transport.#name}: cannot connect: ${why}; trying again`);
    return transport;
  }

  /** `ended` is called when a session has ended: messages made from then on are those of a new one. */
  onSessionEnd(ended: () => void): void {
    this.#endSession = ended;
  }

  send(bytes: Uint8Array, lengths: Uint32Array, count: number): void {
    let messages = 0;
    let end = 0;
    const room = this.#closed ? 0 : this.#queueBytes - this.#pendingBytes;
    while (messages < count && end + lengths[messages]! <= room) end += lengths[messages++]!;
    this.#failed += count - messages;
    if (messages === 0) return;
    this.#pendingBytes += end;
    const chunk = { bytes: Buffer.from(bytes.subarray(0, end)), messages };
    if (this.#socket === undefined) this.#waiting.push(chunk);
    else this.#write(this.#socket, chunk);
  }

  room(): Promise<void> | undefined {
    const hasRoom = () => this.#pendingBytes <= this.#queueBytes / 2 || this.#closed || !this.#isWorthWaiting();
    return hasRoom() ? undefined : this.#until(hasRoom, Number.POSITIVE_INFINITY);
  }

  /** Resolves when everything has been handed to the system, or once nothing has been for five seconds. */
  async drain(): Promise<void> {
    for (let before = -1; this.#pendingBytes !== before && this.#pendingBytes > 0 && !this.#closed; ) {
      before = this.#pendingBytes;
      await this.#until(() => this.#pendingBytes < before || this.#closed, DRAIN_MS);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Drops what is queued, counting it as failed, and lets go of the connection. */
  abort(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#trial);
    this.#attempt?.destroy();
    this.#socket?.destroy();
    this.#dropWaiting();
    this.#notify();
  }

  /** `sent`: handed to the system on a connection that stood; how much of it arrived no one tells (RFC 7011 10.4). */
  stats(): TransportStats {
    return {
      sent: this.#sent,
      bytes: this.#bytes,
      failed: this.#failed,
      tooLong: 0,
      lastError: this.#lastError,
    };
  }

  async #close(): Promise<void> {
    const tell = setTimeout(() => this.#tellDrain(), TELL_DRAIN_MS);
    await this.drain();
    clearTimeout(tell);
    if (this.#trial !== undefined) await this.#until(() => this.#trial === undefined, this.#trialMs);
    const hasGone = () => this.#socket === undefined;
    if (this.#pendingBytes === 0 && !this.#closed) {
      this.#closed = true;
      this.#socket?.end();
      await this.#until(hasGone, GOODBYE_MS);
    }
    this.abort();
    // Only then what was not taken is counted.
    await this.#until(hasGone, GOODBYE_MS);
  }

  #tellDrain(): void {
    if (this.#pendingBytes === 0 || this.#closed) return;
    this.#options.log(
      `${this.#name}: waiting for the collector to take ${this.#pendingBytes} octets, until it takes none for ` +
        `${DRAIN_MS / 1000} s; another signal ends at once`,
    );
  }

  #connect(): void {
    this.#reason = null;
    this.#isRefused = false;
    const socket = connectTo(this.#options, () => {
      socket.setTimeout(0);
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      // A collector says nothing, but only a socket that is read notices that it has gone.
      socket.resume();
      this.#connected(socket);
    });
    this.#attempt = socket;
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => socket.destroy(new Error(NO_ANSWER)));
    socket.on('error', (error) => {
      this.#isRefused ||= refusesCertificate(error);
      this.#reason = explain(error);
      this.#lastError = this.#reason;
    });
    socket.once('close', () => this.#disconnected(socket));
  }

  #connected(socket: Socket): void {
    this.#attempt = undefined;
    this.#socket = socket;
    this.#session = { sent: 0, bytes: 0 };
    this.#connectedMs = performance.now();
    if (this.#trialMs === 0) this.#tellConnected();
    else this.#trial = setTimeout(() => this.#endTrial(), this.#trialMs);
    for (const chunk of this.#waiting.splice(0)) this.#write(socket, chunk);
    this.#notify();
  }

  #endTrial(): void {
    this.#trial = undefined;
    this.#tellConnected();
    this.#notify();
  }

  #tellConnected(): void {
    if (this.#told !== null) this.#options.log(`${this.#name}: connected`);
    this.#told = null;
  }

  #disconnected(socket: Socket): void {
    const onTrial = this.#trial !== undefined;
    clearTimeout(this.#trial);
    this.#trial = undefined;
    const stood = this.#socket === socket;
    this.#attempt = undefined;
    if (stood) {
      const nowMs = performance.now();
      this.#socket = undefined;
      this.#disconnectedMs = nowMs;
      if (onTrial || this.#isRefused) this.#loseSession();
      if (nowMs - this.#connectedMs >= STEADY_MS || this.#trialMs === 0) this.#retryMs = FIRST_RETRY_MS;
      if (!this.#closed) {
        this.#reason ??= `closed by the collector${onTrial ? ', which may not accept our certificate' : ''}`;
        this.#lastError = this.#reason;
        this.#endSession();
      }
    }
    this.#tell(stood);
    this.#notify();
    if (this.#closed) return;
    this.#retry = setTimeout(() => this.#connect(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
  }

  /** One line for each reason, not for each attempt. */
  #tell(stood: boolean): void {
    const why = this.#reason;
    if (why === null || why === this.#told || (this.#told === null && !stood)) return;
    this.#told = why;
    const what = stood ? 'connection lost' : 'cannot connect';
    this.#options.log(`${this.#name}: ${what}: ${why}${this.#closed ? '' : '; trying again'}`);
  }

  /** What a collector took that then refused us has not arrived. */
  #loseSession(): void {
    const { sent, bytes } = this.#session;
    this.#sent -= sent;
    this.#bytes -= bytes;
    this.#failed += sent;
  }

  #write(socket: Socket, { bytes, messages }: Chunk): void {
    socket.write(bytes, (error) => {
      this.#pendingBytes -= bytes.length;
      if (error === null || error === undefined) {
        this.#sent += messages;
        this.#bytes += bytes.length;
        this.#session.sent += messages;
        this.#session.bytes += bytes.length;
      } else {
        this.#failed += messages;
      }
      this.#notify();
    });
  }

  #isWorthWaiting(): boolean {
    if (this.#socket !== undefined) return true;
    return performance.now() - this.#disconnectedMs < (this.#options.patienceMs ?? 0);
  }

  #dropWaiting(): void {
    for (const { bytes, messages } of this.#waiting.splice(0)) {
      this.#pendingBytes -= bytes.length;
      this.#failed += messages;
    }
  }

  #notify(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }

  /** Resolves when `isDone` holds, looked at whenever something happens and ten times a second, or when time is up. */
  async #until(isDone: () => boolean, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!isDone() && performance.now() < deadline) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 100);
        this.#waiters.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }
}
