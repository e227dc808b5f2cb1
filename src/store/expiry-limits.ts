import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../flow/missing.ts';
import { UserError } from '../flow/user-error.ts';
import { replaceFile } from './replace-file.ts';

/** What a store may have; 0 is no limit. */
export interface ExpiryLimits {
  readonly sizeBytes: number;
  readonly lifeMs: number;
  /** Once a limit is passed, files go until so many per cent of it are left; 1 to 100. */
  readonly watermarkPercent: number;
}

export const DEFAULT_WATERMARK_PERCENT = 95;
/** Limits of a store, in its directory. */
const LIMITS_NAME = '.weir.expire.json';
const SCHEMA = 1;
const HOUR_MS = 3_600_000;

const LIFE_UNITS: Readonly<Record<string, number>> = {
  w: 168 * HOUR_MS,
  d: 24 * HOUR_MS,
  H: HOUR_MS,
  M: 60_000,
};

/** Milliseconds of a time such as `2w`, `1w2d`, `1.5d` or `36` (hours); `M` is minutes. 0 for no limit. */
export function parseLife(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * HOUR_MS;
  const parts = /^(?:\d+(?:\.\d+)?[wdHM] ?)+$/.test(text) ? [...text.matchAll(/(\d+(?:\.\d+)?)([wdHM])/g)] : [];
  if (parts.length === 0) {
    throw new UserError(`a life time is numbers with w, d, H or M (minutes), such as 2w or 1d12H, not "${text}"`);
  }
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * LIFE_UNITS[unit!]!, 0);
}

/** Limits that are kept for a store; undefined when there are none. Throws UserError when they cannot be read. */
export async function readLimits(directory: string): Promise<ExpiryLimits | undefined> {
  const path = join(directory, LIMITS_NAME);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw new UserError(`cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  try {
    const limits = JSON.parse(text) as Partial<ExpiryLimits> & { schema?: number };
    const { schema, sizeBytes, lifeMs, watermarkPercent } = limits;
    const isLimit = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value < 2 ** 60;
    if (schema === SCHEMA && isLimit(sizeBytes) && isLimit(lifeMs) && isWatermark(watermarkPercent)) {
      return { sizeBytes, lifeMs, watermarkPercent };
    }
  } catch {
    // Told below, with the remedy.
  }
  throw new UserError(`${path} has no limits that weir can read: give them anew with weir expire -u ${directory}`);
}

/** Keeps limits for a store. */
export async function writeLimits(directory: string, limits: ExpiryLimits): Promise<void> {
  const path = join(directory, LIMITS_NAME);
  try {
    await replaceFile(path, `${JSON.stringify({ schema: SCHEMA, ...limits })}\n`, { sync: true });
  } catch (cause) {
    throw new UserError(`cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
}

function isWatermark(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 100;
}
