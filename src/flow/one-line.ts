/**
 * A text that somebody else chose (an exporter, a database, another program), to be shown: control characters, of C1 as well
 * (U+0080 to U+009F), as blanks, so that it cannot steer a terminal or begin a line.
 */
export function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, ' ');
}
