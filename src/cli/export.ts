import type { OptionValues } from '../config/option-values.ts';
import { UserError } from '../flow/user-error.ts';
import { runExport } from '../pipeline/export/export.ts';
import type { ExportOptions } from '../pipeline/export/options.ts';
import { checkPlan, describePlan } from '../pipeline/export/plan.ts';
import { V5_SAMPLING_INTERVAL_MASK } from '../wire/protocol.ts';
import { fileOptions, parseFiles } from './export-files.ts';
import { inputOptions, parseInputs } from './export-inputs.ts';
import { meteringOptions, parseMetering } from './export-metering.ts';
import { parseRunning, runningOptions } from './export-running.ts';
import { parseSending, sendingOptions } from './export-sending.ts';
import { commandParser } from './parse.ts';
import { configOptions, readOptions } from './read-options.ts';

/** `weir export`: see `runExport` for what it does; exit status 0, 1 on anything lost or refused. */
export async function exportCommand(argv: string[]): Promise<number> {
  const options = await parseExportArguments(argv);
  if (options === undefined) return 0;
  if (options.preview !== undefined) {
    const lines = options.preview === 'plan' ? describePlan(options) : ['weir export: these options are right'];
    process.stdout.write(`${lines.join('\n')}\n`);
    return 0;
  }
  const status = await runExport(options, () => parseExportArguments(argv, true));
  // Neither npm package lets go of the event loop for certain when its session is closed.
  if (options.source !== 'native') process.exit(status);
  return status;
}

/**
 * Options of a command line and of its configuration file; undefined when it only asked for help or the version.
 * @param checks whether what can be found wrong without doing anything is looked for, as for --check
 */
export async function parseExportArguments(argv: string[], checks = false): Promise<ExportOptions | undefined> {
  const parser = commandParser(argv, 'export').usage(
    'weir export (-r FILE | -i INTERFACE) (-n HOST:PORT | -w DIR | -o FORMAT) [options] [BPF filter ...]',
  );
  const read = await readOptions(parser, {
    Packets: inputOptions,
    Flows: meteringOptions,
    'To collectors': sendingOptions,
    'To files and standard output': fileOptions,
    Running: { ...configOptions, ...runningOptions },
  });
  return read?.judge(async () => {
    const options = await exportOptions(read.values, read.operands);
    if (checks || options.preview !== undefined) await checkPlan(options);
    return options;
  });
}

async function exportOptions(values: OptionValues, operands: readonly string[]): Promise<ExportOptions> {
  const options: ExportOptions = {
    ...parseInputs(values, operands),
    ...parseMetering(values),
    ...(await parseSending(values)),
    ...parseFiles(values),
    ...parseRunning(values),
  };
  const { destinations, directory, print, version, sampling } = options;
  if (destinations.length === 0 && directory === undefined && print === undefined) {
    throw new UserError('nowhere to put flows: give -n HOST:PORT, -w DIR or -o FORMAT; see weir export --help');
  }
  if (version === 5 && sampling.rate > V5_SAMPLING_INTERVAL_MASK) {
    throw new UserError(`NetFlow v5 can tell sampling rates up to ${V5_SAMPLING_INTERVAL_MASK}: use -v 9 or 10`);
  }
  return options;
}
