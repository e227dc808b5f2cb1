/** `nfcapd.202602011305`, with seconds where slots are shorter than a minute, with `-Z` the time zone behind it. */
const NAME = /^[A-Za-z_-]+\.(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?([+-]\d{4})?$/;

/** Names of files that collectors of the nfcapd family write; one that is being written has no time. */
export const nfcapdNaming = {
  matches: (name: string): boolean => NAME.test(name),
  time: (name: string): string | undefined => NAME.exec(name)?.slice(1, 7).join(''),
};

/**
 * Start of the slot that a file is named for, milliseconds since 1970; undefined when its name has no time. Names are in
 * the local time of the machine that wrote them: here that of this process (TZ) unless the name has its zone.
 */
export function nfcapdSlotMs(name: string): number | undefined {
  const match = NAME.exec(name);
  if (match === null) return undefined;
  const [year, month, day, hour, minute] = match.slice(1, 6).map(Number);
  const second = Number(match[6] ?? 0);
  const zone = match[7];
  const ms =
    zone === undefined
      ? new Date(year!, month! - 1, day, hour, minute, second).getTime()
      : Date.UTC(year!, month! - 1, day, hour, minute, second) - zoneMs(zone);
  return Number.isNaN(ms) ? undefined : ms;
}

function zoneMs(zone: string): number {
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3, 5));
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000;
}

/** Seconds from one slot to the next as most files have it; undefined when there are not two slots. */
export function usualInterval(startsMs: readonly number[]): number | undefined {
  const sorted = [...new Set(startsMs)].sort((a, b) => a - b);
  const often = new Map<number, number>();
  for (let i = 1; i < sorted.length; i++) {
    const step = sorted[i]! - sorted[i - 1]!;
    often.set(step, (often.get(step) ?? 0) + 1);
  }
  const [first] = [...often].sort(([stepA, timesA], [stepB, timesB]) => timesB - timesA || stepA - stepB);
  return first === undefined ? undefined : Math.min(Math.max(Math.round(first[0] / 1000), 1), 86_400);
}
