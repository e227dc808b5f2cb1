import { type OptionTable, openFlagOption, valueOption } from '../config/option.ts';
import type { OptionValues } from '../config/option-values.ts';
import type { ExportOptions } from '../pipeline/export-options.ts';

/** How packets become flows. */
export const meteringOptions: OptionTable = {
  active: valueOption('active timeout in seconds', '300'),
  inactive: valueOption('inactive timeout in seconds', '60'),
  'max-flows': valueOption('flows held at a time; beyond it the longest idle leaves', '4194304'),
  routes: openFlagOption('masks, next hop and output interface by the routes of this host [default: on a router]'),
  asn: valueOption('AS numbers out of a MaxMind database (.mmdb)'),
};

type Metering = Pick<ExportOptions, 'activeSec' | 'inactiveSec' | 'maxFlows' | 'routes' | 'asnFile'>;

export function parseMetering(values: OptionValues): Metering {
  const routes = values.flagIfGiven('routes');
  const asnFile = values.text('asn');
  return {
    ...(routes === undefined ? {} : { routes }),
    ...(asnFile === undefined ? {} : { asnFile }),
    activeSec: values.whole('active', 1, 604_800),
    inactiveSec: values.whole('inactive', 1, 604_800),
    maxFlows: values.whole('max-flows', 16, 64 << 20),
  };
}
