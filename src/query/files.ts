import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UserError } from '../flow/user-error.ts';
import type { DumpOptions } from './options.ts';

const SEGMENT = /\.parquet$/;

/**
 * The segments that -r, -R and -M name, in the order of their names. In directories only whole segments count: names
 * that end in `.parquet` and do not begin with a dot.
 */
export async function findFiles(options: Pick<DumpOptions, 'read' | 'range' | 'sources'>): Promise<string[]> {
  const { read, range, sources } = options;
  if (read === undefined && range === undefined) {
    throw new UserError('nothing to read: name a file with -r or a range with -R');
  }
  const found: string[] = [];
  for (const directory of await expandSources(sources)) {
    const at = (path: string) => (directory === undefined ? path : join(directory, path));
    found.push(...(read !== undefined ? await readAll(at(read)) : await readRange(range!, at)));
  }
  return found;
}

/** `dir/a:b:c` as dir/a, dir/b, dir/c; `dir@` and `dir/@` as every directory in dir; undefined without -M. */
async function expandSources(sources: string | undefined): Promise<(string | undefined)[]> {
  if (sources === undefined) return [undefined];
  if (sources.endsWith('@')) {
    const parent = sources.slice(0, -1);
    const entries = await list(parent);
    return entries.filter((entry) => entry.isDirectory()).map((entry) => join(parent, entry.name));
  }
  const [first = '', ...more] = sources.split(':');
  return [first, ...more.map((name) => join(dirname(first), name))];
}

async function readAll(path: string): Promise<string[]> {
  return (await isDirectory(path)) ? walk(path) : [path];
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    throw new UserError(`cannot read ${path}: no such file or directory`, { cause });
  }
}

/** From a to b by name, both at the same depth below the directory that both paths begin with. */
async function readRange(range: string, at: (path: string) => string): Promise<string[]> {
  const colon = range.indexOf(':');
  const fromPath = colon < 0 ? range : range.slice(0, colon);
  const to = colon < 0 ? undefined : range.slice(colon + 1);
  const from = at(fromPath);
  if (to === undefined && (await isDirectory(from))) return walk(from);
  if (to !== undefined && (to.includes(':') || to.startsWith('/'))) {
    throw new UserError(`-R ${range}: the end of the range is a name below the same directory as its begin`);
  }
  if (await isDirectory(from)) throw new UserError(`-R ${range}: ${fromPath} is a directory, not the first file`);
  const depth = to === undefined ? 1 : to.split('/').length;
  const root = from.split('/').slice(0, -depth).join('/') || (from.startsWith('/') ? '/' : '.');
  const first = from.split('/').slice(-depth).join('/');
  if (to !== undefined && to < first) throw new UserError(`-R ${range}: the range ends before it begins`);
  const names = (await walk(root)).map((path) => path.slice(root === '/' ? 1 : root.length + 1));
  const inRange = names.filter((name) => name >= first && (to === undefined || name <= to));
  return inRange.map((name) => join(root, name));
}

async function list(directory: string): Promise<import('node:fs').Dirent[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  } catch (cause) {
    throw new UserError(`cannot read the directory ${directory}`, { cause });
  }
}

async function walk(directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await list(directory)) {
    if (entry.name.startsWith('.')) continue;
    const path = join(directory, entry.name);
    if (entry.isDirectory()) found.push(...(await walk(path)));
    else if (SEGMENT.test(basename(entry.name))) found.push(path);
  }
  return found;
}
