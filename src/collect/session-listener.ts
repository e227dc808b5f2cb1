import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import { type AddressWords, formatAddress, parseAddress } from '../flow/address.ts';
import { UserError } from '../flow/user-error.ts';
import { MAX_SESSION } from './exporters.ts';
import { DEFAULT_SESSION_LIMITS, Session, type SessionEnd, type SessionLimits } from './session.ts';
import { SessionSlots } from './session-slots.ts';

/** Certificate, its key, and the authorities whose clients are let in, as PEM; without `ca` every client is. */
export interface TlsIdentity {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
}

/** An address to listen on; `*` stands for all of both families. */
export interface SessionEndpoint {
  readonly host: string;
  readonly port: number;
  readonly tls?: TlsIdentity;
}

export interface SessionStats {
  /** Connections now, and since the start. */
  open: number;
  accepted: number;
  /** Not let in: beyond a limit, not on the list of those allowed, or without a handshake of TLS. */
  refusedByLimit: number;
  refusedAddress: number;
  failedHandshakes: number;
  /** Ended by us: octets that are no messages, a message or a first octet that never came, silence. */
  broken: number;
  timedOut: number;
  /** Ended amid a message. */
  cut: number;
  messages: number;
  octets: number;
}

export interface SessionListenerOptions {
  readonly endpoints: readonly SessionEndpoint[];
  readonly limits?: Partial<SessionLimits>;
  /** Whether an address may connect; default all. */
  readonly allows?: (address: AddressWords) => boolean;
  /** Index of the first endpoint among all listeners. */
  readonly firstListener?: number;
  readonly slotBytes?: number;
  readonly slotCount?: number;
  readonly log: (line: string) => void;
}

const SLOT_BYTES = 512 << 10;
const SLOT_COUNT = 4;
/** How often sessions are looked at. */
const SWEEP_MS = 500;
/** After a stop: how long a session may be silent, and how long it may go on, until it is closed. */
const STOP_SILENCE_MS = 200;
const STOP_MS = 2000;

/**
 * Messages of exporters over TCP and TLS, in slots as those of datagrams. A session whose messages find no room is not
 * read on, so that its exporter waits: nothing is dropped here.
 */
export class SessionListener extends SessionSlots {
  /** As bound, in the order of the endpoints. */
  readonly ports: number[] = [];
  private readonly servers: Server[] = [];
  private readonly sessions = new Set<Session>();
  /** Connections that were let in, those without a session (amid a handshake of TLS) among them. */
  private readonly sockets = new Set<Socket>();
  /** Sessions whose messages wait for a slot. */
  private waiting = new Set<Session>();
  private readonly perAddress = new Map<string, number>();
  private readonly freeNumbers: number[];
  /** Numbers of sessions whose end stands in a slot: free once that has been read. */
  private readonly endedIn: number[][];
  private readonly limits: SessionLimits;
  private readonly allows: (address: AddressWords) => boolean;
  private readonly log: (line: string) => void;
  private readonly sweeper: NodeJS.Timeout;
  private stoppingSinceMs = Number.NaN;
  private readonly counters = {
    accepted: 0,
    refusedByLimit: 0,
    refusedAddress: 0,
    failedHandshakes: 0,
    broken: 0,
    timedOut: 0,
    cut: 0,
  };

  private constructor(options: SessionListenerOptions) {
    super(options.slotCount ?? SLOT_COUNT, options.slotBytes ?? SLOT_BYTES, (slot) => this.hasRoom(slot));
    this.limits = { ...DEFAULT_SESSION_LIMITS, ...options.limits };
    this.allows = options.allows ?? (() => true);
    this.log = options.log;
    const numbers = Math.min(this.limits.sessions, MAX_SESSION);
    this.freeNumbers = Array.from({ length: numbers }, (_, i) => numbers - i);
    this.endedIn = this.slots.map(() => []);
    this.sweeper = setInterval(() => this.sweep(), SWEEP_MS);
  }

