/** One line for the operator. */
export type Log = (line: string) => void;

export function plainLog(line: string): void {
  process.stderr.write(`${line}\n`);
}

const scales = ['', ' k', ' M', ' G', ' T'];

/** A rate or count for people: three digits and a scale, base 1000. */
export function scaled(value: number): string {
  let scale = 0;
  let rest = value;
  while (rest >= 1000 && scale < scales.length - 1) {
    rest /= 1000;
    scale++;
  }
  return `${scale === 0 ? Math.round(rest) : rest.toPrecision(3)}${scales[scale]}`;
}

/** `3 flows`, `1 flow`. */
export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
