import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../../../src/flow/user-error.ts';
import { runDumpCommand } from '../../../src/pipeline/query/dump.ts';
import { FlowSources } from '../../../src/pipeline/query/flow-sources.ts';
import { parseDumpArguments } from '../../../src/query/arguments.ts';
import { makeFlows } from '../../query/support/generate.ts';
import { writeSegment } from '../../query/support/parquet.ts';
import { dumpText, inZone } from '../../query/support/run-dump.ts';
import { tempDir } from '../../support/process.ts';

const kept = join(import.meta.dirname, '../../query/golden/flows.nfcapd');
const FLOWS = 150;

let directory: string;
let sources: FlowSources;
let logged: string[];

beforeAll(async () => {
  directory = tempDir('sources');
  for (const name of ['old/a', 'old/b', 'store']) mkdirSync(join(directory, name), { recursive: true });
  for (const name of ['a/nfcapd.202611201000', 'a/nfcapd.202611201005', 'b/nfcapd.202611201000']) {
    copyFileSync(kept, join(directory, 'old', name));
  }
  for (const time of ['202611201000', '202611201005']) {
    await writeSegment(join(directory, `store/weir.${time}.parquet`), makeFlows(10));
  }
});
beforeEach(() => {
  logged = [];
  sources = new FlowSources((message) => logged.push(message));
});
afterEach(() => sources.close());

async function flowsOf(paths: readonly string[]): Promise<number> {
  let flows = 0;
  for (const path of paths) {
    const text = await dumpText(['-r', path, '-o', 'null']);
    flows += Number(/total flows: (\d+)/.exec(text)![1]);
  }
  return flows;
}

describe('files of nfcapd', () => {
  it.each([
    ['one', { read: 'old/a/nfcapd.202611201000' }, 1],
    ['a directory', { read: 'old/a' }, 2],
    ['all below a directory', { range: 'old' }, 3],
    ['a range', { range: 'old/a/nfcapd.202611201000:nfcapd.202611201004' }, 1],
    ['of two sources', { sources: 'old/a:b', read: 'nfcapd.202611201000' }, 2],
    ['of all sources', { sources: 'old@', range: '.' }, 3],
  ])('are read directly: %s', async (_name, selection, files) => {
    const below = Object.fromEntries(
      Object.entries(selection).map(([key, path]) => [
        key,
        'sources' in selection && key !== 'sources' ? path : join(directory, path),
      ]),
    );
    const paths = await sources.choose(below);
    expect(paths).toHaveLength(files);
    expect(await flowsOf(paths)).toBe(files * FLOWS);
  });

  it('keep the time in their names, for -g', async () => {
    copyFileSync(kept, join(directory, 'timeless'));
    await inZone('Europe/Zurich', async () => {
      const named = await sources.choose({ read: join(directory, 'old/a/nfcapd.202611201005') });
      expect(await dumpText(['-r', named[0]!, '-g'])).toMatch(/\n2026-11-20 10:05:00,150,/);
      const timeless = await sources.choose({ read: join(directory, 'timeless') });
      const line = await dumpText(['-r', timeless[0]!, '-q', '-O', 'tstart', '-n', '1', '-o', 'fmt:%ts']);
      expect(await dumpText(['-r', timeless[0]!, '-g'])).toContain(`\n${line.slice(0, 19)},150,`);
    });
  });

  it('are neither changed nor verified', async () => {
    for (const options of [['-v'], ['-J', '0', '-r'], ['-i', 'other', '-r']]) {
      await expect(runDumpCommand(parseDumpArguments([...options, kept]))).rejects.toThrow(
        'only weir import verifies and converts it',
      );
    }
  });

  it('leave nothing behind', async () => {
    const [path] = await sources.choose({ read: join(directory, 'old/a/nfcapd.202611201000') });
    expect(existsSync(path!)).toBe(true);
    await sources.close();
    expect(existsSync(path!)).toBe(false);
  });
});

describe('slots of a store', () => {
  it.each(['UTC', 'America/New_York'])('are found under the names that nfcapd gives them in %s', async (zone) => {
    await inZone(zone, async () => {
      const [first, second] = zone === 'UTC' ? ['1000', '1005'] : ['0500', '0505'];
      const store = join(directory, 'store');
      const one = await sources.choose({ read: join(store, `nfcapd.20261120${second}`) });
      expect(one).toEqual([join(store, 'weir.202611201005.parquet')]);
      const both = await sources.choose({
        range: join(store, `nfcapd.20261120${first}:nfcapd.20261120${second}`),
      });
      expect(both).toHaveLength(2);
      const bySource = await sources.choose({ sources: store, read: `nfcapd.20261120${first}` });
      expect(bySource).toEqual([join(store, 'weir.202611201000.parquet')]);
    });
  });

  it.each(['store/nfcapd.202611201005:nfcapd.202611201000', 'old/a/nfcapd.203001010000:nfcapd.202611201000'])(
    'are refused where the range is the wrong way round: %s',
    async (typed) => {
      const range = join(directory, typed);
      await expect(sources.choose({ range })).rejects.toThrow(`the range ends before it begins: ${range}`);
    },
  );

  it('that are not there are refused under the name that was typed', async () => {
    const read = join(directory, 'store/nfcapd.203001010000');
    await expect(sources.choose({ read })).rejects.toThrow(UserError);
    await expect(sources.choose({ read })).rejects.toThrow(read);
  });
});

describe('sources', () => {
  const read = 'nfcapd.202611201000';

  it('that are not there are told once and left out', async () => {
    const some = join(directory, 'old/a:none:b');
    expect(await sources.choose({ sources: some, read })).toHaveLength(2);
    expect(await sources.choose({ sources: some, read })).toHaveLength(2);
    expect(logged).toEqual([`no such directory: ${join(directory, 'old/none')} (-M); it is left out`]);
    expect(sources.missing.status).toBe(1);
  });

  it('of which none is there are refused', async () => {
    await expect(sources.choose({ sources: join(directory, 'old/none:nor'), read })).rejects.toThrow(
      `no such directory: ${join(directory, 'old/none')} (-M)`,
    );
    expect(logged).toEqual([]);
  });
});
