import { resolve } from 'node:path';
import { UserError } from '../../flow/user-error.ts';
import { chooseExpired, deleteFiles, type StoredFile, storedFiles } from '../../store/expire.ts';
import { DEFAULT_WATERMARK_PERCENT, type ExpiryLimits, readLimits, writeLimits } from '../../store/expiry-limits.ts';
import { type Log, plural } from '../daemon/log.ts';
import { storesBelow } from './stores-below.ts';

export interface ExpireOptions {
  directory: string;
  /** `expire`: delete. `store`: keep the limits for later. `list`: show what there is. */
  action: 'expire' | 'store' | 'list';
  /** Limits of the command line, which count more than stored ones. */
  limits: Partial<ExpiryLimits>;
  dryRun: boolean;
}

/**
 * Deletes old flow files of a store, or keeps or shows its limits; returns the exit status. A directory of stores
 * (`weir collect -M`) is done store by store; its limits count for each that has none of its own, as with `-e`.
 */
export async function runExpire(options: ExpireOptions, write: Log): Promise<number> {
  const directory = resolve(options.directory);
  const common = await readLimits(directory);
  if (options.action === 'store') {
    await storedFiles(directory);
    const limits = completeLimits(options.limits, common);
    await writeLimits(directory, limits);
    write(`${directory}: ${describeLimits(limits)}`);
    return 0;
  }
  for (const store of await storesBelow(directory)) {
    const limits = completeLimits(options.limits, (await readLimits(store)) ?? common);
    await expireStore(store, limits, options, write);
  }
  return 0;
}

async function expireStore(directory: string, limits: ExpiryLimits, options: ExpireOptions, write: Log): Promise<void> {
  const files = await storedFiles(directory);
  if (options.action === 'list') {
    write(`${directory}: ${plural(files.length, 'file')}, ${size(files)}, ${span(files)}; ${describeLimits(limits)}`);
    return;
  }
  if (limits.sizeBytes === 0 && limits.lifeMs === 0) {
    throw new UserError(`${directory} has no limits: give -s SIZE or -t LIFE, or keep some with weir expire -u`);
  }
  const { deleted, kept } = chooseExpired(files, limits, Date.now());
  if (options.dryRun) for (const { path } of deleted) write(`would delete ${path}`);
  else await deleteFiles(directory, deleted);
  const verb = options.dryRun ? 'would be deleted' : 'deleted';
  write(
    `${directory}: ${plural(deleted.length, 'file')} (${size(deleted)}) ${verb}, ${kept.length} (${size(kept)}) left`,
  );
}

function completeLimits(given: Partial<ExpiryLimits>, stored: ExpiryLimits | undefined): ExpiryLimits {
  return {
    sizeBytes: given.sizeBytes ?? stored?.sizeBytes ?? 0,
    lifeMs: given.lifeMs ?? stored?.lifeMs ?? 0,
    watermarkPercent: given.watermarkPercent ?? stored?.watermarkPercent ?? DEFAULT_WATERMARK_PERCENT,
  };
}

/**
 * Deletes what passes the limits that are kept for a store (`weir expire -u`), for a collector after each slot. Never
 * rejects; one line says what was deleted or what is wrong.
 */
export async function expireByStoredLimits(directory: string, fallback: string, log: Log, warn: Log): Promise<void> {
  try {
    const limits = (await readLimits(directory)) ?? (await readLimits(fallback));
    if (limits === undefined) return;
    const { deleted } = chooseExpired(await storedFiles(directory), limits, Date.now());
    if (deleted.length === 0) return;
    await deleteFiles(directory, deleted);
    log(`${plural(deleted.length, 'flow file')} of ${directory} deleted (${size(deleted)}), from ${span(deleted)}`);
  } catch (error) {
    warn(`-e: ${(error as Error).message}`);
  }
}

const SIZE_SCALES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

function size(files: readonly StoredFile[]): string {
  return sizeText(files.reduce((sum, { diskBytes }) => sum + diskBytes, 0));
}

function sizeText(bytes: number): string {
  let scale = 0;
  let rest = bytes;
  while (rest >= 1024 && scale < SIZE_SCALES.length - 1) {
    rest /= 1024;
    scale++;
  }
  return `${scale === 0 ? rest : rest.toFixed(1)} ${SIZE_SCALES[scale]}`;
}

const AGE_UNITS = [
  ['week', 7 * 24 * 60],
  ['day', 24 * 60],
  ['hour', 60],
  ['minute', 1],
] as const;

/** In the units that -t takes, largest first. */
function ageText(ms: number): string {
  let minutes = Math.max(1, Math.round(ms / 60_000));
  const parts: string[] = [];
  for (const [unit, length] of AGE_UNITS) {
    const count = Math.floor(minutes / length);
    minutes -= count * length;
    if (count > 0) parts.push(`${count} ${unit}${count === 1 ? '' : 's'}`);
  }
  return parts.join(' ');
}

function span(files: readonly StoredFile[]): string {
  const stamp = (file: StoredFile) => new Date(file.startMs).toISOString().replace('T', ' ').slice(0, 16);
  return files.length === 0 ? 'no time' : `${stamp(files[0]!)} to ${stamp(files.at(-1)!)}`;
}

function describeLimits({ sizeBytes, lifeMs, watermarkPercent }: ExpiryLimits): string {
  const parts = [
    sizeBytes === 0 ? 'no limit of size' : `at most ${sizeText(sizeBytes)}`,
    lifeMs === 0 ? 'no limit of age' : `at most ${ageText(lifeMs)}`,
  ];
  return `${parts.join(', ')}, watermark ${watermarkPercent} %`;
}
