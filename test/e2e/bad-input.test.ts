import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { pcap } from '../../pcaps/capture-file.mjs';
import { meter } from '../support/flow-meter.ts';
import { Daemon, describeWith, type Finished, ROOT, run, tempDir, weir } from '../support/process.ts';
import { readSegments } from '../support/segments.ts';
import { packetsByTshark } from '../support/tshark-meter.ts';
import { freeUdpPort } from '../support/udp.ts';

const DEMO = join(ROOT, 'pcaps/demo.pcap');
/** Discard: nothing listens there, and nothing has to. */
const NOWHERE = '127.0.0.1:9';
const CLI = join(ROOT, 'dist/cli/main.js');

/** One line that names what is wrong, and a failure. */
function expectRefusal({ status, stderr, signal }: Finished, ...patterns: RegExp[]): void {
  expect(signal, stderr).toBe(null);
  expect(status, stderr).not.toBe(0);
  expect(stderr.trimEnd().split('\n'), stderr).toHaveLength(1);
  expect(stderr).not.toMatch(/\bat .*\.[jt]s:\d+/);
  for (const pattern of patterns) expect(stderr).toMatch(pattern);
}

describeWith(['weir'], 'output that cannot be written', () => {
  const full = (...args: string[]) => run('bash', ['-c', '"$@" >/dev/full', 'bash', process.execPath, CLI, ...args]);

  it('is told of, with the cause', async () => {
    const store = tempDir('full-output');
    await weir(['export', '-r', DEMO, '-w', store, '-q']);
    for (const args of [
      ['export', '-r', DEMO, '-q', '-o', 'csv'],
      ['dump', '-R', store],
      ['sql', '-R', store, 'SELECT * FROM flows'],
      ['sql', '-R', store, '-o', 'parquet', 'SELECT * FROM flows'],
    ]) {
      expectRefusal(await full(...args), /^weir: cannot write the output: ENOSPC: no space left on device/);
    }
  });
});

describeWith(['weir'], 'a source of several that is not there', () => {
  it.each([
    ['dump', '-s', 'proto/flows'],
    ['sql', 'SELECT count(*) FROM flows'],
  ])('is told of, and %s answers from the others', async (command, ...question) => {
    const directory = tempDir('sources');
    await weir(['export', '-r', DEMO, '-w', join(directory, 'here'), '-q']);
    const of = (names: string) => weir([command, '-M', `${directory}/${names}`, '-R', '.', ...question]);
    const { status, stdout, stderr } = await of('here:gone');
    expect(stderr).toBe(`no such directory: ${directory}/gone (-M); it is left out\n`);
    expect(status).toBe(1);
    const answer = (text: string) => text.replace(/Sys:.*/, '');
    expect(answer(stdout)).toBe(answer((await of('here')).stdout));
  });
});

describeWith(['weir'], 'files that cannot be read', () => {
  const commands: [string, (file: string) => string[]][] = [
    ['weir export -r', (file) => ['export', '-r', file, '-n', NOWHERE, '-q']],
    ['weir collect -f', (file) => ['collect', '-f', file, '-w', tempDir('bad-file'), '-q']],
    ['weir dump -r', (file) => ['dump', '-r', file]],
  ];

  it.each(commands)('%s: a file that does not exist', async (_, args) => {
    const file = join(tempDir('bad-file'), 'gone.pcap');
    expectRefusal(await weir(args(file)), /gone\.pcap/, /no such file|not exist|not found/i);
  });

  it.each(commands)('%s: a directory', async (_, args) => {
    const directory = tempDir('bad-file-directory');
    expectRefusal(await weir(args(directory)), /bad-file-directory/);
  });

  it.each(commands)('%s: a text', async (_, args) => {
    const file = join(tempDir('bad-file'), 'notes.txt');
    writeFileSync(file, 'This is not a capture.\n'.repeat(100));
    expectRefusal(await weir(args(file)), /notes\.txt/);
  });

  it.each(commands)('%s: an empty file', async (_, args) => {
    const file = join(tempDir('bad-file'), 'empty.pcap');
    writeFileSync(file, '');
    expectRefusal(await weir(args(file)), /empty\.pcap/);
  });

  it('a capture of an unknown link type', async () => {
    const file = join(tempDir('bad-file'), 'bluetooth.pcap');
    writeFileSync(file, pcap([{ sec: 1, nsec: 0, bytes: Buffer.alloc(60) }], { linkType: 201 }));
    expectRefusal(await weir(['export', '-r', file, '-n', NOWHERE, '-q']), /bluetooth\.pcap/, /link type/i, /201/);
  });
});

