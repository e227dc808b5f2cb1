import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeDatagrams } from '../query/parity/datagrams.ts';
import { collectIntoFile } from '../query/parity/store.ts';
import { describeWith, ROOT, run, tempDir } from '../support/process.ts';

describeWith(['weir'], 'weir dump in a pipe', () => {
  it('writes a flow file to standard output and reads one from standard input', async () => {
    const file = join(tempDir('dump-pipes'), 'flows.parquet');
    await collectIntoFile(makeDatagrams(), file);
    const weir = `"${process.execPath}" "${join(ROOT, 'dist/cli/main.js')}" dump`;
    const shell = (line: string) => run('sh', ['-c', line]);
    const whole = await shell(`${weir} -r "${file}" -q -s proto 'proto tcp or proto udp'`);
    const piped = await shell(`${weir} -r "${file}" -w - 'proto tcp or proto udp' | ${weir} -q -s proto`);
    expect(whole.stdout.split('\n')).toHaveLength(3);
    expect(piped).toEqual(whole);
    for (const [input, what] of [
      ['/dev/null', 'nothing'],
      ['package.json', 'no flow file'],
    ]) {
      const refused = await shell(`${weir} -s proto < ${input}`);
      const stderr = `weir: there is ${what} on standard input: give -r FILE or -R DIR; see weir dump --help\n`;
      expect(refused).toMatchObject({ status: 1, stdout: '', stderr });
    }
  });

  it('is called by the name of a link', async () => {
    const directory = tempDir('dump-links');
    const main = join(ROOT, 'dist/cli/main.js');
    for (const name of ['nfdump', 'nfcapd', 'flows']) symlinkSync(main, join(directory, name));
    expect(await run(join(directory, 'nfdump'), ['-Z', 'proto tcp'])).toMatchObject({ status: 0, stdout: '' });
    const version = await run(join(directory, 'nfdump'), ['-c', '1', '-V']);
    expect(version.stdout).toMatch(/^weir dump: Version: 1\.7\.\d+ .* weir \d+\.\d+\.\d+\n$/);
    expect((await run(join(directory, 'nfcapd'), ['--help'])).stdout).toContain('\nweir collect (');
    expect((await run(join(directory, 'flows'), ['-Z', 'proto tcp'])).stderr).toContain('there is no command "-Z"');
  });
});
