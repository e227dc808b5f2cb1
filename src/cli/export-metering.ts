import { fullPolicies } from '../cache/flow-cache-options.ts';
import { biflowKey, type KeyFields, parseTrack, trackAdditions, trackLevels } from '../cache/key-fields.ts';
import { flagOption, type OptionTable, openFlagOption, valueOption } from '../config/option.ts';
import type { OptionValues } from '../config/option-values.ts';
import type { ExportOptions } from '../pipeline/export/options.ts';
import { parseTimeouts, timeoutTable } from './export-timeouts.ts';

const MAX_WORKERS = 32;

/** How packets become flows. */
export const meteringOptions: OptionTable = {
  ...timeoutTable,
  track: valueOption(
    `what tells flows apart: ${trackLevels.join(', ')}; more behind commas: ${trackAdditions.join(', ')}`,
    'full',
  ),
  biflow: flagOption('one flow for both ways of a connection (RFC 5103): sent as IPFIX, or to files'),
  'max-flows': valueOption('flows held at a time', '4194304'),
  'when-full': valueOption(
    'evict: the flow longest idle leaves; ignore: packets of new flows are not metered',
    'evict',
  ),
  workers: valueOption('threads that meter; the flows are the same for any number', '1'),
  routes: openFlagOption(
    'masks, next hop and output interface by the routes of this host [default: of what it routes]',
  ),
  asn: valueOption('AS numbers out of a MaxMind database (.mmdb)'),
};

type Metering = Pick<
  ExportOptions,
  'timeouts' | 'key' | 'biflow' | 'maxFlows' | 'whenFull' | 'workers' | 'routes' | 'asnFile'
>;

function parseKey(values: OptionValues): KeyFields {
  const key = parseTrack(values.text('track') ?? '');
  if (values.flag('biflow')) biflowKey(key);
  return key;
}

export function parseMetering(values: OptionValues): Metering {
  const routes = values.flagIfGiven('routes');
  const asnFile = values.text('asn');
  return {
    ...(routes === undefined ? {} : { routes }),
    ...(asnFile === undefined ? {} : { asnFile }),
    timeouts: parseTimeouts(values),
    key: parseKey(values),
    biflow: values.flag('biflow'),
    maxFlows: values.whole('max-flows', 16, 1 << 24),
    whenFull: values.choice('when-full', fullPolicies),
    workers: values.whole('workers', 1, MAX_WORKERS),
  };
}
