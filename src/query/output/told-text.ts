/**
 * A text that an exporter, a database or another program chose, as a cell: control characters as blanks, so that it cannot
 * steer a terminal or begin a line, and in csv within quotes where a comma would end it (RFC 4180 section 2).
 */
export function toldText(text: string, csv: boolean): string {
  const line = text.replaceAll(/\p{Cc}/gu, ' ');
  return csv && /[",]/.test(line) ? `"${line.replaceAll('"', '""')}"` : line;
}
