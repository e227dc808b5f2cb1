import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process';
import { addon } from '../../addon/addon.ts';
import { UserError } from '../../flow/user-error.ts';

/** Who the process is to be once its ports are bound; names or numbers. */
export interface Identity {
  readonly user?: string;
  readonly group?: string;
}

export function givesUpPrivileges({ user, group }: Identity): boolean {
  return user !== undefined || group !== undefined;
}

/**
 * Becomes another user and group, for good. A user without a group brings the groups that the system has for it. Throws
 * UserError when the system knows no such user or group, or this process is not root.
 */
export function becomeIdentity(identity: Identity): void {
  const { user, group } = identity;
  if (!givesUpPrivileges(identity)) return;
  // Whom we become may not be able to read it where weir is installed.
  addon();
  const { setuid, setgid, setgroups, geteuid } = process;
  const { initgroups } = process as { initgroups?: (user: string, extraGroup: string | number) => void };
  if (!setuid || !setgid || !setgroups || !initgroups || geteuid?.() !== 0) {
    throw new UserError('-u and -g change who the process is, which takes root: start it as root, or leave them out');
  }
  try {
    const gid = group ?? (user === undefined ? undefined : Number(execFileSync('id', ['-g', '--', user], idOptions)));
    const isNumber = user === undefined || /^\d+$/.test(user);
    if (gid !== undefined) {
      const id = typeof gid === 'string' && /^\d+$/.test(gid) ? Number(gid) : gid;
      // Groups first: afterwards they are not ours to change.
      if (isNumber) setgroups.call(process, [id]);
      else initgroups.call(process, user, id);
      setgid.call(process, id);
    }
    if (user !== undefined) setuid.call(process, isNumber ? Number(user) : user);
  } catch (cause) {
    const who = [user && `user ${user}`, group && `group ${group}`].filter(Boolean).join(', ');
    throw new UserError(`cannot become ${who} (-u, -g): ${reason(cause)}`, { cause });
  }
}

/** An error that such a change may have led to, with who we are now. */
export function explainIdentity(error: unknown, identity: Identity): unknown {
  if (!givesUpPrivileges(identity)) return error;
  if (!isRefusal(error)) return error;
  return new UserError(`${error.message}: by now weir is ${whoIs(identity)}, who needs the right to write there`, {
    cause: error,
  });
}

/** The same of an error of opening an interface: why that will not do any more, or null for what is no lack of rights. */
export function explainRefusedCapture(error: unknown, device: string, identity: Identity): string | null {
  if (!isRefusal(error)) return null;
  const why = givesUpPrivileges(identity) ? `by now weir is ${whoIs(identity)}; ${COMING_AND_GOING}` : error.message;
  return `${device} is back, but may not be captured any more: ${why}`;
}

export const COMING_AND_GOING =
  'who is to capture interfaces that come and go starts it as that user with CAP_NET_RAW, as the systemd unit does';

function isRefusal(error: unknown): error is UserError {
  return error instanceof UserError && /EACCES|EPERM|[Pp]ermission denied|not permitted/.test(error.message);
}

function whoIs({ user, group }: Identity): string {
  return user === undefined ? `group ${group} (-g)` : `user ${user} (-u)`;
}

const idOptions: ExecFileSyncOptionsWithStringEncoding = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] };

function reason(cause: unknown): string {
  const { stderr, message } = cause as Error & { stderr?: string };
  return (stderr ?? '').trim() || message;
}
