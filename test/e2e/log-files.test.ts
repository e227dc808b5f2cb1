import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWith, ROOT, run, tempDir, weir } from '../support/process.ts';

const DEMO = join(ROOT, 'pcaps/demo.pcap');
const SUMMARY = /packets read, .* metered/;

/** What `weir export --log LOG` leaves on standard output, standard error and in FILE, with a shell's redirections. */
async function logged(log: string, redirections = '') {
  const file = join(tempDir('log'), 'passed.log');
  const command = `"$0" dist/cli/main.js export -r '${DEMO}' -o null --log '${log}' ${redirections.replace('FILE', `'${file}'`)}`;
  const { status, stdout, stderr } = await run('bash', ['-c', command, process.execPath], { env: { LC_ALL: 'C' } });
  let text = '';
  if (redirections.includes('FILE')) text = readFileSync(file, 'utf8');
  return { status, stdout, stderr, text };
}

describeWith(['weir'], '--log to what weir was started with', () => {
  it.each(['/dev/stderr', '/dev/fd/2', '/proc/self/fd/2'])('%s is standard error', async (name) => {
    const { status, stdout, stderr } = await logged(name);
    expect([status, stdout]).toEqual([0, '']);
    expect(stderr).toMatch(SUMMARY);
  });

  it.each(['/dev/stdout', '/dev/fd/1', '/proc/self/fd/1'])('%s is standard output', async (name) => {
    const { status, stdout, stderr } = await logged(name);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(SUMMARY);
  });

  it('a file or a pipe that the shell has opened', async () => {
    expect((await logged('/dev/fd/33', '33>>FILE')).text).toMatch(SUMMARY);
    expect((await logged('/dev/fd/34', '34> >(cat >&2)')).stderr).toMatch(SUMMARY);
  });

  it('nothing that is not there, is only read, or is of Node.js itself', async () => {
    const none = (file: number) =>
      `weir: cannot write the log to /dev/fd/${file} (--log): weir was started without a file ${file} to write to\n`;
    expect((await logged('/dev/fd/99')).stderr).toBe(none(99));
    expect((await logged('/dev/fd/34', '34< <(sleep 1)')).stderr).toBe(none(34));
    for (const file of [3, 4, 5, 6, 7, 8, 9]) {
      const { status, stderr } = await logged(`/dev/fd/${file}`);
      expect([status, stderr]).toEqual([1, none(file)]);
    }
  });

  it('none of it in the background', async () => {
    const collector = await weir(['collect', '-D', '-w', tempDir('flows'), '-p', '0', '--log', '/dev/stderr']);
    expect([collector.status, collector.stderr]).toEqual([
      1,
      expect.stringContaining('(-D) has none of that: give a file'),
    ]);
  });
});
