import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { addon } from '../../src/addon/addon.ts';
import { UserError } from '../../src/flow/user-error.ts';
import { chooseSegments, type FileSelection } from '../../src/store/segment-files.ts';
import { tempDir } from '../support/process.ts';

let root: string;

function touch(...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), '');
  }
}

async function segment(path: string, parts: string[]): Promise<void> {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  const writer = new (addon().SegmentWriter)(join(root, path), { metadata: { 'weir.parts': JSON.stringify(parts) } });
  await writer.append([{ name: 'a', type: 'u8', absent: 0 }], 1);
  await writer.finish();
}

/** Chosen paths below the root; a part has a star. */
async function choose(selection: FileSelection): Promise<string[]> {
  const files = await chooseSegments(selection);
  return files.map((file) => `${file.path.slice(root.length + 1)}${file.isPart ? '*' : ''}`);
}

const T = (minute: number) => `weir.2026112010${String(minute).padStart(2, '0')}.parquet`;
const part = (minute: number, number: number) =>
  `weir.2026112010${String(minute).padStart(2, '0')}.ab-${number}.part.parquet`;

beforeEach(() => {
  root = tempDir('store');
});

describe('chooseSegments', () => {
  it('takes a file of any name', async () => {
    touch('odd name');
    expect(await choose({ read: join(root, 'odd name') })).toEqual(['odd name']);
  });

  it.each(['read', 'range'] as const)('takes every segment below a directory in name order (%s)', async (option) => {
    touch(
      `b/${T(0)}`,
      `a/${T(5)}`,
      `a/${T(0)}`,
      'c.parquet',
      `.hidden/${T(0)}`,
      `.${T(0)}.1-2.tmp`,
      'notes.txt',
      `a/${T(0)}.bad`,
    );
    symlinkSync(join(root, 'a', T(5)), join(root, 'linked.parquet'));
    expect(await choose({ [option]: root })).toEqual([
      `a/${T(0)}`,
      `a/${T(5)}`,
      `b/${T(0)}`,
      'c.parquet',
      'linked.parquet',
    ]);
    expect(await choose({ [option]: `${root}/a/` })).toEqual([`a/${T(0)}`, `a/${T(5)}`]);
  });

  it('takes a range of names in one directory', async () => {
    touch(T(0), T(5), T(10), T(15), 'zz.parquet', `2026/${T(0)}`);
    expect(await choose({ range: join(root, T(10)) })).toEqual([T(10), T(15), 'zz.parquet']);
    expect(await choose({ range: `${root}/${T(5)}:${T(10)}` })).toEqual([T(5), T(10)]);
    // The end need not exist.
    expect(await choose({ range: `${root}/${T(5)}:weir.202611201012.parquet` })).toEqual([T(5), T(10)]);
    await expect(choose({ range: `${root}/${T(7)}:${T(10)}` })).rejects.toThrow(T(7));
    await expect(choose({ range: join(root, T(7)) })).rejects.toThrow(UserError);
    await expect(choose({ range: `${root}/${T(10)}:${T(5)}` })).rejects.toThrow(/ends before/);
    await expect(choose({ range: `${root}/${T(5)}:/${T(10)}` })).rejects.toThrow(/relative/);
    await expect(choose({ range: `${root}/${T(5)}:${T(10)}:${T(15)}` })).rejects.toThrow(/colon/);
  });

  it('takes a range across sub-directories', async () => {
    touch(`2026/11/20/${T(0)}`, `2026/11/20/${T(5)}`, `2026/11/21/${T(0)}`, `2026/11/21/${T(5)}`, `2026/12/01/${T(0)}`);
    const range = (first: string, last: string) => choose({ range: `${root}/2026/11/20/${first}:2026/11/21/${last}` });
    expect(await range(T(5), T(0))).toEqual([`2026/11/20/${T(5)}`, `2026/11/21/${T(0)}`]);
    expect(await range(T(0), T(9))).toHaveLength(4);
    await expect(choose({ range: `${T(5)}:2026/11/${T(0)}` })).rejects.toThrow(/same depth/);
  });

  it('finds bare names wherever the layout put them', async () => {
    const at = (day: number) => `weir.202611${day}0000.parquet`;
    touch(`s/2026/11/20/${at(20)}`, `s/2026/11/21/${at(21)}`, `s/2026/11/22/${at(22)}`);
    const sources = join(root, 's');
    expect(await choose({ sources, range: `${at(20)}:${at(21)}` })).toEqual([
      `s/2026/11/20/${at(20)}`,
      `s/2026/11/21/${at(21)}`,
    ]);
    expect(await choose({ sources, range: at(21) })).toEqual([`s/2026/11/21/${at(21)}`, `s/2026/11/22/${at(22)}`]);
    expect(await choose({ sources, read: at(21) })).toEqual([`s/2026/11/21/${at(21)}`]);
    expect(await choose({ range: `${sources}/${at(20)}:${at(21)}` })).toHaveLength(2);
    await expect(choose({ sources, range: at(19) })).rejects.toThrow(at(19));
  });

  it('reads several sources', async () => {
    touch(`r1/${T(0)}`, `r1/${T(5)}`, `r2/${T(0)}`, `r3/${T(5)}`, `.x/${T(0)}`);
    expect(await choose({ sources: `${root}/r1:r2`, range: '.' })).toEqual([`r1/${T(0)}`, `r1/${T(5)}`, `r2/${T(0)}`]);
    for (const all of [`${root}@`, `${root}/@`]) {
      expect(await choose({ sources: all, range: `${T(0)}:${T(0)}` })).toEqual([`r1/${T(0)}`, `r2/${T(0)}`]);
      expect(await choose({ sources: all, read: T(5) })).toEqual([`r1/${T(5)}`, `r3/${T(5)}`]);
    }
    await expect(choose({ sources: `${root}/r1:r9`, range: '.' })).rejects.toThrow(join(root, 'r9'));
    await expect(choose({ sources: `${root}/none@`, range: '.' })).rejects.toThrow(/none/);
    await expect(choose({ sources: `${root}/r1:r2`, read: T(20) })).rejects.toThrow(T(20));
  });

  it('reads the parts of the running slot, and not those that are in its file', async () => {
    await segment(T(0), [part(0, 1), part(0, 2)]);
    touch(part(0, 1), part(0, 3), part(5, 1), part(5, 2));
    expect(await choose({ range: root })).toEqual([`${part(0, 3)}*`, T(0), `${part(5, 1)}*`, `${part(5, 2)}*`]);
    expect(await choose({ range: `${root}/${T(5)}` })).toEqual([`${part(5, 1)}*`, `${part(5, 2)}*`]);
    expect(await choose({ range: `${root}/${T(0)}:${T(0)}` })).toEqual([`${part(0, 3)}*`, T(0)]);
    expect(await choose({ read: join(root, T(5)) })).toEqual([`${part(5, 1)}*`, `${part(5, 2)}*`]);
  });

  it('names what is missing', async () => {
    await expect(choose({ read: join(root, 'none') })).rejects.toThrow(join(root, 'none'));
    await expect(choose({ range: join(root, 'none') })).rejects.toThrow(join(root, 'none'));
    await expect(choose({})).rejects.toThrow(UserError);
    await expect(choose({ read: root, range: root })).rejects.toThrow(/exclude/);
    expect(await choose({ read: root })).toEqual([]);
  });
});
