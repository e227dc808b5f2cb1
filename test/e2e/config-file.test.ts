import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWith, ROOT, tempDir, weir, weirOk } from '../support/process.ts';

const DEMO = join(ROOT, 'pcaps/demo.pcap');

function configFile(text: string): string {
  const path = join(tempDir('config'), 'weir.yaml');
  writeFileSync(path, text);
  return path;
}

describeWith(['weir'], '--config', () => {
  it('weir export does what the file says, and what the command line says before that', async () => {
    const path = configFile(`captures: ${DEMO}\nfilter: udp\nprint: csv\nquiet: true\n`);
    const udp = await weirOk(['export', '--config', path]);
    expect(udp).toBe(await weirOk(['export', '-r', DEMO, '-o', 'csv', '-q', 'udp']));
    expect(await weirOk(['export', '--config', path, 'tcp'])).toBe(
      await weirOk(['export', '-r', DEMO, '-o', 'csv', '-q', 'tcp']),
    );
    expect(udp).not.toBe(await weirOk(['export', '--config', path, 'tcp']));
    expect(await weirOk(['export', '--config', path, '-o', 'json'])).toMatch(/^\{/);
  });

  it('lists are replaced by the command line, not added to', async () => {
    const path = configFile(`captures: ${DEMO}\ncollectors: [192.0.2.1:1, 192.0.2.1:2]\n`);
    const plan = await weirOk(['export', '--config', path, '-n', '192.0.2.1:3', '--dry-run']);
    expect(plan.match(/^send .*$/gm)).toEqual(['send    192.0.2.1:3']);
  });

  it('weir collect does what the file says', async () => {
    const directory = tempDir('collected');
    const path = configFile(`directory: ${directory}\nports: [70000]\nident: edge\n`);
    const refused = await weir(['collect', '--config', path]);
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toBe(
      `weir: ${path}:2: ports takes a port from 0 to 65535, tcp:PORT or tls:PORT, not "70000"\n`,
    );
    const overruled = await weir(['collect', '--config', path, '-p', '9995', '--check']);
    expect(overruled).toMatchObject({ status: 0, stdout: 'weir collect: these options are right\n' });
  });

  it.each([
    ['export', 'active: x', 'active takes a whole number from 1 to 2678400, not "x"'],
    ['export', 'collectors:\n\n  - 192.0.2.1:x', 'collectors: destination "192.0.2.1:x"', 4],
    ['export', 'sampling: 0', 'sampling takes N or N:random'],
    ['export', 'speed: 1\ninterfaces: [eth0]', 'speed is for capture files (-r)'],
    ['export', 'filter: prot udp', 'filter: filter "prot udp": '],
    ['export', 'interfaces: ["eth0:filter=prot udp"]', 'interfaces eth0: filter "prot udp": '],
    ['export', 'print: jsno', 'print jsno: no such format; did you mean json?'],
    ['export', 'intervall: 5', 'there is no setting "intervall": did you mean interval?'],
    ['collect', 'sampling: x', 'sampling takes a rate such as 100'],
    ['collect', 'directory-by-exporter: b', 'directory, -n and directory-by-exporter exclude each other', 1],
    ['collect', 'captures: [/nowhere.pcap]', 'captures "/nowhere.pcap" cannot be read: ENOENT'],
  ])('weir %s --check: %j', async (command, line, message, at = 2) => {
    const path = configFile(`${command === 'export' ? `quiet: true` : `directory: ${tempDir('a')}`}\n${line}\n`);
    const args = command === 'export' && !line.includes('interfaces') ? ['-r', DEMO] : [];
    const more = command === 'export' && !/collectors|print/.test(line) ? ['-n', '192.0.2.1:9995'] : [];
    const { status, stderr } = await weir([command, '--config', path, '--check', ...args, ...more]);
    expect(stderr).toContain(`weir: ${path}:${at}: `);
    expect(stderr).toContain(message);
    expect(status).toBe(1);
  });

  it('a directory that cannot be made is found by weir collect --check', async () => {
    const { status, stderr } = await weir(['collect', '-w', `${DEMO}/flows`, '--check']);
    expect(stderr).toContain(`flows cannot be written to "${DEMO}/flows": ${DEMO} is not a directory`);
    expect(status).toBe(1);
  });

  it.each(['export', 'collect'])('systemd/%s.yaml has every setting and is right', async (command) => {
    const path = join(ROOT, 'systemd', `${command}.yaml`);
    const listed = [...readFileSync(path, 'utf8').matchAll(/^(?:# )?([a-z][a-z0-9-]*):(?= |$)/gm)].map(
      ([, key]) => key,
    );
    const help = await weirOk([command, '--help']);
    const known = [...help.matchAll(/^\s+(?:-\w, )?\s*--([a-z][a-z0-9-]*)\s/gm)].map(([, key]) => key);
    const onCommandLine = ['config', 'check', 'dry-run', 'version', 'help'];
    expect(listed.toSorted()).toEqual(known.filter((key) => !onCommandLine.includes(key!)).toSorted());
    const ownPlace = command === 'collect' ? ['-w', tempDir('example')] : [];
    await weirOk([command, '--config', path, '--check', ...ownPlace]);
  });
});
