import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { SamplingSetting } from '../collect/sampling.ts';
import { wholeNumber } from '../config/option-values.ts';
import { type Destination, parseDestination } from '../export/destination.ts';
import { UserError } from '../flow/user-error.ts';
import { startInBackground } from '../pipeline/background.ts';
import { type CollectOptions, runCollect } from '../pipeline/collect.ts';
import { parseSources } from './collect-sources.ts';
import { readCollectArguments } from './nfcapd-arguments.ts';
import { commandParser, last, list } from './parse.ts';

/** `weir collect`: see `runCollect` for what it does. */
export async function collectCommand(argv: string[]): Promise<number> {
  const parsed = await parseCollectArguments(argv);
  if (parsed === undefined) return 0;
  const { options, goesToBackground } = parsed;
  return goesToBackground ? startInBackground(['collect', '--in-background', ...argv]) : runCollect(options);
}

/** Beside the port of NetFlow. */
const DEFAULT_METRICS_PORT = 9996;

export interface ParsedCollect {
  options: CollectOptions;
  /** `-D`, and this is not yet the process in the background. */
  goesToBackground: boolean;
}

/** Options of a command line; undefined when it only asked for help or the version. */
export async function parseCollectArguments(argv: readonly string[]): Promise<ParsedCollect | undefined> {
  const { argv: spelled, notes } = readCollectArguments(argv);
  const args = await collectParser([...spelled]).parse();
  if (args['help'] === true || args['version'] === true) return undefined;
  const unexpected = args._[0];
  if (unexpected !== undefined) throw new UserError(`collect takes no "${unexpected}"; see weir collect --help`);
  const text = (name: string) => last(args[name] as string | string[] | undefined);
  const flag = (name: string) => last(args[name] as boolean | boolean[] | undefined) ?? false;
  const plan = parseSources({
    directories: [...list(args['w'] as string | string[]), ...list(args['l'] as string | string[])],
    ident: text('I'),
    listed: list(args['n'] as string | string[]),
    dynamic: text('M'),
  });
  const [user, group, pidFile, logFile, command, metrics] = ['u', 'g', 'P', 'log', 'x', 'metrics'].map(text);
  if (command?.trim() === '') throw new UserError('-x takes a command');
  const sampling = parseSampling(text('s'));
  const isBackground = flag('in-background');
  return {
    goesToBackground: flag('D') && !isBackground,
    options: {
      plan,
      files: list(args['f'] as string | string[]),
      ports: list(args['p'] as string | string[]).map((port) => wholeNumber('-p', port, 0, 65_535)),
      host: await listenAddress(text('b'), flag('4'), flag('6')),
      intervalSec: wholeNumber('-t', text('t'), 1, 86_400),
      layout: wholeNumber('-S', text('S'), 0, 8),
      receiveBufferBytes: wholeNumber('-B', text('B'), 4096, 2 ** 30),
      flushMs: wholeNumber('--flush', text('flush'), 100, 60_000),
      expires: flag('e'),
      repeatTo: parseRepeaters(list(args['R'] as string | string[])),
      ...(sampling === undefined ? {} : { sampling }),
      ...(metrics === undefined ? {} : { metrics: parseDestination(metrics, DEFAULT_METRICS_PORT) }),
      ...(command === undefined ? {} : { command }),
      ...(pidFile === undefined ? {} : { pidFile }),
      identity: { ...(user === undefined ? {} : { user }), ...(group === undefined ? {} : { group }) },
      ...(logFile === undefined ? {} : { logFile }),
      isBackground,
      quiet: flag('q'),
      notes,
    },
  };
}

function collectParser(argv: string[]) {
  const value = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const;
  const flag = (describe: string) => ({ type: 'boolean', default: false, describe }) as const;
  return commandParser(argv, 'collect')
    .usage(
      'weir collect (-w DIR | -n IDENT,IP,DIR ... | -M DIR) [-p PORT] [-b HOST] [options]\nweir collect -w DIR -f FILE [options]',
    )
    .option('w', value('write flow files below this directory'))
    .option('l', value('the same, as old start lines have it'))
    .option(
      'n',
      value('IDENT,IP[;IP...],DIR: flows of these addresses or blocks go there, others are ignored (repeatable)'),
    )
    .option('M', value('a sub-directory of this one for each exporter'))
    .option('p', value('UDP port, repeatable [default: 9995]; with -f: only datagrams to these ports'))
    .option('b', value('address to listen on [default: all, IPv4 and IPv6]'))
    .option('4', flag('listen on IPv4 only'))
    .option('6', flag('listen on the IPv6 address, which takes IPv4 as well'))
    .option('f', value('read datagrams from a capture file instead (repeatable, in order)'))
    .option('t', { ...value('seconds a flow file covers'), default: '300' })
    .option('S', { ...value('sub-directories for flow files, 0 to 8 as in nfcapd'), default: '1' })
    .option('I', value('ident stored in flow files [default: none]'))
    .option('s', value('sampling rate of exporters that tell none; negative: of all, whatever they tell'))
    .option('R', value('HOST[/PORT]: send every datagram on to this collector (repeatable)'))
    .option('B', { ...value('socket receive buffer in octets'), default: '33554432' })
    .option(
      'x',
      value('command after each flow file, without shell: %f file below %d directory, %t slot, %u epoch, %i ident'),
    )
    .option('e', flag('after each flow file delete old ones, by the limits that weir expire -u keeps'))
    .option('D', flag('run in the background; see --log'))
    .option('P', value('write the process id to this file; refused while that process runs'))
    .option('u', value('user to become once the ports are bound'))
    .option('g', value('group to become once the ports are bound'))
    .option('log', value('append log lines to this file [default: standard error, with -D syslog]'))
    .option('metrics', value('HOST:PORT: serve /metrics, /livez and /readyz there by HTTP'))
    .option('flush', { ...value('milliseconds until a received flow is on disk'), default: '2000' })
    .option('q', flag('no log lines but warnings'))
    .option('in-background', { type: 'boolean', default: false, hidden: true });
}

function parseSampling(text: string | undefined): SamplingSetting | undefined {
  if (text === undefined) return undefined;
  const rate = /^-?\d{1,10}$/.test(text) ? Number(text) : 0;
  if (rate === 0 || Math.abs(rate) > 0xffff_ffff) {
    throw new UserError(`-s takes a rate such as 100, or -100 to override what exporters tell, not "${text}"`);
  }
  return { rate: Math.abs(rate), isFixed: rate < 0 };
}

/** As many as nfcapd takes. */
const MAX_REPEATERS = 8;

function parseRepeaters(texts: readonly string[]): Destination[] {
  if (texts.length > MAX_REPEATERS) throw new UserError(`-R: at most ${MAX_REPEATERS} collectors can be repeated to`);
  return texts.map((text) => parseDestination(text));
}

/** `-b`, `-4` and `-6` as one address. */
async function listenAddress(host: string | undefined, v4: boolean, v6: boolean): Promise<string> {
  if (v4 && v6) return listenAddress(host, false, false);
  if (host === undefined) return v4 ? '0.0.0.0' : v6 ? '::' : '*';
  const wanted = v4 ? 4 : v6 ? 6 : undefined;
  if (wanted === undefined || host === '*') return host;
  const family = isIP(host);
  if (family === wanted) return host;
  if (family !== 0) throw new UserError(`-b ${host} is not an IPv${wanted} address: leave out -${wanted}`);
  try {
    return (await lookup(host, { family: wanted })).address;
  } catch (cause) {
    throw new UserError(`-b ${host}: the name has no IPv${wanted} address`, { cause });
  }
}
