import { type OptionTable, valueOption } from '../config/option.ts';
import type { OptionValues } from '../config/option-values.ts';
import type { ExportOptions } from '../pipeline/export-options.ts';

/** How packets become flows. */
export const meteringOptions: OptionTable = {
  active: valueOption('active timeout in seconds', '300'),
  inactive: valueOption('inactive timeout in seconds', '60'),
  'max-flows': valueOption('flows held at a time; beyond it the longest idle leaves', '4194304'),
};

type Metering = Pick<ExportOptions, 'activeSec' | 'inactiveSec' | 'maxFlows'>;

export function parseMetering(values: OptionValues): Metering {
  return {
    activeSec: values.whole('active', 1, 604_800),
    inactiveSec: values.whole('inactive', 1, 604_800),
    maxFlows: values.whole('max-flows', 16, 64 << 20),
  };
}