describeWith(['weir', 'tshark'], 'a capture that ends within a packet', () => {
  it('is used as far as it is whole, then reported', async () => {
    const directory = tempDir('cut');
    const file = join(directory, 'cut.pcap');
    const whole = readFileSync(DEMO);
    writeFileSync(file, whole.subarray(0, whole.length - 33));
    const finished = await weir(['export', '-r', file, '-w', join(directory, 'store'), '-q']);
    expectRefusal(finished, /cut\.pcap/, /cut|truncated|ends/i);
    const { packets, damaged } = await packetsByTshark(file);
    expect(damaged).toBe(true);
    const flows = await readSegments(join(directory, 'store'));
    expect(flows).toHaveLength(meter(packets, { activeSec: 300, inactiveSec: 60 }).length);
    expect(flows.reduce((sum, flow) => sum + flow.packets, 0)).toBe(packets.length);
  });
});

describeWith(['weir'], 'networks that are not there', () => {
  it('an interface that does not exist', async () => {
    expectRefusal(await weir(['export', '-i', 'weir-none0', '-n', NOWHERE, '-q']), /weir-none0/);
  });

  it('a host that cannot be resolved', async () => {
    const finished = await weir(['export', '-r', DEMO, '-n', 'collector.invalid:9995', '-q']);
    expectRefusal(finished, /collector\.invalid/);
  });

  it.each(['127.0.0.1:0', '127.0.0.1:65536', ':9995', '127.0.0.1:port'])('the target %s', async (target) => {
    expectRefusal(await weir(['export', '-r', DEMO, '-n', target, '-q']), /HOST:PORT|port/i);
  });

  it('a port in use', async () => {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const port = String(socket.address().port);
    const finished = await weir(['collect', '-b', '127.0.0.1', '-p', port, '-w', tempDir('port'), '-q']);
    socket.close();
    expectRefusal(finished, new RegExp(port), /in use/i);
  });

  it('an address that is not of this machine', async () => {
    const finished = await weir(['collect', '-b', '192.0.2.1', '-p', '0', '-w', tempDir('address'), '-q']);
    expectRefusal(finished, /192\.0\.2\.1/);
  });
});

describeWith(['weir', 'root'], 'a live capture that cannot be', () => {
  it('an interface that is not there: those that are', async () => {
    expectRefusal(
      await weir(['export', '-i', 'nowhere7', '-o', 'json']),
      /nowhere7: no such device; there are (.*, )?lo\b/,
    );
  });
});

/** A copy of weir in a home that others have no business in, and a place where anybody may write. */
function installedForRootAlone(): { cli: string; place: string } {
  const [home, place] = [tempDir('home'), tempDir('place')];
  chmodSync(home, 0o700);
  chmodSync(place, 0o777);
  for (const part of ['dist', 'package.json', 'native/dist']) {
    cpSync(join(ROOT, part), join(home, part), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(home, 'node_modules'));
  return { cli: join(home, 'dist/cli/main.js'), place };
}

describeWith(['weir', 'root'], 'weir export -u', () => {
  it.each([
    ['with workers', ['--workers', '2', '-n', NOWHERE]],
    ['that prints', ['-o', 'json']],
    ['that writes', ['-w', 'flows']],
  ])('%s needs none of its own files any more', async (_, args) => {
    const { cli, place } = installedForRootAlone();
    const finished = await run(process.execPath, [cli, 'export', '-r', DEMO, '-u', 'nobody', ...args], { cwd: place });
    expect(finished.stderr).toMatch(/2872 metered/);
    expect(finished.status).toBe(0);
  });

  it('nor does weir collect over TCP', async () => {
    const { cli, place } = installedForRootAlone();
    const port = await freeUdpPort();
    const args = [cli, 'collect', '-p', `tcp:${port}`, '-b', '127.0.0.1', '-w', 'flows', '-u', 'nobody'];
    const daemon = new Daemon(process.execPath, args, { cwd: place });
    await daemon.until('storing', () => existsSync(join(place, 'flows')));
    const send = ['export', '-r', DEMO, '-q', '-n', `tcp://127.0.0.1:${port}`];
    await daemon.until('listening', async () => (await weir(send)).status === 0);
    expect((await daemon.stop()).status, daemon.output).toBe(0);
    expect(daemon.output).toMatch(/810 flows stored/);
  });

  it('says who there is not', async () => {
    expectRefusal(await weir(['export', '-r', DEMO, '-n', NOWHERE, '-u', 'nosuchuser']), /nosuchuser.*-u/);
  });
});

describeWith(['weir', 'root', 'setpriv'], 'without privileges', () => {
  it('capturing on an interface says what is missing', async () => {
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, CLI];
    const canStart = await run('setpriv', [...nobody, '--version']);
    expect(canStart.status, 'the user nobody cannot read this directory').toBe(0);
    const finished = await run('setpriv', [...nobody, 'export', '-i', 'lo', '-n', NOWHERE, '-q']);
    expectRefusal(finished, /\blo\b/, /permission|permitted|root|CAP_NET_RAW/i);
  });
});

