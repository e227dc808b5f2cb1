import { escapeControls } from '../flow/json.ts';
import { oneLine } from '../flow/one-line.ts';
import { UserError } from '../flow/user-error.ts';
import { askControl, controlPath } from '../pipeline/export/control-client.ts';
import { commandParser, last } from './parse.ts';

const COMMANDS = `Commands:
  status           what is read and sent, and how many flows are at hand
  statistics       everything that was counted since the start
  flows [FORMAT]   the flows at hand, in any format of weir dump -o [line]
  timeouts [NAME=SECONDS ...]  the timeouts in force; changes them until the next reload or restart
  expire-all       all flows leave at once
  send-template    templates go out again
  stop             send the flows at hand, and end`;

/** `weir ctl`: asks and commands a running `weir export` over its control socket. */
export async function ctlCommand(argv: string[]): Promise<number> {
  const parser = commandParser(argv, 'ctl')
    .usage('weir ctl [-s SOCKET] COMMAND [--json]')
    .option('s', {
      type: 'string',
      requiresArg: true,
      describe: 'path of the socket, or NAME for /run/weir/NAME/control [default: the only one there]',
    })
    .option('json', { type: 'boolean', describe: 'the answer as JSON, for programs' })
    .epilogue(COMMANDS);
  const args = await parser.parse();
  if (args['help'] === true || args['version'] === true) return 0;
  const [command, ...rest] = args._.map(String);
  if (command === undefined) throw new UserError('which command? such as status; see weir ctl --help');
  const isJson = last(args['json'] as boolean | boolean[] | undefined) === true;
  if (isJson && command === 'flows' && rest.length === 0) rest.push('json');
  // A reader that has gone, as `head` does, has seen enough.
  process.stdout.on('error', () => process.exit(0));
  const reply = await askControl(
    controlPath(last(args['s'] as string | string[] | undefined)),
    { command, arguments: rest },
    writeOut,
  );
  if (reply.text) return 0;
  const lines = isJson ? [escapeControls(JSON.stringify(reply.data))] : reply.lines.map(oneLine);
  await writeOut(lines.map((line) => `${line}\n`).join(''));
  return 0;
}

/** Resolves once the system has taken it. */
function writeOut(piece: string | Buffer): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(piece, () => resolve());
  });
}
