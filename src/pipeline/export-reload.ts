import type { ExportOptions } from './export-options.ts';
import type { ExportRuntime } from './export-runtime.ts';
import { changedKeys, type Reloaded, withKept } from './reload.ts';

/** What of a change takes effect while packets go on being metered; of the rest the name of the setting. */
type Effect = 'timeouts' | 'collectors' | 'stats' | 'quiet' | 'none' | { readonly restart: string };

const EFFECTS: Readonly<Record<keyof ExportOptions, Effect>> = {
  timeouts: 'timeouts',
  destinations: 'collectors',
  balance: 'collectors',
  version: 'collectors',
  template: 'collectors',
  refreshSeconds: 'collectors',
  refreshDatagrams: 'collectors',
  interfaceNames: 'collectors',
  sourceAddress: 'collectors',
  dscp: 'collectors',
  ttl: 'collectors',
  multicastInterface: 'collectors',
  tls: 'collectors',
  maxRecords4: 'collectors',
  maxRecords6: 'collectors',
  domain: 'collectors',
  mtu: 'collectors',
  datagramsPerSecond: 'collectors',
  statsSec: 'stats',
  quiet: 'quiet',
  preview: 'none',
  configFile: 'none',
  files: { restart: 'captures' },
  interfaces: { restart: 'interfaces' },
  localMacs: { restart: 'local-mac' },
  localNets: { restart: 'local-net' },
  localVlans: { restart: 'local-vlan' },
  routes: { restart: 'routes' },
  asnFile: { restart: 'asn' },
  filter: { restart: 'filter' },
  source: { restart: 'source' },
  snapLength: { restart: 'snaplen' },
  promiscuous: { restart: 'promiscuous' },
  speed: { restart: 'speed' },
  sampling: { restart: 'sampling' },
  decap: { restart: 'decap' },
  dedupMs: { restart: 'dedup' },
  key: { restart: 'track' },
  biflow: { restart: 'biflow' },
  whenFull: { restart: 'when-full' },
  workers: { restart: 'workers' },
  maxFlows: { restart: 'max-flows' },
  identity: { restart: 'user, group' },
  directory: { restart: 'directory' },
  print: { restart: 'print' },
  intervalSec: { restart: 'interval' },
  layout: { restart: 'sub-directories' },
  ident: { restart: 'ident' },
  metrics: { restart: 'metrics' },
  control: { restart: 'control' },
  controlGroup: { restart: 'control-group' },
  logFile: { restart: 'log' },
  logFormat: { restart: 'log-format' },
};

export interface ReloadActions {
  /** Opens the way to the collectors of `options`, and gives what puts it in the place of the one before. */
  openSenders(options: ExportOptions): Promise<() => void>;
  startStatistics(everySec: number): void;
  setQuiet(quiet: boolean): void;
}

/** Puts into force what can be of `next`; all of that or, where it throws, nothing. */
export async function reloadExport(
  runtime: ExportRuntime,
  next: ExportOptions,
  actions: ReloadActions,
): Promise<Reloaded> {
  const before = runtime.options;
  const changed = changedKeys(before, next);
  const has = (effect: Effect) => changed.some((key) => EFFECTS[key] === effect);
  const replaceSenders = has('collectors') ? await actions.openSenders(next) : undefined;
  if (has('timeouts')) runtime.setTimeouts(next.timeouts);
  replaceSenders?.();
  if (has('stats')) actions.startStatistics(next.statsSec);
  if (has('quiet')) actions.setQuiet(next.quiet);
  const applied = (['timeouts', 'collectors', 'stats', 'quiet'] as const).filter(has);
  const waiting = changed.filter((key) => typeof EFFECTS[key] === 'object');
  runtime.options = withKept(before, next, waiting);
  return { applied, restart: waiting.map((key) => (EFFECTS[key] as { restart: string }).restart) };
}
