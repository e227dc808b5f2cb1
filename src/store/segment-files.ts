import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { addon } from '../addon/addon.ts';
import { isMissing } from '../flow/missing.ts';
import { UserError } from '../flow/user-error.ts';
import { mergedParts, segmentInfo } from './segment-metadata.ts';
import { partTime, SEGMENT_SUFFIX, segmentName, segmentTime } from './slots.ts';

/** What `-r`, `-R` and `-M` were given. */
export interface FileSelection {
  /** `-r`: a file of any name, or a directory. */
  readonly read?: string | undefined;
  /** `-R`: a directory, `dir/first`, `dir/first:last`, or `dir/sub/first:sub/last`. */
  readonly range?: string | undefined;
  /** `-M`: `dir/source:source...`, or `dir@` for every sub-directory; the other two are then relative to each. */
  readonly sources?: string | undefined;
  /** Is told of each directory of `-M` that is not there, if others are; without it all must be. */
  readonly missing?: ((directory: string) => void) | undefined;
}

/** Which files of a directory are meant, and what their names say. */
export interface FileNaming {
  matches(name: string): boolean;
  /** Digits of the slot that a file is named for; undefined when its name has none. */
  time(name: string): string | undefined;
}

const SEGMENTS: FileNaming = { matches: (name) => name.endsWith(SEGMENT_SUFFIX), time: segmentTime };

export interface ChosenFile {
  readonly path: string;
  /** A part of a slot that is still running: it may be gone, merged into its slot's file, by the time it is opened. */
  readonly isPart: boolean;
}

interface FoundFile extends ChosenFile {
  /** Directories between the one that was searched and the file. */
  readonly above: readonly string[];
  /** Its name, of a part the one that its slot's file will have. */
  readonly name: string;
}

/** Path below the directory that was searched, by which files are in order. */
function keyOf({ above, name }: FoundFile): readonly string[] {
  return [...above, name];
}

/**
 * The segments that a query reads, in name order. Names with a leading dot and everything not called `*.parquet` are
 * passed over when a directory is searched; parts of a slot are left out when the slot's file already has their rows.
 */
export function chooseSegments(selection: FileSelection): Promise<ChosenFile[]> {
  return chooseFiles(selection, SEGMENTS);
}

/** The files that a selection means, in name order; within directories those of a naming alone. */
export async function chooseFiles(selection: FileSelection, naming: FileNaming): Promise<ChosenFile[]> {
  const { read, range, sources, missing } = selection;
  if (read !== undefined && range !== undefined) throw new UserError('-r and -R exclude each other; give one of them');
  const wanted = read ?? range;
  if (wanted === undefined) throw new UserError('no flow files given; name them with -r or -R');
  const choose = read === undefined ? chooseRange : chooseOne;
  if (sources === undefined) {
    const files = await choose('', wanted, naming);
    if (files === undefined) throw new UserError(`no such file or directory: ${wanted.split(':')[0]}`);
    return files;
  }
  const chosen: ChosenFile[] = [];
  let found = false;
  for (const source of await sourceDirectories(sources, missing)) {
    const files = await choose(source, wanted, naming);
    found ||= files !== undefined;
    for (const file of files ?? []) chosen.push(file);
  }
  if (!found) throw new UserError(`no source of ${sources} has ${wanted.split(':')[0]}`);
  return chosen;
}

/** What `-M` means. Throws a UserError for a directory that is not there, unless `missing` is to be told of it and others are. */
export async function sourceDirectories(sources: string, missing?: FileSelection['missing']): Promise<string[]> {
  if (sources.endsWith('@')) {
    const directory = sources.slice(0, -1) || '.';
    const listing = list(directory);
    if (listing === undefined) throw new UserError(`no such directory: ${directory} (-M)`);
    return listing.directories.map((name) => join(directory, name));
  }
  const [first, ...others] = sources.split(':');
  const directories = [first!, ...others.map((name) => join(dirname(first!), name))];
  const kinds = await Promise.all(directories.map(kindOf));
  const there = directories.filter((_, i) => kinds[i] === 'directory');
  for (const directory of directories.filter((_, i) => kinds[i] !== 'directory')) {
    if (missing === undefined || there.length === 0) throw new UserError(`no such directory: ${directory} (-M)`);
    missing(directory);
  }
  return there;
}

/** `-r`; undefined when there is no such thing. */
async function chooseOne(base: string, name: string, naming: FileNaming): Promise<FoundFile[] | undefined> {
  const path = join(base, name);
  const kind = await kindOf(path);
  if (kind === 'directory') return walk(path, naming);
  if (kind === 'file')
    return [{ path, isPart: partTime(basename(path)) !== undefined, above: [], name: basename(path) }];
  const files = await filesOfSlot(base, name, name, naming);
  return files.length === 0 ? undefined : files;
}

