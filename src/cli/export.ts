import { OptionValues } from '../config/option-values.ts';
import { UserError } from '../flow/user-error.ts';
import { runExport } from '../pipeline/export.ts';
import type { ExportOptions } from '../pipeline/export-options.ts';
import { checkPlan, describePlan } from '../pipeline/export-plan.ts';
import { fileOptions, parseFiles } from './export-files.ts';
import { inputOptions, parseInputs } from './export-inputs.ts';
import { meteringOptions, parseMetering } from './export-metering.ts';
import { parseRunning, runningOptions } from './export-running.ts';
import { parseSending, sendingOptions } from './export-sending.ts';
import { addOptions, commandParser } from './parse.ts';

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
  const parser = commandParser(argv, 'export').usage(
    'weir export (-r FILE | -i INTERFACE) (-n HOST:PORT | -w DIR | -o FORMAT) [options] [BPF filter ...]',
  );
  addOptions(parser, 'Packets:', inputOptions);
  addOptions(parser, 'Flows:', meteringOptions);
  addOptions(parser, 'To collectors:', sendingOptions);
  addOptions(parser, 'To files and standard output:', fileOptions);
  addOptions(parser, 'Running:', runningOptions);
  const args = await parser.parse();
  if (args['help'] === true || args['version'] === true) return undefined;
  return exportOptions(new OptionValues(args), args._.map(String));
}

function exportOptions(values: OptionValues, operands: readonly string[]): ExportOptions {
  const options: ExportOptions = {
    ...parseInputs(values, operands),
    ...parseMetering(values),
    ...parseSending(values),
    ...parseFiles(values),
    ...parseRunning(values),
  };
  const { destinations, directory, print, version, sampling } = options;
  if (destinations.length === 0 && directory === undefined && print === undefined) {
    throw new UserError('nowhere to put flows: give -n HOST:PORT, -w DIR or -o FORMAT; see weir export --help');
  }
  if (version === 5 && sampling.rate > V5_MOST_SAMPLING) {
    throw new UserError(`NetFlow v5 can tell sampling rates up to ${V5_MOST_SAMPLING}: use -v 9 or 10`);
  }
  return options;
}

/** Fourteen bits of the header. */
const V5_MOST_SAMPLING = 0x3fff;
