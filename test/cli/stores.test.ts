import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { parseTailArguments } from '../../src/cli/tail.ts';
import { parseTopArguments } from '../../src/cli/top.ts';
import { tempDir } from '../support/process.ts';

let directory: string;
const below = (...names: string[]) => names.map((name) => join(directory, name));

beforeAll(() => {
  directory = tempDir('stores');
  for (const path of below('a/in', 'b/in')) mkdirSync(path, { recursive: true });
});

it.each([
  ['-r a', ['a']],
  ['-R a', ['a']],
  ['-r a -R b', ['a', 'b']],
  ['-M a:b', ['a', 'b']],
  ['-M @ -R .', ['a', 'b']],
  ['-M a:b -r in', ['a/in', 'b/in']],
])('stores are named as in weir dump: %s', async (line, expected) => {
  const at = (word: string) => (word === '@' ? `${directory}@` : join(directory, word));
  const isBelow = line.includes('-M');
  const argv = line.split(' ').map((word, i, words) => {
    if (word.startsWith('-')) return word;
    return isBelow && words[i - 1] !== '-M' ? word : at(word);
  });
  expect((await parseTopArguments(argv))!.stores).toEqual(below(...expected));
  expect((await parseTailArguments(argv))!.stores).toEqual(below(...expected));
});

it('stores have to be there', async () => {
  await expect(parseTopArguments([])).rejects.toThrow('which store? give -r DIR');
  await expect(parseTopArguments(['-R', join(directory, 'c')])).rejects.toThrow('no such directory');
  await expect(parseTopArguments(['-M', join(directory, 'a:c')])).rejects.toThrow('no such directory');
});
