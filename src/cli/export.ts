import type { InterfaceName, SamplingOptions } from '../export/options.ts';
import { type TemplatePreset, templatePresets } from '../export/templates.ts';
import { UserError } from '../flow/user-error.ts';
import { runExport } from '../pipeline/export.ts';
import type { ExportOptions } from '../pipeline/export-options.ts';
import { checkPlan, describePlan } from '../pipeline/export-plan.ts';
import { commandParser, last, list, wholeNumber } from './parse.ts';

/** `weir export`: see `runExport` for what it does; exit status 0, 1 on anything lost or refused. */
export async function exportCommand(argv: string[]): Promise<number> {
  const options = await parseExportArguments(argv);
  if (options === undefined) return 0;
  if (options.preview !== undefined) {
    checkPlan(options);
    const lines = options.preview === 'plan' ? describePlan(options) : ['weir export: these options are right'];
    process.stdout.write(`${lines.join('\n')}\n`);
    return 0;
  }
  const status = await runExport(options);
  // Neither npm package lets go of the event loop for certain when its session is closed.
  if (options.source !== 'native') process.exit(status);
  return status;
}

/** Options of a command line; undefined when it only asked for help or the version. */
export async function parseExportArguments(argv: string[]): Promise<ExportOptions | undefined> {
  const args = await commandParser(argv, 'export')
    .usage('weir export (-r FILE | -i INTERFACE) (-n HOST:PORT | -w DIR | -o FORMAT) [options] [BPF filter ...]')
    .option('r', {
      type: 'string',
      requiresArg: true,
      describe: 'read packets from a capture file, also gzip or zstd; - standard input, DIR all its files (repeatable)',
    })
    .option('i', {
      type: 'string',
      requiresArg: true,
      describe: 'capture from an interface, or any (repeatable: all at once)',
    })
    .option('n', {
      type: 'string',
      requiresArg: true,
      describe: 'send flows to HOST:PORT over UDP, or tcp://HOST:PORT (repeatable: each gets all flows)',
    })
    .option('balance', { type: 'boolean', default: false, describe: 'each destination gets a share of the flows' })
    .option('v', {
      type: 'string',
      requiresArg: true,
      describe: 'export version: 5, 9 or 10 (IPFIX) [default: 9, with tcp:// 10]',
    })
    .option('template', {
      type: 'string',
      requiresArg: true,
      default: 'default',
      describe: `fields sent (v9, IPFIX): ${templatePresets.join(', ')}`,
    })
    .option('w', { type: 'string', requiresArg: true, describe: 'write flow files below this directory' })
    .option('o', {
      type: 'string',
      requiresArg: true,
      describe: 'print flows as they end: json (one object a line), csv, text, or any format of weir dump -o',
    })
    .option('dry-run', { type: 'boolean', default: false, describe: 'print plan and templates, and end' })
    .option('check', { type: 'boolean', default: false, describe: 'say whether the options are right, and end' })
    .option('t', { type: 'string', requiresArg: true, default: '300', describe: 'seconds a flow file covers' })
    .option('S', {
      type: 'string',
      requiresArg: true,
      default: '1',
      describe: 'sub-directories for flow files, 0 to 8 as in nfcapd',
    })
    .option('I', { type: 'string', requiresArg: true, default: 'none', describe: 'ident stored in flow files' })
    .option('active', { type: 'string', requiresArg: true, default: '300', describe: 'active timeout in seconds' })
    .option('inactive', { type: 'string', requiresArg: true, default: '60', describe: 'inactive timeout in seconds' })
    .option('max-flows', {
      type: 'string',
      requiresArg: true,
      default: '4194304',
      describe: 'flows held at a time; beyond it the longest idle leaves',
    })
    .option('sampling', {
      type: 'string',
      requiresArg: true,
      default: '1',
      describe: 'meter one packet of N: N takes the first of each, N:random any',
    })
    .option('speed', {
      type: 'string',
      requiresArg: true,
      default: '0',
      describe: 'replay at N times the speed of the capture, 1 as captured, 0 without pause',
    })
    .option('source', {
      type: 'string',
      requiresArg: true,
      default: 'native',
      describe: 'packet reader: native, pcap or cap (npm packages)',
    })
    .option('snaplen', {
      type: 'string',
      requiresArg: true,
      default: '256',
      describe: 'octets captured of each packet on an interface',
    })
    .option('promiscuous', {
      type: 'boolean',
      default: true,
      describe: 'take packets that are not for this host (interfaces)',
    })
    .option('mtu', {
      type: 'string',
      requiresArg: true,
      describe: 'largest datagram payload in octets [default: 1472, IPv6 1452]',
    })
    .option('domain', {
      type: 'string',
      requiresArg: true,
      default: '0',
      describe: 'v9 source id, IPFIX domain, v5 engine',
    })
    .option('refresh-seconds', {
      type: 'string',
      requiresArg: true,
      default: '60',
      describe: 'templates and options are sent again after so long,',
    })
    .option('refresh-packets', {
      type: 'string',
      requiresArg: true,
      default: '256',
      describe: 'and after so many datagrams',
    })
    .option('if-name', {
      type: 'string',
      requiresArg: true,
      describe: 'INDEX=NAME: name of an interface in options data (repeatable) [default: the system names them]',
    })
    .option('source-address', { type: 'string', requiresArg: true, describe: 'address of this host to send from' })
    .option('rate', {
      type: 'string',
      requiresArg: true,
      default: '0',
      describe: 'datagrams sent a second at most, 0 without limit',
    })
    .option('stats', {
      type: 'string',
      requiresArg: true,
      default: '60',
      describe: 'seconds between lines about each interface, 0 for none; SIGUSR1 prints them at once',
    })
    .option('u', { type: 'string', requiresArg: true, describe: 'user to become once everything is open' })
    .option('g', { type: 'string', requiresArg: true, describe: 'group to become once everything is open' })
    .option('q', { type: 'boolean', default: false, describe: 'no progress, no statistics, no summary: only losses' })
    .parse();
  if (args['help'] === true || args['version'] === true) return undefined;

  const files = list(args['r']);
  const devices = list(args['i']);
  if (files.length === 0 && devices.length === 0) {
    throw new UserError('nothing to read: give -r FILE or -i INTERFACE; see weir export --help');
  }
  if (files.length > 0 && devices.length > 0) throw new UserError('-r and -i exclude each other: give one of them');
  const twice = devices.find((device, i) => devices.indexOf(device) !== i);
  if (twice !== undefined) throw new UserError(`-i ${twice} is given twice: its packets would count twice`);
  if (devices.includes('any') && devices.length > 1) {
    throw new UserError('-i any has all interfaces: another -i would count its packets twice');
  }
  const speed = speedOf(last(args['speed']));
  if (speed > 0 && files.length === 0) throw new UserError('--speed is for capture files (-r)');
  const destinations = list(args['n']);
  const directory = last(args['w']);
  const print = last(args['o']);
  if (destinations.length === 0 && directory === undefined && print === undefined) {
    throw new UserError('nowhere to put flows: give -n HOST:PORT, -w DIR or -o FORMAT; see weir export --help');
  }
  const overTcp = destinations.some((destination) => destination.startsWith('tcp://'));
  const version = wholeNumber('-v', last(args['v']) ?? (overTcp ? '10' : '9'), 5, 10);
  if (version !== 5 && version !== 9 && version !== 10)
    throw new UserError(`-v takes 5, 9 or 10 (IPFIX), not ${version}`);
  if (overTcp && version === 5) throw new UserError('NetFlow v5 goes over UDP only: use -v 10 or 9 with tcp://');
  const source = last(args['source']);
  if (source !== 'native' && source !== 'pcap' && source !== 'cap') {
    throw new UserError(`--source takes native, pcap or cap, not "${source}"`);
  }
  const sampling = samplingOf(last(args['sampling']));
  if (version === 5 && sampling.rate > V5_MOST_SAMPLING) {
    throw new UserError(`NetFlow v5 can tell sampling rates up to ${V5_MOST_SAMPLING}: use -v 9 or 10`);
  }
  const template = last(args['template']);
  if (!isTemplatePreset(template)) {
    throw new UserError(`--template takes ${templatePresets.join(', ')}, not "${template}"`);
  }
  const balance = last(args['balance']) ?? false;
  if (balance && destinations.length < 2) throw new UserError('--balance shares flows among several -n HOST:PORT');
  const user = last(args['u']);
  const group = last(args['g']);
  const sourceAddress = last(args['source-address']);
  const filter = args._.join(' ').trim();
  const mtu = last(args['mtu']);
  return {
    files,
    devices,
    ...(filter === '' ? {} : { filter }),
    source,
    snapLength: wholeNumber('--snaplen', last(args['snaplen']), 64, 262_144),
    promiscuous: last(args['promiscuous']) ?? true,
    speed,
    sampling,
    identity: { ...(user === undefined ? {} : { user }), ...(group === undefined ? {} : { group }) },
    destinations,
    balance,
    version,
    template,
    refreshSeconds: wholeNumber('--refresh-seconds', last(args['refresh-seconds']), 1, 86_400),
    refreshDatagrams: wholeNumber('--refresh-packets', last(args['refresh-packets']), 1, 0xffff_ffff),
    interfaceNames: list(args['if-name']).map(interfaceNameOf),
    ...(sourceAddress === undefined ? {} : { sourceAddress }),
    domain: wholeNumber('--domain', last(args['domain']), 0, 0xffff_ffff),
    ...(mtu === undefined ? {} : { mtu: wholeNumber('--mtu', mtu, 576, 65_507) }),
    datagramsPerSecond: wholeNumber('--rate', last(args['rate']), 0, 10_000_000),
    ...(directory === undefined ? {} : { directory }),
    ...(print === undefined ? {} : { print }),
    intervalSec: wholeNumber('-t', last(args['t']), 1, 86_400),
    layout: wholeNumber('-S', last(args['S']), 0, 8),
    ident: last(args['I']) ?? 'none',
    activeSec: wholeNumber('--active', last(args['active']), 1, 604_800),
    inactiveSec: wholeNumber('--inactive', last(args['inactive']), 1, 604_800),
    maxFlows: wholeNumber('--max-flows', last(args['max-flows']), 16, 64 << 20),
    statsSec: wholeNumber('--stats', last(args['stats']), 0, 86_400),
    quiet: last(args['q']) ?? false,
    ...(last(args['dry-run']) === true
      ? { preview: 'plan' }
      : last(args['check']) === true
        ? { preview: 'check' }
        : {}),
  };
}

