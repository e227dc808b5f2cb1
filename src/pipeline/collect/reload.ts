import { changedKeys, type Reloaded, withKept } from '../daemon/reload.ts';
import type { AfterSlot } from './after-slot.ts';
import type { CollectOptions } from './options.ts';
import type { RepeaterSwitch } from './repeater.ts';

/** What of a change takes effect while datagrams go on being received; of the rest the name of the setting. */
type Effect = 'repeat' | 'command' | 'expire' | 'quiet' | 'none' | { readonly restart: string };

const EFFECTS: Readonly<Record<keyof CollectOptions, Effect>> = {
  repeatTo: 'repeat',
  command: 'command',
  expires: 'expire',
  quiet: 'quiet',
  notes: 'none',
  configFile: 'none',
  isBackground: 'none',
  plan: { restart: 'directory, sources, directory-by-exporter, ident' },
  files: { restart: 'captures' },
  ports: { restart: 'ports' },
  device: { restart: 'interface' },
  workers: { restart: 'workers' },
  keepsSource: { restart: 'repeat-with-source' },
  listeners: { restart: 'ports, address, listen, groups' },
  tls: { restart: 'tls-cert, tls-key, tls-ca' },
  receiveBufferBytes: { restart: 'receive-buffer' },
  sampling: { restart: 'sampling' },
  allowed: { restart: 'allow' },
  exporterRate: { restart: 'exporter-rate' },
  intervalSec: { restart: 'interval' },
  layout: { restart: 'sub-directories' },
  flushMs: { restart: 'flush' },
  metrics: { restart: 'metrics' },
  pidFile: { restart: 'pid-file' },
  identity: { restart: 'user, group' },
  logFile: { restart: 'log' },
  logFormat: { restart: 'log-format' },
};

export interface CollectTargets {
  readonly repeater: RepeaterSwitch;
  readonly after: AfterSlot;
  setQuiet(quiet: boolean): void;
}

/** Puts into force what can be of `next`; all of that or, where it throws, nothing. `options` are those in force then. */
export function reloadCollect(
  before: CollectOptions,
  next: CollectOptions,
  { repeater, after, setQuiet }: CollectTargets,
): Reloaded & { readonly options: CollectOptions } {
  const changed = changedKeys(before, next);
  const has = (effect: Effect) => changed.some((key) => EFFECTS[key] === effect);
  // The only one that can fail.
  if (has('repeat')) repeater.replace(next.repeatTo);
  if (has('command')) after.setCommand(next.command);
  if (has('expire')) after.setExpiry(before.plan, next.expires);
  if (has('quiet')) setQuiet(next.quiet);
  const waiting = changed.filter((key) => typeof EFFECTS[key] === 'object');
  return {
    applied: (['repeat', 'command', 'expire', 'quiet'] as const).filter(has),
    restart: waiting.map((key) => (EFFECTS[key] as { restart: string }).restart),
    options: withKept(before, next, waiting),
  };
}