describeWith(['weir'], 'command lines that make no sense', () => {
  const cases: [string, string[], RegExp][] = [
    ['a BPF filter', ['export', '-r', DEMO, '-n', NOWHERE, '-q', 'tcp', 'port', 'banana'], /banana|filter/],
    ['an option of export', ['export', '--nonsense', '-r', DEMO, '-n', NOWHERE], /nonsense/],
    ['an option of collect', ['collect', '--nonsense', '-w', '/tmp'], /nonsense/],
    ['an option of dump', ['dump', '--nonsense'], /nonsense/],
    ['a version', ['export', '-r', DEMO, '-n', NOWHERE, '-v', '7'], /-v.*7|7.*version/],
    ['a timeout', ['export', '-r', DEMO, '-n', NOWHERE, '--active', 'soon'], /active.*soon/],
    ['a source', ['export', '-r', DEMO, '-n', NOWHERE, '--source', 'radio'], /radio/],
    ['no input', ['export', '-n', NOWHERE], /-r|-i/],
    ['no output', ['export', '-r', DEMO], /-n|-w/],
    ['no store', ['collect'], /-w/],
    ['an interval', ['collect', '-w', '/tmp', '-t', '0'], /-t/],
    ['a command', ['measure'], /measure/],
    ['a scheme', ['export', '-r', DEMO, '-n', 'http://192.0.2.1:1'], /http:\/\/ is no way.*tcp:/],
  ];

  it.each(cases)('%s', async (_, args, pattern) => {
    expectRefusal(await weir(args), pattern);
  });

  it.each([
    ['tcp and and port 80', 'and port 80'],
    ['udp and (src net 192.0.2.0/24 dport 53)', 'dport 53)'],
    ['port', ''],
  ])('a BPF filter that libpcap cannot read: a caret stands where: %s', async (filter, rest) => {
    const { status, stderr } = await weir(['export', '-r', DEMO, '-n', NOWHERE, filter]);
    expect(status).toBe(1);
    const [message, shown, caret, ...more] = stderr.trimEnd().split('\n');
    expect(message).toContain(`filter "${filter}": `);
    expect(shown!.slice(caret!.indexOf('^'))).toBe(rest);
    expect(more).toEqual([]);
  });

  it('a filter of dump: a caret stands under the word', async () => {
    const store = tempDir('filter');
    expect((await weir(['export', '-r', DEMO, '-w', store, '-q'])).status).toBe(0);
    const { status, stderr } = await weir(['dump', '-R', store, 'proto tcp and prot udp']);
    expect(status).not.toBe(0);
    const lines = stderr.trimEnd().split('\n');
    const caret = lines.findIndex((line) => /^\s*\^/.test(line));
    expect(caret, stderr).toBeGreaterThan(0);
    expect(lines[caret - 1]!.slice(lines[caret]!.indexOf('^'))).toMatch(/^prot udp/);
  });
});

describeWith(['weir'], 'places where nothing can be written', () => {
  it.each(['export', 'collect'])('%s: a directory below a file', async (command) => {
    const directory = tempDir('not-writable');
    const file = join(directory, 'file');
    writeFileSync(file, '');
    const input = command === 'export' ? ['-r', DEMO] : ['-p', '0', '-b', '127.0.0.1'];
    expectRefusal(await weir([command, ...input, '-w', join(file, 'store'), '-q']), /not-writable/);
  });
});

describeWith(['weir', 'root'], 'where the system keeps no files', () => {
  it.runIf(existsSync('/proc/self/task')).each(['/proc/weir', '/proc/self/task', '/proc/self/task/a/b'])(
    '%s',
    async (directory) => {
      expectRefusal(await weir(['export', '-r', DEMO, '-w', directory, '-q'], { timeoutMs: 15_000 }), /\/proc\//);
    },
  );
});

describeWith(['weir', 'root', 'unshare'], 'a disk that is full', () => {
  it('ends with one line', async () => {
    const directory = join(tempDir('full'), 'store');
    mkdirSync(directory);
    const mount = `mount -t tmpfs -o size=8k none ${directory}`;
    const command = `${process.execPath} ${CLI} export -r ${DEMO} -w ${directory} -q`;
    const finished = await run('unshare', ['-m', 'sh', '-c', `${mount} && exec ${command}`]);
    expectRefusal(finished, /no space|disk.*full|ENOSPC/i);
    expect(existsSync(directory)).toBe(true);
  });
});
