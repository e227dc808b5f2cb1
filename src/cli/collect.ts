import { UserError } from '../flow/user-error.ts';
import { type CollectOptions, runCollect } from '../pipeline/collect.ts';
import { commandParser, last, list, wholeNumber } from './parse.ts';

/** `weir collect`: see `runCollect` for what it does. */
export async function collectCommand(argv: string[]): Promise<number> {
  const options = await parseCollectArguments(argv);
  return options === undefined ? 0 : runCollect(options);
}

/** Options of a command line; undefined when it only asked for help or the version. */
export async function parseCollectArguments(argv: string[]): Promise<CollectOptions | undefined> {
  const args = await commandParser(argv, 'collect')
    .usage('weir collect -w DIR [-p PORT] [-b HOST] [options]\nweir collect -w DIR -f FILE [options]')
    .option('w', { type: 'string', requiresArg: true, describe: 'write flow files below this directory' })
    .option('p', {
      type: 'string',
      requiresArg: true,
      describe: 'UDP port [default: 9995]; with -f: only datagrams to this port',
    })
    .option('b', { type: 'string', requiresArg: true, describe: 'address to listen on [default: all, IPv4 and IPv6]' })
    .option('f', {
      type: 'string',
      requiresArg: true,
      describe: 'read datagrams from a capture file instead (repeatable, in order)',
    })
    .option('t', { type: 'string', requiresArg: true, default: '300', describe: 'seconds a flow file covers' })
    .option('S', {
      type: 'string',
      requiresArg: true,
      default: '1',
      describe: 'sub-directories for flow files, 0 to 8 as in nfcapd',
    })
    .option('I', { type: 'string', requiresArg: true, default: 'none', describe: 'ident stored in flow files' })
    .option('B', {
      type: 'string',
      requiresArg: true,
      default: '33554432',
      describe: 'socket receive buffer in octets',
    })
    .option('flush', {
      type: 'string',
      requiresArg: true,
      default: '2000',
      describe: 'milliseconds until a received flow is on disk',
    })
    .option('q', { type: 'boolean', default: false, describe: 'no log lines but warnings' })
    .parse();
  if (args['help'] === true || args['version'] === true) return undefined;
  const unexpected = args._[0];
  if (unexpected !== undefined) throw new UserError(`collect takes no "${unexpected}"; see weir collect --help`);
  const directory = last(args['w']);
  if (directory === undefined) throw new UserError('nowhere to put flows: give -w DIR; see weir collect --help');
  const ident = last(args['I']) ?? 'none';
  if (ident === '' || ident.length > 128 || /\s/.test(ident)) {
    throw new UserError(`-I takes a name without blanks, at most 128 characters, not "${ident}"`);
  }
  const port = last(args['p']);
  const host = last(args['b']);
  return {
    directory,
    files: list(args['f']),
    ...(port === undefined ? {} : { port: wholeNumber('-p', port, 0, 65_535) }),
    ...(host === undefined ? {} : { host }),
    intervalSec: wholeNumber('-t', last(args['t']), 1, 86_400),
    layout: wholeNumber('-S', last(args['S']), 0, 8),
    ident,
    receiveBufferBytes: wholeNumber('-B', last(args['B']), 4096, 2 ** 30),
    flushMs: wholeNumber('--flush', last(args['flush']), 100, 60_000),
    quiet: last(args['q']) ?? false,
  };
}
