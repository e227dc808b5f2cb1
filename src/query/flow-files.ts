import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { addon } from '../addon/addon.ts';
import { type FlowScan, SEND_ELSEWHERE } from '../addon/scan.ts';
import type { AddressWords } from '../flow/address.ts';
import { UserError } from '../flow/user-error.ts';

/** A sampling rate that the operator knows better than the flows of an exporter. */
export interface RateCorrection {
  readonly exporter: AddressWords;
  /** One of so many packets was counted; 1 is all. */
  readonly rate: number;
  /** Flows that began at or after the one and before the other, milliseconds since 1970. */
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
  /** Only files whose whole path begins so. */
  readonly below: string;
}

/** The files of a question, and what has to be known of them before it is asked. */
export interface FlowFiles {
  readonly paths: readonly string[];
  readonly count: number;
  /** Some flow may have been counted by a sampler. */
  readonly sampled: boolean;
  readonly corrections: readonly RateCorrection[];
  /** Where some files are left out of `paths`: the columns that all of them have together. */
  readonly columnsOfAll?: ReadonlySet<string>;
  /** Undefined where the addon leaves the files to the general engine. */
  readonly scan: FlowScan | undefined;
}

/** Files whose counters are taken as they stand. */
export function filesAsStored(paths: readonly string[]): FlowFiles {
  return { paths, count: paths.length, sampled: false, corrections: [], scan: undefined };
}

/** A file that cannot be read, and one line that names it and says why. */
export interface Damage {
  readonly path: string;
  readonly message: string;
}

/** The damaged files that a question goes on without: see `LeftOut`. */
export interface DamagedFiles {
  add(damage: Damage): void;
  /** Those of the files that the question at hand is to read. */
  rest(paths: readonly string[]): readonly string[];
}

/**
 * Reads the footers of files. With `leftOut` one that is damaged does not keep the others from being read.
 *
 * @throws UserError when one, or with `leftOut` when none, can be read, and when one has gone.
 */
export async function lookAtFiles(
  all: readonly string[],
  corrections: readonly RateCorrection[] = [],
  leftOut?: DamagedFiles,
): Promise<FlowFiles> {
  const paths = leftOut?.rest(all) ?? all;
  try {
    return await readFooters(paths, corrections);
  } catch (error) {
    if (leftOut === undefined || !(error instanceof UserError)) throw error;
    const { whole, damaged } = await sortOut(paths);
    // Of a file that went away meanwhile the flows are in another one: the whole question has to be asked again.
    if (whole.length === 0 || damaged.length === 0 || whole.length + damaged.length < paths.length) throw error;
    const files = await readFooters(whole, corrections);
    for (const damage of damaged) leftOut.add(damage);
    return files;
  }
}

/** Files that are looked at side by side for damage. */
const SORTED_AT_ONCE = 64;

/** Files that can be read, and why others, which are there, cannot. */
async function sortOut(paths: readonly string[]): Promise<{ whole: string[]; damaged: Damage[] }> {
  const whole: string[] = [];
  const damaged: Damage[] = [];
  for (let from = 0; from < paths.length; from += SORTED_AT_ONCE) {
    const some = paths.slice(from, from + SORTED_AT_ONCE);
    const looked = await Promise.allSettled(some.map((path) => addon().segmentInfo(path)));
    looked.forEach((result, i) => {
      if (result.status === 'fulfilled') whole.push(some[i]!);
      else if (existsSync(some[i]!)) damaged.push({ path: some[i]!, message: (result.reason as Error).message });
    });
  }
  return { whole, damaged };
}

/** Files that are read side by side to check their pages. */
const CHECKED_AT_ONCE = 8;

/**
 * Reads files to check their pages against their checksums, for engines that do not. Resolves to the files of which some
 * pages have none: other programs wrote them, or earlier versions.
 *
 * @throws UserError for one that is damaged.
 */
export async function checkPages(paths: readonly string[]): Promise<readonly string[]> {
  const unsure: string[] = [];
  for (let from = 0; from < paths.length; from += CHECKED_AT_ONCE) {
    const some = paths.slice(from, from + CHECKED_AT_ONCE);
    const checked = some.map((path) => addon().checkSegment(path));
    try {
      const areSure = await Promise.all(checked);
      unsure.push(...some.filter((_, index) => !areSure[index]));
    } catch (cause) {
      throw new UserError(`cannot read the flows: ${(cause as Error).message}`, { cause });
    }
  }
  return unsure;
}

async function readFooters(paths: readonly string[], corrections: readonly RateCorrection[]): Promise<FlowFiles> {
  const scan = await orElsewhere(() => addon().openScan([...paths]));
  const named = corrections.length === 0 ? paths : paths.map((path) => resolve(path));
  return { paths: named, count: paths.length, sampled: scan?.summary().sampled ?? true, corrections, scan };
}

/** The files that a scan has found itself; thousands of names are only made where the general engine needs them. */
export function filesOfScan(scan: FlowScan, corrections: readonly RateCorrection[]): FlowFiles {
  const { files, sampled } = scan.summary();
  let paths: readonly string[] | undefined;
  return {
    get paths() {
      paths ??= corrections.length === 0 ? scan.paths() : scan.paths().map((path) => resolve(path));
      return paths;
    },
    count: files,
    sampled,
    corrections,
    scan,
  };
}

/** Earliest start and latest end in the files, which `ask` reads where no scan has told. */
export async function spanOf(
  { scan }: FlowFiles,
  ask: () => Promise<{ first: number; last: number }>,
): Promise<{ first: number; last: number }> {
  if (scan === undefined) return ask();
  const { firstMs, lastMs } = scan.summary();
  return { first: firstMs, last: lastMs };
}

/** The result; undefined when the addon leaves the question to the general engine. */
export async function orElsewhere<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    if (error.code === SEND_ELSEWHERE) return undefined;
    throw new UserError(`cannot read the flows: ${error.message}`, { cause: error });
  }
}
