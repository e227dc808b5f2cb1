import { UserError } from '../flow/user-error.ts';
import { type ExportOptions, runExport } from '../pipeline/export.ts';
import { commandParser, last, list, wholeNumber } from './parse.ts';

/** `weir export`: see `runExport` for what it does; exit status 0, 1 on anything lost or refused. */
export async function exportCommand(argv: string[]): Promise<number> {
  const options = await parseExportArguments(argv);
  if (options === undefined) return 0;
  const status = await runExport(options);
  // Neither npm package lets go of the event loop for certain when its session is closed.
  if (options.source !== 'native') process.exit(status);
  return status;
}

/** Options of a command line; undefined when it only asked for help or the version. */
export async function parseExportArguments(argv: string[]): Promise<ExportOptions | undefined> {
  const args = await commandParser(argv, 'export')
    .usage('weir export (-r FILE | -i INTERFACE) (-n HOST:PORT | -w DIR) [options] [BPF filter ...]')
    .option('r', {
      type: 'string',
      requiresArg: true,
      describe: 'read packets from a capture file (repeatable, in order)',
    })
    .option('i', { type: 'string', requiresArg: true, describe: 'capture from an interface' })
    .option('n', {
      type: 'string',
      requiresArg: true,
      describe: 'send flows to HOST:PORT (repeatable: each gets all flows)',
    })
    .option('v', { type: 'string', requiresArg: true, default: '9', describe: 'export version: 5, 9 or 10 (IPFIX)' })
    .option('w', { type: 'string', requiresArg: true, describe: 'write flow files below this directory' })
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
    .option('rate', {
      type: 'string',
      requiresArg: true,
      default: '0',
      describe: 'datagrams sent a second at most, 0 without limit',
    })
    .option('q', { type: 'boolean', default: false, describe: 'no summary at the end' })
    .parse();
  if (args['help'] === true || args['version'] === true) return undefined;

  const files = list(args['r']);
  const device = last(args['i']);
  if (files.length === 0 && device === undefined) {
    throw new UserError('nothing to read: give -r FILE or -i INTERFACE; see weir export --help');
  }
  if (files.length > 0 && device !== undefined) throw new UserError('-r and -i exclude each other: give one of them');
  const destinations = list(args['n']);
  const directory = last(args['w']);
  if (destinations.length === 0 && directory === undefined) {
    throw new UserError('nowhere to put flows: give -n HOST:PORT or -w DIR; see weir export --help');
  }
  const version = wholeNumber('-v', last(args['v']), 5, 10);
  if (version !== 5 && version !== 9 && version !== 10)
    throw new UserError(`-v takes 5, 9 or 10 (IPFIX), not ${version}`);
  const source = last(args['source']);
  if (source !== 'native' && source !== 'pcap' && source !== 'cap') {
    throw new UserError(`--source takes native, pcap or cap, not "${source}"`);
  }
  const filter = args._.join(' ').trim();
  const mtu = last(args['mtu']);
  return {
    files,
    ...(device === undefined ? {} : { device }),
    ...(filter === '' ? {} : { filter }),
    source,
    snapLength: wholeNumber('--snaplen', last(args['snaplen']), 64, 262_144),
    promiscuous: last(args['promiscuous']) ?? true,
    destinations,
    version,
    domain: wholeNumber('--domain', last(args['domain']), 0, 0xffff_ffff),
    ...(mtu === undefined ? {} : { mtu: wholeNumber('--mtu', mtu, 576, 65_507) }),
    datagramsPerSecond: wholeNumber('--rate', last(args['rate']), 0, 10_000_000),
    ...(directory === undefined ? {} : { directory }),
    intervalSec: wholeNumber('-t', last(args['t']), 1, 86_400),
    layout: wholeNumber('-S', last(args['S']), 0, 8),
    ident: last(args['I']) ?? 'none',
    activeSec: wholeNumber('--active', last(args['active']), 1, 604_800),
    inactiveSec: wholeNumber('--inactive', last(args['inactive']), 1, 604_800),
    maxFlows: wholeNumber('--max-flows', last(args['max-flows']), 16, 64 << 20),
    quiet: last(args['q']) ?? false,
  };
}
