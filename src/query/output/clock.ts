import { YEAR_10000_MS } from '../../flow/time.ts';
import { Label, type TextBlock } from './text.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** What a file of whoever wrote it has from here on is no time, as 0 is none: less a day, for the zones. */
const END_MS = YEAR_10000_MS - DAY_MS;
/** Minutes that are remembered: flows of one slot mostly begin and end in a few. */
const MINUTES = 64;
/** Place of what stands between date and time. */
const SEPARATOR = 10;

/** Forms of TZ that say a name, an offset and a name for the summer, or a name in brackets. */
const ZONE_RULE = /^(<|[a-z]{3,}[-+]?\d[\d:]*[a-z<])/i;

/** What is to be said of a zone that C libraries know by rule and Node.js, which has zones by name, takes for UTC. */
export function zoneNote(zone = process.env['TZ'] ?? ''): string | undefined {
  if (!ZONE_RULE.test(zone) || Intl.DateTimeFormat().resolvedOptions().timeZone !== 'UTC') return undefined;
  return `TZ=${zone}: times are in UTC; name a zone such as TZ=Europe/Zurich`;
}

/** Renders points in time in one zone: the process's own, or UTC. */
export class Clock {
  private readonly utc: boolean;
  /** Which minute since 1970 is remembered in each place, its text, and the zone's minutes before UTC then. */
  private readonly minutes = new Float64Array(MINUTES).fill(Number.NaN);
  private readonly labels: Label[] = new Array<Label>(MINUTES).fill(new Label(''));
  private readonly offsets = new Int16Array(MINUTES);

  constructor(zone: 'local' | 'utc' = 'local') {
    this.utc = zone === 'utc';
  }

  /** `YYYY-MM-DD hh:mm:ss`, with `.mmm` unless `seconds` is asked for; `separator` stands between date and time. */
  write(out: TextBlock, ms: number, precision: 'ms' | 'seconds' = 'ms', separator = 0x20): void {
    const known = knownTime(ms);
    const minute = Math.floor(known / MINUTE_MS);
    const start = out.length;
    out.label(this.labels[this.place(minute)]!);
    out.bytes[start + SEPARATOR] = separator;
    const rest = known - minute * MINUTE_MS;
    const seconds = (rest / 1000) | 0;
    out.two(seconds);
    if (precision === 'seconds') return;
    out.byte(0x2e);
    out.three(rest - seconds * 1000);
  }

  /** RFC 3339 with the zone: `2026-11-20T10:30:00.000+01:00`, `Z` for UTC. */
  writeRfc3339(out: TextBlock, ms: number): void {
    this.write(out, ms, 'ms', 0x54);
    const offset = this.offsets[this.place(Math.floor(knownTime(ms) / MINUTE_MS))]!;
    const minutes = Math.abs(offset);
    if (minutes === 0) {
      out.byte(0x5a);
      return;
    }
    out.byte(offset < 0 ? 0x2d : 0x2b);
    out.two((minutes / 60) | 0);
    out.byte(0x3a);
    out.two(minutes % 60);
  }

  /** The place of a minute since 1970, in which it is from then on. */
  private place(minute: number): number {
    const place = minute & (MINUTES - 1);
    if (this.minutes[place] !== minute) this.render(place, minute);
    return place;
  }

  private render(place: number, minute: number): void {
    const ms = minute * MINUTE_MS;
    const offset = this.utc ? 0 : -new Date(ms).getTimezoneOffset();
    const local = ms + offset * MINUTE_MS;
    const day = Math.floor(local / DAY_MS);
    const ofDay = Math.round((local - day * DAY_MS) / MINUTE_MS);
    const two = (value: number) => String(value).padStart(2, '0');
    const date = new Date(day * DAY_MS).toISOString().slice(0, SEPARATOR);
    this.labels[place] = new Label(`${date} ${two((ofDay / 60) | 0)}:${two(ofDay % 60)}:`);
    this.offsets[place] = offset;
    this.minutes[place] = minute;
  }
}

function knownTime(ms: number): number {
  return ms >= 0 && ms < END_MS ? ms : 0;
}

/** `    HH:MM:SS.mmm`, from a day on ` 1d HH:MM:SS.mmm`: always 16 characters below 100 days. */
export function writeDuration(out: TextBlock, ms: number): void {
  const days = Math.floor(ms / DAY_MS);
  let rest = ms - days * DAY_MS;
  if (days === 0) out.blanks(4);
  else {
    out.uint(days, 2);
    out.byte(0x64);
    out.byte(0x20);
  }
  const hours = (rest / 3_600_000) | 0;
  rest -= hours * 3_600_000;
  const minutes = (rest / 60_000) | 0;
  rest -= minutes * 60_000;
  const seconds = (rest / 1000) | 0;
  out.two(hours);
  out.byte(0x3a);
  out.two(minutes);
  out.byte(0x3a);
  out.two(seconds);
  out.byte(0x2e);
  out.three(rest - seconds * 1000);
}

/** Milliseconds as seconds with three decimals, right-aligned. */
export function writeSeconds(out: TextBlock, ms: number, width = 0): void {
  out.uint(Math.floor(ms / 1000), width - 4);
  out.byte(0x2e);
  out.three(ms % 1000);
}
