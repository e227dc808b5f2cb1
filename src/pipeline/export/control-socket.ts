import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, lstatSync, readFileSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { UserError } from '../../flow/user-error.ts';
import type { Log } from '../daemon/log.ts';
import { type ControlReply, MAX_REQUEST_OCTETS, parseRequest } from './control-protocol.ts';

/** Runs a command; throws UserError for what the client is to be told. */
export type ControlCommand = (args: readonly string[]) => ControlAnswer | Promise<ControlAnswer>;

export interface ControlAnswer {
  readonly lines: readonly string[];
  readonly data: unknown;
  /** Writes more output after the reply; the connection is closed once it is done. */
  readonly stream?: (socket: Socket) => Promise<void>;
}

export type ControlCommands = Readonly<Record<string, ControlCommand>>;

/** Clients at a time; more are sent away. */
const MAX_CONNECTIONS = 16;
/** A client that neither sends its request nor reads its answer for so long is cut off. */
const IDLE_MS = 10_000;

/** A local socket on which an operator asks and commands a running process; see control-protocol.ts. */
export class ControlSocket {
  private readonly server: Server;
  private readonly clients = new Set<Socket>();
  private commands: ControlCommands | undefined;
  private readonly warn: Log;
  private readonly idleMs: number;

  private constructor(path: string, server: Server, warn: Log, idleMs: number) {
    this.server = server;
    this.warn = warn;
    this.idleMs = idleMs;
    server.on('connection', (socket) => this.accept(socket));
    // Out of file handles, say: whoever asks next may have more luck.
    server.on('error', (error) => this.warn(`control socket ${path}: ${error.message}`));
  }

  /**
   * Only the owner may connect, and `group` where one is given. A socket that a crash left is replaced. Throws UserError
   * where another process answers on `path`, or something that is no socket is there.
   */
  static async listen(path: string, group: string | undefined, warn: Log, idleMs = IDLE_MS): Promise<ControlSocket> {
    await removeStale(path);
    const server = createServer();
    server.maxConnections = MAX_CONNECTIONS;
    // From its first moment on nobody else gets in.
    const mask = process.umask(0o177);
    try {
      server.listen(path);
    } finally {
      process.umask(mask);
    }
    try {
      await once(server, 'listening');
      if (group !== undefined) {
        chownSync(path, process.geteuid?.() ?? 0, groupId(group));
        chmodSync(path, 0o660);
      }
    } catch (cause) {
      server.close();
      if (cause instanceof UserError) throw cause;
      // The system layer below says "permission denied" of that.
      const why = existsSync(dirname(path)) ? (cause as Error).message : `there is no directory ${dirname(path)}`;
      throw new UserError(`cannot make the control socket ${path} (--control): ${why}`, { cause });
    }
    return new ControlSocket(path, server, warn, idleMs);
  }

  serve(commands: ControlCommands): void {
    this.commands = commands;
  }

  /** Ends at once, with requests under way; those who have their reply get it. Takes the socket off the file system. */
  close(): void {
    this.server.close();
    for (const socket of this.clients) socket.destroySoon();
  }

  private accept(socket: Socket): void {
    this.clients.add(socket);
    socket.on('close', () => this.clients.delete(socket));
    // A connection that breaks is the client's affair.
    socket.on('error', () => {});
    socket.setTimeout(this.idleMs, () => socket.destroy());
    let received = '';
    socket.setEncoding('utf8');
    const onData = (chunk: string) => {
      received += chunk;
      const end = received.indexOf('\n');
      if (end < 0 && received.length <= MAX_REQUEST_OCTETS) return;
      socket.off('data', onData);
      socket.resume();
      void this.answer(socket, end < 0 || end > MAX_REQUEST_OCTETS ? undefined : received.slice(0, end));
    };
    socket.on('data', onData);
  }

  private async answer(socket: Socket, line: string | undefined): Promise<void> {
    const request = line === undefined ? undefined : parseRequest(line);
    try {
      if (request === undefined) throw new UserError('a request is one line: {"command": "status"}');
      if (this.commands === undefined) throw new UserError('starting: ask again in a moment');
      const command = Object.hasOwn(this.commands, request.command) ? this.commands[request.command] : undefined;
      if (command === undefined) {
        const known = Object.keys(this.commands).join(', ');
        throw new UserError(`there is no command "${request.command.slice(0, 64)}": ${known}`);
      }
      // While it is us who keep the client waiting: expire-all may take minutes.
      socket.setTimeout(0);
      const { lines, data, stream } = await command(request.arguments ?? []);
      this.reply(socket, { ok: true, lines, data, ...(stream === undefined ? {} : { text: true }) });
      await stream?.(socket);
    } catch (error) {
      const { message } = error as Error;
      if (!(error instanceof UserError)) this.warn(`control command ${request?.command}: ${message}`);
      this.reply(socket, { ok: false, error: message });
    }
    socket.end();
  }

  private reply(socket: Socket, reply: ControlReply): void {
    socket.setTimeout(this.idleMs);
    if (socket.writable) socket.write(`${JSON.stringify(reply)}\n`);
  }
}

/** Removes the socket of a process that is no more. */
async function removeStale(path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isSocket()) throw new UserError(`${path} (--control) is there already and no socket: remove it`);
  const probe = connect(path);
  const isAnswered = await once(probe, 'connect').then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT',
  );
  probe.destroy();
  if (isAnswered) throw new UserError(`another process has the control socket ${path}: give another --control`);
  try {
    unlinkSync(path);
  } catch (cause) {
    throw new UserError(`cannot replace the control socket ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** Number of a group, which the system may know by name. Throws UserError. */
function groupId(group: string): number {
  if (/^\d{1,9}$/.test(group)) return Number(group);
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`${group}:`));
  const id = Number(line?.split(':')[2]);
  if (!Number.isInteger(id)) throw new UserError(`--control-group: /etc/group has no group "${group}"`);
  return id;
}
