import type { TextBlock } from './text.ts';

const DAY_MS = 86_400_000;
/** Zones change their offset on quarter hours only. */
const QUARTER_MS = 900_000;
/** From here on a year has more than four digits: what a file of whoever wrote it has beyond is no time, as 0 is none. */
const END_MS = Date.UTC(9999, 11, 31);

/** Renders points in time in one zone: the process's own, or UTC. Remembers the last day and the last offset. */
export class Clock {
  private readonly utc: boolean;
  private quarter = Number.NaN;
  private offsetMs = 0;
  private day = Number.NaN;
  private date = '';

  constructor(zone: 'local' | 'utc' = 'local') {
    this.utc = zone === 'utc';
  }

  /** `YYYY-MM-DD hh:mm:ss`, with `.mmm` unless `seconds` is asked for; `separator` stands between date and time. */
  write(out: TextBlock, ms: number, precision: 'ms' | 'seconds' = 'ms', separator = 0x20): void {
    const known = ms >= 0 && ms < END_MS ? ms : 0;
    const local = known + this.offsetOf(known);
    const day = Math.floor(local / DAY_MS);
    if (day !== this.day) this.setDay(day);
    out.ascii(this.date);
    out.byte(separator);
    let rest = local - day * DAY_MS;
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
    if (precision === 'seconds') return;
    out.byte(0x2e);
    out.three(rest - seconds * 1000);
  }

  /** RFC 3339 with the zone: `2026-11-20T10:30:00.000+01:00`, `Z` for UTC. */
  writeRfc3339(out: TextBlock, ms: number): void {
    this.write(out, ms, 'ms', 0x54);
    const minutes = Math.abs(this.offsetMs) / 60_000;
    if (minutes === 0) {
      out.byte(0x5a);
      return;
    }
    out.byte(this.offsetMs < 0 ? 0x2d : 0x2b);
    out.two((minutes / 60) | 0);
    out.byte(0x3a);
    out.two(minutes % 60);
  }

  private offsetOf(ms: number): number {
    if (this.utc) return 0;
    const quarter = Math.floor(ms / QUARTER_MS);
    if (quarter !== this.quarter) {
      this.quarter = quarter;
      this.offsetMs = -new Date(ms).getTimezoneOffset() * 60_000;
    }
    return this.offsetMs;
  }

  private setDay(day: number): void {
    this.day = day;
    this.date = new Date(day * DAY_MS).toISOString().slice(0, 10);
  }
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
