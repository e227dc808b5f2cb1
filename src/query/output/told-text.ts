import { oneLine } from '../../flow/one-line.ts';

/** A text that somebody else chose as a cell of one line; in csv within quotes where a comma would end it (RFC 4180 section 2). */
export function toldText(text: string, csv: boolean): string {
  const line = oneLine(text);
  return csv && /[",]/.test(line) ? `"${line.replaceAll('"', '""')}"` : line;
}