/** `-R`; undefined when the first file is missing. */
async function chooseRange(base: string, range: string, naming: FileNaming): Promise<FoundFile[] | undefined> {
  const [first, last, ...more] = range.split(':');
  if (more.length > 0) throw new UserError(`a range of files has one colon: ${range}`);
  if (last?.startsWith('/')) throw new UserError(`the end of a range is relative to its beginning: ${range}`);
  const path = join(base, first!);
  const kind = await kindOf(path);
  if (last === undefined && kind === 'directory') return walk(path, naming);
  const lastKey = last?.split('/').filter((part) => part !== '');
  const depth = lastKey?.length ?? 1;
  const steps = path.split('/');
  const firstKey = steps.slice(-depth);
  if (firstKey.length < depth || (last !== undefined && first!.split('/').length < depth)) {
    throw new UserError(`both ends of a range need the same depth of directories: ${range}`);
  }
  if (lastKey !== undefined && compareKeys(firstKey, lastKey) > 0) {
    throw new UserError(`the range ends before it begins: ${range}`);
  }
  // A slot that is in parts has no file of its name; anything else that is not there need not be searched for.
  if (kind === undefined && naming.time(basename(path)) === undefined) return undefined;
  const top = steps.slice(0, -depth).join('/') || (path.startsWith('/') ? '/' : '.');
  const files = (await kindOf(top)) === 'directory' ? await walk(top, naming) : [];
  const inRange = files.filter((file) => {
    const key = keyOf(file);
    return compareKeys(key, firstKey) >= 0 && (lastKey === undefined || compareKeys(key, lastKey) <= 0);
  });
  // The first file must exist, if only in parts.
  if (inRange.length > 0 && compareKeys(keyOf(inRange[0]!), firstKey) === 0) return inRange;
  if (kind === 'file') return inRange;
  const bySlot = await filesOfSlot(base, first!, last, naming);
  return bySlot.length === 0 ? undefined : bySlot;
}

/**
 * Files of the slots from one bare name to another wherever the layout of sub-directories put them; none unless the
 * first of them is there. Without `last`, to the end.
 */
async function filesOfSlot(
  base: string,
  first: string,
  last: string | undefined,
  naming: FileNaming,
): Promise<FoundFile[]> {
  const directory = join(base, dirname(first));
  const from = naming.time(basename(first));
  const to = last === undefined ? '9' : naming.time(basename(last));
  if (from === undefined || to === undefined || (await kindOf(directory)) !== 'directory') return [];
  const timeOf = ({ name }: FoundFile) => naming.time(name) ?? '';
  const files = (await walk(directory, naming)).filter((file) => timeOf(file) >= from && timeOf(file) <= to);
  return files.some((file) => timeOf(file) === from) ? files : [];
}

/** Every file of a naming below a directory, or in it alone, in the order of their names. */
async function walk(
  directory: string,
  naming: FileNaming,
  above: readonly string[] = [],
  isDeep = true,
): Promise<FoundFile[]> {
  const { files, directories } = list(directory) ?? { files: [], directories: [] };
  const merged = new Map<string, Promise<Set<string>>>();
  const found: FoundFile[] = [];
  let names: ReadonlySet<string> | undefined;
  const prefix = join(directory, 'x').slice(0, -1);
  let next = 0;
  const descend = async (before: string | undefined): Promise<void> => {
    for (; next < directories.length && (before === undefined || directories[next]! < before); next++) {
      const name = directories[next]!;
      if (isDeep) for (const file of await walk(prefix + name, naming, [...above, name])) found.push(file);
    }
  };
  for (const name of files) {
    if (next < directories.length) await descend(name);
    if (!naming.matches(name)) continue;
    const path = prefix + name;
    const time = partTime(name);
    if (time === undefined) {
      found.push({ path, isPart: false, above, name });
      continue;
    }
    const whole = segmentName(time);
    names ??= new Set(files);
    if (names.has(whole)) {
      if (!merged.has(whole)) merged.set(whole, partsIn(prefix + whole));
      if ((await merged.get(whole)!).has(name)) continue;
    }
    found.push({ path, isPart: true, above, name: whole });
  }
  await descend(undefined);
  return found;
}

async function partsIn(path: string): Promise<Set<string>> {
  return new Set(mergedParts(await segmentInfo(path)));
}

/** What is in a directory, in name order; undefined when there is no such directory. */
function list(directory: string): { files: string[]; directories: string[] } | undefined {
  try {
    return addon().listDirectory(directory) ?? undefined;
  } catch (cause) {
    throw new UserError(`cannot read directory ${directory}: ${(cause as Error).message}`, { cause });
  }
}

async function kindOf(path: string): Promise<'file' | 'directory' | undefined> {
  try {
    return (await stat(path)).isDirectory() ? 'directory' : 'file';
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw new UserError(`cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** Order of names, that of `sort` without an argument. */
export function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** By the first directory that differs; what has no more directories comes first. */
function compareKeys(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareNames(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** Segments in a directory itself, and parts that their slot's file does not have, in name order; none where there is none. */
export function segmentsIn(directory: string): Promise<(ChosenFile & { readonly name: string })[]> {
  return walk(directory, SEGMENTS, [], false);
}
