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

describeWith(['weir'], '--log to standard output and error', () => {
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

  it('whatever that is: a file or a pipe', async () => {
    expect((await logged('/dev/stdout', '>>FILE')).text).toMatch(SUMMARY);
    expect((await logged('/dev/stdout', '> >(cat >&2)')).stderr).toMatch(SUMMARY);
  });

  it('no other number: those are links', async () => {
    const { status, stderr } = await logged('/dev/fd/33', '33>>FILE');
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/^weir: cannot write the log to \/dev\/fd\/33 \(--log\): /),
    ]);
  });

  it('none of it in the background', async () => {
    const collector = await weir(['collect', '-D', '-w', tempDir('flows'), '-p', '0', '--log', '/dev/stderr']);
    expect([collector.status, collector.stderr]).toEqual([
      1,
      expect.stringContaining('(-D) has none of that: give a file'),
    ]);
  });
});
