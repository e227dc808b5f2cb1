import { readdirSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { UserError } from '../../flow/user-error.ts';
import type { ControlReply, ControlRequest } from './control-protocol.ts';

/** Where the service units have the sockets of their instances: `/run/weir/NAME/control`. */
const RUN_DIRECTORY = '/run/weir';
const SOCKET_NAME = 'control';

/** More than any reply has; it comes from a process that may not be weir. */
const MAX_REPLY_CHARACTERS = 1 << 24;
const TIMEOUT_MS = 30_000;
/** `expire-all` answers when all flows have gone, no faster than the collectors and `--rate` take them. */
const EXPIRE_TIMEOUT_MS = 600_000;

/**
 * The socket meant by a path or the name of an instance in `directory`; without one that of the only instance there. Throws
 * UserError.
 */
export function controlPath(given: string | undefined, directory = RUN_DIRECTORY): string {
  if (given !== undefined) return given.includes('/') ? given : join(directory, given, SOCKET_NAME);
  const names = instances(directory);
  if (names.length === 1) return join(directory, names[0]!, SOCKET_NAME);
  throw new UserError(
    names.length === 0
      ? `which weir export? There is none in ${directory}: give -s SOCKET, as its --control has it`
      : `which weir export? Give -s with one of ${names.join(', ')}`,
  );
}

/** What else is there (a pid file, a directory of somebody else) is none. */
function instances(directory: string): string[] {
  return namesIn(directory)
    .filter((name) => namesIn(join(directory, name)).includes(SOCKET_NAME))
    .toSorted();
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Sends a request; hands on the text that follows the reply piece by piece, waiting for `onText`. Throws UserError. */
export async function askControl(
  path: string,
  request: ControlRequest,
  onText: (piece: Buffer) => Promise<void>,
): Promise<Extract<ControlReply, { ok: true }>> {
  const socket = connect(path);
  const timeoutMs = request.command === 'expire-all' ? EXPIRE_TIMEOUT_MS : TIMEOUT_MS;
  socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no answer')));
  socket.write(`${JSON.stringify(request)}\n`);
  try {
    return await readReply(socket, path, onText);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path}: ${reason(error as NodeJS.ErrnoException, path)}`, { cause: error });
  } finally {
    socket.destroy();
  }
}

async function readReply(socket: Socket, path: string, onText: (piece: Buffer) => Promise<void>) {
  let head = Buffer.alloc(0);
  let reply: ControlReply | undefined;
  for await (const piece of socket as AsyncIterable<Buffer>) {
    if (reply !== undefined) {
      await onText(piece);
      continue;
    }
    head = Buffer.concat([head, piece]);
    const end = head.indexOf(0x0a);
    if (end < 0 && head.length > MAX_REPLY_CHARACTERS) break;
    if (end < 0) continue;
    reply = JSON.parse(String(head.subarray(0, end))) as ControlReply;
    if (!reply.ok) throw new UserError(reply.error);
    if (end + 1 < head.length) await onText(head.subarray(end + 1));
  }
  if (reply === undefined || !reply.ok) throw new UserError(`${path}: ended without an answer`);
  return reply;
}

function reason({ code, message }: NodeJS.ErrnoException, path: string): string {
  switch (code) {
    case 'ENOENT':
      return 'there is no such socket: weir export makes it with --control';
    case 'ECONNREFUSED':
      return statSync(path, { throwIfNoEntry: false })?.isSocket() === false
        ? 'this is no socket: weir export makes it with --control'
        : 'nobody answers: the process that made this socket has ended';
    case 'EACCES':
      return 'permission denied: be its owner, or in the group that --control-group names';
    default:
      return message;
  }
}
