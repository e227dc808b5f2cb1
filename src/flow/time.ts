/** Latest time that a Date can hold (year 275760), ms since 1970; later ones are nonsense and count as "not known". */
export const MAX_TIME_MS = 8.64e15;
