import { valueOption } from '../config/option.ts';
import type { OptionValues } from '../config/option-values.ts';
import { DEFAULT_LAYOUT, LAYOUT_COUNT } from '../store/slots.ts';

const LAST_LAYOUT = LAYOUT_COUNT - 1;

/** `-S` of whatever writes flow files. */
export const subDirectoriesOption = valueOption(
  `sub-directories for flow files, 0 to ${LAST_LAYOUT} as in nfcapd`,
  String(DEFAULT_LAYOUT),
);

/** The number of the layout; throws a UserError for one that there is not. */
export function layoutOf(values: OptionValues): number {
  return values.whole('S', 0, LAST_LAYOUT);
}
