/**
 * Slots of time and the names of their files.
 *
 * A slot starts at a multiple of the interval since 1970 and is named for its start, in UTC: local time repeats an hour
 * each autumn, and two slots would then have one name.
 */

const SEGMENT_PREFIX = 'weir.';
export const SEGMENT_SUFFIX = '.parquet';
const PART_SUFFIX = '.part.parquet';
const DAY_MS = 86_400_000;

/** Sub-directory layouts by their number, as `-S` takes them. */
const LAYOUTS = [
  '',
  '%Y/%m/%d',
  '%Y/%m/%d/%H',
  '%Y/%W/%u',
  '%Y/%W/%u/%H',
  '%Y/%j',
  '%Y/%j/%H',
  '%Y-%m-%d',
  '%Y-%m-%d/%H',
];
export const LAYOUT_COUNT = LAYOUTS.length;
export const DEFAULT_LAYOUT = 1;
export const DEFAULT_INTERVAL_SECONDS = 300;

/** Start of the slot that a time lies in, milliseconds since 1970. */
export function slotStart(timeMs: number, intervalSeconds: number): number {
  const intervalMs = intervalSeconds * 1000;
  return Math.floor(timeMs / intervalMs) * intervalMs;
}

/** Time of a slot as its name has it: YYYYMMDDHHMM, with seconds when the interval is below a minute. */
export function slotTime(startMs: number, intervalSeconds: number): string {
  const digits = new Date(startMs).toISOString().replace(/\D/g, '');
  return digits.slice(0, intervalSeconds < 60 ? 14 : 12);
}

/** Start of the slot that a name's 12 or 14 digits mean; undefined when they are no time. */
export function parseSlotTime(digits: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?$/.exec(digits);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second] = match.map(Number);
  const startMs = Date.UTC(year!, month! - 1, day, hour, minute, match[6] === undefined ? 0 : second);
  // A day such as 31 February would come back as another one.
  const back = slotTime(startMs, match[6] === undefined ? 60 : 1);
  return back === digits ? startMs : undefined;
}

/** Sub-directory of a slot in a layout (0 to 8), '' for none; always with forward slashes. */
export function slotDirectory(startMs: number, layout: number): string {
  const date = new Date(startMs);
  const two = (value: number) => String(value).padStart(2, '0');
  const year = date.getUTCFullYear();
  const dayOfYear = Math.floor((startMs - Date.UTC(year, 0, 1)) / DAY_MS);
  const weekday = (date.getUTCDay() + 6) % 7;
  const parts: Record<string, string> = {
    '%Y': String(year),
    '%m': two(date.getUTCMonth() + 1),
    '%d': two(date.getUTCDate()),
    '%H': two(date.getUTCHours()),
    // Week of the year: the first Monday begins week 1, the days before it are in week 0.
    '%W': two(Math.floor((dayOfYear + 7 - weekday) / 7)),
    '%u': String(weekday + 1),
    '%j': String(dayOfYear + 1).padStart(3, '0'),
  };
  return LAYOUTS[layout]!.replace(/%./g, (code) => parts[code]!);
}

export function segmentName(time: string): string {
  return `${SEGMENT_PREFIX}${time}${SEGMENT_SUFFIX}`;
}

/** Part `sequence` of a slot, written by the process of that session. */
export function partName(time: string, session: string, sequence: number): string {
  return `${SEGMENT_PREFIX}${time}.${session}-${String(sequence).padStart(6, '0')}${PART_SUFFIX}`;
}

/** Slot time of a part's name, undefined when the name is not that of a part. */
export function partTime(name: string): string | undefined {
  if (!name.endsWith(PART_SUFFIX)) return undefined;
  return /^weir\.(\d{12}(?:\d\d)?)\.[0-9a-f]+-\d+\.part\.parquet$/.exec(name)?.[1];
}

/** Slot time of a finished segment's name, undefined when the name is not that of one. */
export function segmentTime(name: string): string | undefined {
  return /^weir\.(\d{12}(?:\d\d)?)\.parquet$/.exec(name)?.[1];
}

/** True for the temporary names that the segment writer gives its files. */
export function isTemporary(name: string): boolean {
  return name.startsWith(`.${SEGMENT_PREFIX}`) && name.endsWith('.tmp');
}
