import { parseAddress } from '../../flow/address.ts';
import { UserError } from '../../flow/user-error.ts';
import { type RateRule, readRates, storeDirectory, writeRates } from '../../store/sampling-rates.ts';

export type SamplingCommand =
  | { readonly action: 'set'; readonly directory: string; readonly rule: RateRule }
  | { readonly action: 'list'; readonly directory: string }
  /** By the number of the list; all rules of an exporter without one. */
  | { readonly action: 'remove'; readonly directory: string; readonly rule: number | string };

/** Shows and changes the rates that queries take instead of those of the flows; returns the exit status. */
export async function runSampling(command: SamplingCommand, write: (line: string) => void): Promise<number> {
  const directory = await storeDirectory(command.directory);
  const rules = await readRates(directory);
  switch (command.action) {
    case 'set':
      await writeRates(directory, [...rules, command.rule]);
      write(describeRule(command.rule, rules.length));
      return 0;
    case 'remove': {
      const { rule } = command;
      const kept = rules.filter((one, index) =>
        typeof rule === 'number' ? index + 1 !== rule : one.exporter !== rule,
      );
      if (kept.length === rules.length) {
        throw new UserError(
          `${command.directory} has no corrected rate ${typeof rule === 'number' ? rule : `of ${rule}`}; see weir sampling list ${command.directory}`,
        );
      }
      await writeRates(directory, kept);
      return 0;
    }
    case 'list':
      rules.forEach((rule, index) => {
        write(describeRule(rule, index));
      });
      return 0;
  }
}

function describeRule({ exporter, rate, fromMs, toMs }: RateRule, index: number): string {
  const time = (ms: number) => new Date(ms).toISOString();
  const from = fromMs === undefined ? '' : `  from ${time(fromMs)}`;
  const to = toMs === undefined ? '' : `  to ${time(toMs)}`;
  return `${index + 1}  ${exporter}  1:${rate}${from}${to}`;
}

/** An exporter's address as rules have it. Throws a UserError for anything else. */
export function exporterAddress(text: string): string {
  if (parseAddress(text) === undefined) throw new UserError(`--exporter: "${text}" is no IP address`);
  return text;
}
