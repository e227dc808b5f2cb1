import { basename } from 'node:path';
import { isUserError, UserError } from '../flow/user-error.ts';

/** One loader a command: a command pays only for the modules it needs. */
const commands: Record<string, () => Promise<(argv: string[]) => Promise<number>>> = {
  export: async () => (await import('./export.ts')).exportCommand,
  collect: async () => (await import('./collect.ts')).collectCommand,
  exporters: async () => (await import('./exporters.ts')).exportersCommand,
  ctl: async () => (await import('./ctl.ts')).ctlCommand,
  expire: async () => (await import('./expire.ts')).expireCommand,
  index: async () => (await import('./index.ts')).indexCommand,
  import: async () => (await import('./import.ts')).importCommand,
  replay: async () => (await import('./replay.ts')).replayCommand,
  anonymize: async () => (await import('./anonymize.ts')).anonymizeCommand,
  sql: async () => (await import('./sql.ts')).sqlCommand,
  top: async () => (await import('./top.ts')).topCommand,
  tail: async () => (await import('./tail.ts')).tailCommand,
  sampling: async () => (await import('./sampling.ts')).samplingCommand,
  dump: async () => (await import('./dump.ts')).dumpCommand,
};

const usage = `weir: flow exporter and collector

  weir export     packets (interface or capture file) to flows to NetFlow v5, v9, IPFIX or flow files
  weir collect    NetFlow v1, v5, v7, v9, IPFIX and sFlow to flow files
  weir dump       questions to flow files, in nfdump's language
  weir sql        questions to flow files, in SQL
  weir top        the busiest of a running store, live
  weir tail       flows of a running store as they come in
  weir import     flow files of nfcapd to flow files of weir
  weir replay     flow files to NetFlow v5, v9 and IPFIX datagrams
  weir anonymize  flow files to others whose addresses are anonymous
  weir ctl        questions and commands to a running weir export
  weir index      indexes of flow files that were stored or copied without, for fast answers about one host
  weir expire     old flow files deleted by size and age
  weir sampling   sampling rates of exporters corrected for later questions
  weir exporters  what a collector has from each exporter, and what was lost

\`weir COMMAND --help\` lists the options of a command; \`weir --version\` prints the version.
`;

/** Scripts call a program by its name: a link of such a name to this file is the command that takes the same line. */
const COMMAND_OF: Readonly<Record<string, string>> = { nfdump: 'dump', nfcapd: 'collect', sfcapd: 'collect' };

async function main(program: string, argv: string[]): Promise<number> {
  const linked = Object.hasOwn(COMMAND_OF, program) ? COMMAND_OF[program] : undefined;
  const [name, ...rest] = linked === undefined ? argv : [linked, ...argv];
  if (name === undefined || name === 'help' || name === '-h' || name === '--help') {
    process.stdout.write(usage);
    return name === undefined ? 1 : 0;
  }
  if (name === '-V' || name === '--version') {
    const { version } = await import('./version.ts');
    process.stdout.write(`weir ${version()}\n`);
    return 0;
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined) {
    throw new UserError(`there is no command "${name}": weir knows ${Object.keys(commands).join(', ')}`);
  }
  return (await load())(rest);
}

main(basename(process.argv[1] ?? ''), process.argv.slice(2)).then(
  (status) => {
    process.exitCode = status;
  },
  (error) => {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`weir: ${message}\n`);
    if (!isUserError(error) && process.env['WEIR_DEBUG'] !== undefined && error instanceof Error) {
      process.stderr.write(`${error.stack}\n`);
    }
    process.exitCode = isUserError(error) ? error.exitCode : 1;
  },
);