  /** Listens on every endpoint. Throws UserError naming the first that cannot be, and the remedy. */
  static async open(options: SessionListenerOptions): Promise<SessionListener> {
    const listener = new SessionListener(options);
    try {
      for (const [i, endpoint] of options.endpoints.entries()) {
        await listener.listen(endpoint, (options.firstListener ?? 0) + i);
      }
    } catch (error) {
      listener.stop();
      throw error;
    }
    return listener;
  }

  sessionStats(): SessionStats {
    const { messages, octets } = this;
    return { open: this.sessions.size, ...this.counters, messages, octets };
  }

  /** Takes no more connections; what exporters have sent already is still read, for two seconds at most. */
  override stop(): void {
    if (!Number.isNaN(this.stoppingSinceMs)) return;
    this.stoppingSinceMs = performance.now();
    for (const server of this.servers) server.close();
    clearInterval(this.sweeper);
    if (this.sessions.size === 0) this.endAll();
    else this.closeWhenSilent();
  }

  /** The last session has ended: whoever has not come to the end of a handshake is not waited for. */
  private endAll(): void {
    for (const socket of this.sockets) socket.destroy();
    super.stop();
  }

  private async listen(endpoint: SessionEndpoint, index: number): Promise<void> {
    const { tls, host, port } = endpoint;
    const place = `${tls === undefined ? 'tcp' : 'tls'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
    let take = (socket: Socket) => this.beginSession(socket, index);
    if (tls !== undefined) {
      // Not listening itself: whoever may not connect is turned away before the handshake, which costs us more than them.
      const secure = openTls(tls, place, this.limits.handshakeMs);
      secure.on('secureConnection', (socket) => this.beginSession(socket, index));
      secure.on('tlsClientError', (error, socket) => this.failedHandshake(error, socket));
      take = (socket) => secure.emit('connection', socket);
    }
    const server = createServer({ noDelay: true }, (socket) => {
      if (this.admits(socket)) take(socket);
      else socket.destroy();
    });
    server.maxConnections = this.limits.sessions;
    server.on('drop', () => this.counters.refusedByLimit++);
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(place, error)));
      server.listen(host === '*' ? { port } : { port, host }, resolve);
    });
    server.on('error', (error) => this.log(`${place}: ${error.message}`));
    this.servers.push(server);
    this.ports.push((server.address() as { port: number }).port);
  }

  /** Whether a connection is let in; it then counts among those of its address until it is closed. */
  private admits(socket: Socket): boolean {
    const address = addressOf(socket);
    if (address === undefined) return false;
    if (!this.allows(address)) {
      this.counters.refusedAddress++;
      return false;
    }
    const name = formatAddress(...address);
    const others = this.perAddress.get(name) ?? 0;
    if (others >= this.limits.sessionsPerAddress) {
      this.counters.refusedByLimit++;
      return false;
    }
    this.perAddress.set(name, others + 1);
    this.sockets.add(socket);
    socket.once('close', () => {
      this.sockets.delete(socket);
      const left = this.perAddress.get(name)! - 1;
      if (left === 0) this.perAddress.delete(name);
      else this.perAddress.set(name, left);
    });
    return true;
  }

  private beginSession(socket: Socket, listener: number): void {
    const address = addressOf(socket);
    const session = address === undefined ? undefined : this.freeNumbers.pop();
    if (address === undefined || session === undefined) {
      if (address !== undefined) this.counters.refusedByLimit++;
      socket.destroy();
      return;
    }
    this.counters.accepted++;
    const origin = { address, port: socket.remotePort ?? 0, localPort: socket.localPort ?? 0, listener, session };
    const made: Session = new Session(socket, origin, {
      put: (bytes, start, end) => this.put(bytes, start, end, Date.now(), origin) >= 0,
      full: () => this.waiting.add(made),
      ended: (end) => this.endSession(made, end),
    });
    this.sessions.add(made);
  }

  /** The messages of a session have been put; what is left is to say that it has ended. */
  private endSession(session: Session, end: SessionEnd): boolean {
    const slot = this.put(NOTHING, 0, 0, Date.now(), session.origin);
    if (slot < 0) return false;
    this.endedIn[slot]!.push(session.origin.session);
    this.sessions.delete(session);
    if (end.kind !== 'closed') this.counters[end.kind]++;
    if (end.why !== undefined) this.log(`session of ${formatAddress(...session.origin.address)} closed: ${end.why}`);
    if (!Number.isNaN(this.stoppingSinceMs) && this.sessions.size === 0) this.endAll();
    return true;
  }

  private hasRoom(slot: number): void {
    this.freeNumbers.push(...this.endedIn[slot]!.splice(0));
    const { waiting } = this;
    this.waiting = new Set();
    for (const session of waiting) session.resume();
  }

  private sweep(): void {
    const nowMs = performance.now();
    for (const session of this.sessions) session.look(nowMs, this.limits);
  }

  private closeWhenSilent(): void {
    const nowMs = performance.now();
    const isLate = nowMs - this.stoppingSinceMs > STOP_MS;
    for (const session of this.sessions) if (isLate || session.silentMs(nowMs) > STOP_SILENCE_MS) session.close();
    if (this.sessions.size > 0) setTimeout(() => this.closeWhenSilent(), STOP_SILENCE_MS / 4);
  }

  private failedHandshake(error: Error & { readonly reason?: string }, socket: TLSSocket): void {
    this.counters.failedHandshakes++;
    // A certificate that is refused ends in "socket hang up"; why stands with the socket alone.
    const refusal: unknown = socket.authorizationError;
    // What OpenSSL says has its place in the sources around the reason.
    const why = refusal
      ? `certificate of the client not accepted (${String(refusal)})`
      : (error.reason ?? error.message);
    this.log(`TLS with ${clientOf(socket)} failed: ${why}`);
    // Node.js leaves one that took too long as it is, and it would count among those of its address for ever.
    socket.destroy();
  }
}

const NOTHING = new Uint8Array(0);

function openTls({ cert, key, ca }: TlsIdentity, place: string, handshakeMs: number): TlsServer {
  const mutual = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true };
  try {
    return createTlsServer({ cert, key, ...mutual, minVersion: 'TLSv1.2', handshakeTimeout: handshakeMs });
  } catch (cause) {
    const why = (cause as Error).message;
    throw new UserError(`${place}: --tls-cert, --tls-key or --tls-ca cannot be used: ${why}`, { cause });
  }
}

function addressOf(socket: Socket): AddressWords | undefined {
  return parseAddress((socket.remoteAddress ?? '').replace(/%.*$/, ''));
}

/**
 * Address of a client for the log. The socket of TLS does not know it any more once the client has gone; the one below
 * does, because `admits` asked it, and nothing but this field of Node.js leads there.
 */
function clientOf(socket: TLSSocket & { readonly _parent?: Socket | null }): string {
  const address = addressOf(socket) ?? (socket._parent ? addressOf(socket._parent) : undefined);
  return address === undefined ? 'a client' : formatAddress(...address);
}

function cannotListen(place: string, error: NodeJS.ErrnoException): UserError {
  const remedies: Readonly<Record<string, string>> = {
    EADDRINUSE: 'the port is in use by another program: stop it (`ss -tlpn` names it) or take another port',
    EADDRNOTAVAIL: "the address is not one of this host's: use one that is, or * to listen on all",
    EACCES: 'not permitted: ports below 1024 need root or CAP_NET_BIND_SERVICE, or take a higher port',
    ENOTFOUND: 'the host name does not resolve: give an address of this host',
  };
  const remedy = remedies[error.code ?? ''] ?? error.message;
  return new UserError(`cannot listen on ${place}: ${remedy}`, { cause: error });
}
