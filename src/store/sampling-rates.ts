import { statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { type AddressWords, parseAddress } from '../flow/address.ts';
import { objectOf } from '../flow/json.ts';
import { isMissing } from '../flow/missing.ts';
import { UserError } from '../flow/user-error.ts';
import { directoriesAbove } from './directories-above.ts';
import { replaceFile } from './replace-file.ts';

/** Name of the file with corrected rates in the directory of a store. */
const RATES_NAME = '.weir.sampling.json';
const SCHEMA = 1;

/** A sampling rate of an exporter that its flows do not tell, or tell wrongly. */
export interface RateRule {
  readonly exporter: string;
  /** One of so many packets was counted; 1 is all. */
  readonly rate: number;
  /** Flows that began at or after the one and before the other, milliseconds since 1970. */
  readonly fromMs?: number;
  readonly toMs?: number;
}

/** Rules of a store in the order they were made: of two about the same flow the later one counts. */
export async function readRates(directory: string): Promise<readonly RateRule[]> {
  const path = join(directory, RATES_NAME);
  let text: string;
  try {
    // Most directories that a question looks into have none; to find that out in the thread pool takes longer.
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return [];
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (isMissing(cause)) return [];
    throw new UserError(`cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  return parseRates(text, (what) => {
    throw new UserError(`${path}: ${what}: correct it, or delete the file and set the rates again with weir sampling`);
  });
}

function parseRates(text: string, refuse: (what: string) => never): readonly RateRule[] {
  let file: Record<string, unknown>;
  try {
    file = objectOf(JSON.parse(text));
  } catch {
    return refuse('this is no JSON');
  }
  const { schema, rules } = file;
  if (schema !== SCHEMA) refuse(`the schema is not ${SCHEMA}, that of this version`);
  if (!Array.isArray(rules)) return refuse('there is no list "rules"');
  return rules.map((rule: unknown, at) => {
    const wrong = wrongIn(objectOf(rule));
    return wrong === undefined ? (rule as RateRule) : refuse(`rule ${at + 1}: ${wrong}`);
  });
}

/** Replaces the rules of a store. */
export async function writeRates(directory: string, rules: readonly RateRule[]): Promise<void> {
  const path = join(directory, RATES_NAME);
  try {
    await replaceFile(path, `${JSON.stringify({ schema: SCHEMA, rules }, undefined, 2)}\n`, { sync: true });
  } catch (cause) {
    throw new UserError(`cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** Rules of the stores that files are in, each with the beginning of whole paths to its files. */
export async function ratesOfFiles(
  paths: readonly string[],
): Promise<readonly { readonly below: string; readonly rules: readonly RateRule[] }[]> {
  const found = await Promise.all(
    directoriesAbove(paths).map(async (directory) => ({
      below: join(directory, sep),
      rules: await readRates(directory),
    })),
  );
  return found.filter(({ rules }) => rules.length > 0).sort((a, b) => a.below.length - b.below.length);
}

/** @throws UserError where there is no such directory */
export async function storeDirectory(directory: string): Promise<string> {
  const path = resolve(directory);
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) throw new UserError(`no such directory: ${directory}`);
  return path;
}

export function exporterWords({ exporter }: RateRule): AddressWords {
  return parseAddress(exporter)!;
}

/** What of a rule is not as `RateRule` says; undefined for nothing. */
function wrongIn({ exporter, rate, fromMs, toMs }: Record<string, unknown>): string | undefined {
  if (typeof exporter !== 'string' || parseAddress(exporter) === undefined) return '"exporter" is no address';
  if (!Number.isInteger(rate) || (rate as number) < 1 || (rate as number) > 0xffff_ffff)
    return '"rate" is no whole number from 1 to 4294967295';
  for (const [name, ms] of Object.entries({ fromMs, toMs }))
    if (ms !== undefined && !Number.isSafeInteger(ms)) return `"${name}" is no time in milliseconds`;
  return undefined;
}