/** Fourteen bits of the header. */
const V5_MOST_SAMPLING = 0x3fff;

function isTemplatePreset(name: string | undefined): name is TemplatePreset {
  return (templatePresets as readonly (string | undefined)[]).includes(name);
}

function samplingOf(text: string | undefined): SamplingOptions {
  const match = /^(\d+)(:random)?$/.exec(text ?? '');
  const rate = Number(match?.[1]);
  if (match === null || rate < 1 || rate > 0xffff_ffff) {
    throw new UserError(`--sampling takes N or N:random with N from 1 to 4294967295, not "${text}"`);
  }
  return { rate, random: match[2] !== undefined };
}

function speedOf(text: string | undefined): number {
  const speed = /^\d+(\.\d+)?$/.test(text ?? '') ? Number(text) : Number.NaN;
  if (!(speed === 0 || (speed >= 0.001 && speed <= 1e6))) {
    throw new UserError(`--speed takes 0 or a number from 0.001 to 1000000, not "${text}"`);
  }
  return speed;
}

function interfaceNameOf(text: string): InterfaceName {
  const [, index = '', name = ''] = /^(\d+)=(.+)$/s.exec(text) ?? [];
  if (index === '' || Number(index) > 0xffff_ffff) {
    throw new UserError(`--if-name takes INDEX=NAME, for example 2=uplink, not "${text}"`);
  }
  return { index: Number(index), name };
}
