/** Latest time that a Date can hold (year 275760), ms since 1970; later ones are nonsense and count as "not known". */
export const MAX_TIME_MS = 8.64e15;

/** From here on a year has more digits than dates and names of files have room for. */
export const YEAR_10000_MS = Date.UTC(10_000, 0);
