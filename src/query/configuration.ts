import { readFileSync } from 'node:fs';
import { UserError } from '../flow/user-error.ts';

/**
 * Formats of the user from nfdump's configuration file: `fmt.NAME = "..."` and `csv.NAME = "..."` in the section
 * `[nfdump]`, by lower-case name as `fmt:...` and `csv:...`. The file is that of -C, else of the variable NFCONF; `none`
 * for no file. Other settings are left alone.
 */
export function readFormats(option: string | undefined): Map<string, string> {
  const path = option ?? process.env['NFCONF'];
  const formats = new Map<string, string>();
  if (path === undefined || path === '' || path === 'none') return formats;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new UserError(`cannot read the configuration file ${path} (-C or NFCONF)`, { cause });
  }
  let section = '';
  for (const line of text.split('\n')) {
    section = /^\s*\[\s*([^\]]*?)\s*\]/.exec(line)?.[1] ?? section;
    if (section !== 'nfdump') continue;
    const match = /^\s*(fmt|csv)\.([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)')/.exec(line);
    if (match === null) continue;
    const [, kind, name, quoted, plain] = match;
    formats.set(name!.toLowerCase(), `${kind}:${plain ?? quoted!.replaceAll(/\\(.)/g, '$1')}`);
  }
  return formats;
}
