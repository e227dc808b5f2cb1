import { type OptionTable, valueOption } from '../config/option.ts';
import type { OptionValues } from '../config/option-values.ts';
import type { ExportOptions } from '../pipeline/export-options.ts';
import { parseTimeouts, timeoutTable } from './export-timeouts.ts';

/** How packets become flows. */
export const meteringOptions: OptionTable = {
  ...timeoutTable,
  'max-flows': valueOption('flows held at a time; beyond it the longest idle leaves', '4194304'),
};

type Metering = Pick<ExportOptions, 'timeouts' | 'maxFlows'>;

export function parseMetering(values: OptionValues): Metering {
  return {
    timeouts: parseTimeouts(values),
    maxFlows: values.whole('max-flows', 16, 1 << 24),
  };
}
