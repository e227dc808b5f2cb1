import { changedKeys, type Reloaded, withKept } from '../daemon/reload.ts';
import type { ExportOptions } from './options.ts';
import type { ExportRuntime } from './runtime.ts';

/** What of a change takes effect while packets go on being metered; of the rest the name of the setting. */
type Effect = 'timeouts' | 'template' | 'collectors' | 'stats' | 'quiet' | 'none' | { readonly restart: string };

const EFFECTS: Readonly<Record<keyof ExportOptions, Effect>> = {
  timeouts: 'timeouts',
  destinations: 'collectors',
  balance: 'collectors',
  version: 'collectors',
  template: 'template',
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
  captureBufferMib: { restart: 'capture-buffer' },
  captureWaitMs: { restart: 'capture-wait' },
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
  /** Whether packets are captured with all that the template of `options` asks for. */
  canMeter(options: ExportOptions): boolean;
  /**
   * Opens what adds to flows what the template of `options` asks for. `apply` calls `switched` when all flows before have
   * left, and none of those that have it.
   */
  openMetering(options: ExportOptions): Promise<{ apply(switched: () => void): Promise<void>; abandon(): void }>;
  /** Opens the way to the collectors of `options`, and gives what puts it in the place of the one before. */
  openSenders(options: ExportOptions): Promise<() => void>;
  /** Goes on in the sessions that there are, with the template of `options`. */
  changeTemplate(options: ExportOptions): void;
  startStatistics(everySec: number): void;
  setQuiet(quiet: boolean): void;
}

/** Puts into force what can be of `next`; all of that or, where it throws, nothing. */
export async function reloadExport(
  runtime: ExportRuntime,
  asked: ExportOptions,
  actions: ReloadActions,
): Promise<Reloaded> {
  const before = runtime.options;
  const waiting = changedKeys(before, asked).filter((key) => typeof EFFECTS[key] === 'object');
  let next = withKept(before, asked, waiting);
  if (!actions.canMeter(next)) {
    waiting.push('template');
    next = withKept(before, asked, waiting);
  }
  const changed = changedKeys(before, next);
  const has = (effect: Effect) => changed.some((key) => EFFECTS[key] === effect);
  const metering = has('template') ? await actions.openMetering(next) : undefined;
  let replaceSenders: (() => void) | undefined;
  try {
    if (has('collectors')) replaceSenders = await actions.openSenders(next);
  } catch (error) {
    metering?.abandon();
    throw error;
  }
  // Flows of the former template go to the former senders.
  await metering?.apply(replaceSenders ?? (() => actions.changeTemplate(next)));
  if (metering === undefined) replaceSenders?.();
  if (has('timeouts')) runtime.setTimeouts(next.timeouts);
  if (has('stats')) actions.startStatistics(next.statsSec);
  if (has('quiet')) actions.setQuiet(next.quiet);
  const applied = (['timeouts', 'template', 'collectors', 'stats', 'quiet'] as const).filter(has);
  runtime.options = next;
  return { applied, restart: waiting.map(restartName) };
}

function restartName(key: keyof ExportOptions): string {
  const effect = EFFECTS[key];
  if (typeof effect === 'object') return effect.restart;
  return `${key} (packets are read without link addresses, VLANs, labels and fragment flags)`;
}
