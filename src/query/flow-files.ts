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

/**
 * Reads the footers of files.
 *
 * @throws UserError when one cannot be read.
 */
export async function lookAtFiles(
  paths: readonly string[],
  corrections: readonly RateCorrection[] = [],
): Promise<FlowFiles> {
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
