import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { describeWith, type Finished, ROOT, run, tempDir, weirOk } from '../support/process.ts';

const DEMO = join(ROOT, 'pcaps/demo.pcap');

/** Commands whose output tells of no time that passed. */
const COMMANDS = [
  ['--version'],
  ['export', '-r', DEMO, '-o', 'json', '-q'],
  ['collect', '-f', DEMO, '-w', 'collected', '-q'],
  ['dump', '-r', 'FLOWS', '-q', '-s', 'proto/bytes'],
  ['export', '-r', 'nothing.pcap', '-o', 'json'],
];

describeWith(['weir'], 'compiled code beside the code', () => {
  const cli = join(ROOT, 'dist/cli/main.js');
  let flows = '';
  let expected: Finished[] = [];
  const outcomes = async (cli: string, cwd: string) => {
    const all = [];
    for (const args of COMMANDS) {
      const given = args.map((arg) => (arg === 'FLOWS' ? flows : arg));
      all.push(await run(process.execPath, [cli, ...given], { cwd }));
    }
    return all;
  };

  beforeAll(async () => {
    flows = tempDir('flows');
    await weirOk(['export', '-r', DEMO, '-w', flows, '-q']);
    expected = await outcomes(cli, tempDir('cwd'));
  });

  it('is taken by this Node.js, and covers what a start loads', async () => {
    const hook = join(tempDir('hook'), 'hook.cjs');
    writeFileSync(
      hook,
      `const vm = require('node:vm');
      vm.Script = class extends vm.Script {
        constructor(code, options) {
          super(code, options);
          console.error('cache of', options.filename, options.cachedData && !this.cachedDataRejected ? 'taken' : 'refused');
        }
      };`,
    );
    for (const args of COMMANDS.slice(0, 4)) {
      const given = args.map((arg) => (arg === 'FLOWS' ? flows : arg));
      // As the build has it: V8 takes nothing that was compiled under other options.
      const { stderr } = await run(process.execPath, ['--require', hook, cli, ...given], {
        cwd: tempDir('cwd'),
        env: { NODE_OPTIONS: '' },
      });
      const told = stderr.split('\n').filter((line) => line.startsWith('cache of'));
      expect(told.length).toBeGreaterThan(1);
      expect(told.filter((line) => !line.endsWith(' taken'))).toEqual([]);
    }
  });

  it.each<[string, (path: string, other: string) => void]>([
    ['absent', (path) => rmSync(path)],
    ['empty', (path) => truncateSync(path, 0)],
    ['cut in its header', (path) => truncateSync(path, 10)],
    ['cut by one octet', (path) => truncateSync(path, readFileSync(path).length - 1)],
    ['of another text', (path, other) => cpSync(other, path)],
    ['of another version of V8', (path) => changeOctet(path, 4)],
    [
      'a directory',
      (path) => {
        rmSync(path);
        mkdirSync(path);
      },
    ],
  ])('changes nothing but time: %s', async (_, spoil) => {
    const home = tempDir('home');
    for (const part of ['dist', 'package.json']) cpSync(join(ROOT, part), join(home, part), { recursive: true });
    for (const part of ['native', 'node_modules']) symlinkSync(join(ROOT, part), join(home, part));
    const directory = join(home, 'dist/cli');
    const caches = readdirSync(directory).filter((name) => name.endsWith('.cache'));
    const other = join(home, 'other');
    cpSync(join(directory, caches.find((name) => name.startsWith('version-'))!), other);
    for (const name of caches) if (!name.startsWith('version-')) spoil(join(directory, name), other);
    expect(await outcomes(join(directory, 'main.js'), tempDir('cwd'))).toEqual(expected);
  });
});

function changeOctet(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset]! ^= 0xff;
  writeFileSync(path, bytes);
}
