import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sendFrom, startCollector } from '../support/collector.ts';
import { netflow5 } from '../support/netflow5.ts';
import { Daemon, describeWith, ROOT, run, sleep, tempDir, weir } from '../support/process.ts';
import { countRows, segmentFiles } from '../support/segments.ts';
import { drained, freeUdpPort, kernelQueue, sendDatagrams } from '../support/udp.ts';

const CLI = join(ROOT, 'dist/cli/main.js');

const stored = (directory: string) => countRows(segmentFiles(directory));

/** Ends the process that a pid file names and waits until the file is gone. */
async function endByPidFile(path: string): Promise<void> {
  process.kill(Number(readFileSync(path, 'utf8')), 'SIGTERM');
  for (const begin = Date.now(); existsSync(path) && readFileSync(path, 'utf8') !== ''; await sleep(20)) {
    if (Date.now() - begin > 15_000) throw new Error(`${path} is still there`);
  }
}

describeWith(['weir', 'root'], 'a start script of nfcapd 1.6', () => {
  it('-w -D -p PORT -u USER -g GROUP -B 200000 -S 1 -P pid -z -I name -l dir', async () => {
    const cwd = tempDir('script');
    const directory = join(cwd, 'flows');
    mkdirSync(directory);
    for (const path of [cwd, directory]) chmodSync(path, 0o777);
    const port = await freeUdpPort();
    const line = `-w -D -p ${port} -u nobody -g nogroup -B 200000 -S 1 -P pid -z -I name -l flows --log log`;
    const started = await run(process.execPath, [CLI, 'collect', ...line.split(' ')], { cwd });
    expect(started.status, started.stderr).toBe(0);
    // The process that was typed ends when the other listens, not before.
    expect(kernelQueue(port).listeners).toBe(1);
    await sendDatagrams([netflow5(5, 0)], port);
    await drained(port);
    await endByPidFile(join(cwd, 'pid'));
    const files = segmentFiles(directory);
    expect(files).toHaveLength(1);
    expect(await countRows(files)).toBe(5);
    expect(statSync(files[0]!).uid).toBe(65_534);
    const log = readFileSync(join(cwd, 'log'), 'utf8');
    expect(log).toMatch(/-z has no effect/);
    expect(log).toMatch(/Ident: 'name' Flows: 5,/);
  });
});

describeWith(['weir', 'root'], 'a start that fails as another user', () => {
  it('says who that is, and leaves no pid file', async () => {
    const cwd = tempDir('refused');
    chmodSync(cwd, 0o711);
    const port = await freeUdpPort();
    const line = `-D -P pid -p ${port} -u nobody -w flows`;
    const started = await run(process.execPath, [CLI, 'collect', ...line.split(' ')], { cwd });
    expect(started.status).toBe(1);
    expect(started.stderr).toMatch(/cannot use .*flows for flows: EACCES.*: by now weir is user nobody \(-u\)/);
    expect(existsSync(join(cwd, 'pid'))).toBe(false);
    const inFront = await run(process.execPath, [CLI, 'collect', ...line.split(' ').slice(1)], { cwd });
    expect(inFront.status).toBe(1);
    expect(readFileSync(join(cwd, 'pid'), 'utf8')).toBe('');
  });
});

describeWith(['weir'], 'start lines of nfcapd', () => {
  it('-w -D -l dir -p PORT, and errors of the start are seen by who typed it', async () => {
    const cwd = tempDir('background');
    const port = await freeUdpPort();
    const line = `-w -D -l flows -p ${port} -P pid`;
    const started = await run(process.execPath, [CLI, 'collect', ...line.split(' ')], { cwd });
    expect(started.status, started.stderr).toBe(0);
    await sendDatagrams([netflow5(3, 0)], port);
    await drained(port);
    const again = await run(process.execPath, [CLI, 'collect', '-D', '-l', 'other', '-p', String(port)], { cwd });
    expect(again.status).toBe(1);
    expect(again.stderr).toMatch(/port is in use/);
    await endByPidFile(join(cwd, 'pid'));
    expect(await stored(join(cwd, 'flows'))).toBe(3);
  });

  it('-T all -B 1000000 -n name,127.0.0.1,.', async () => {
    const cwd = tempDir('here');
    const port = await freeUdpPort();
    const line = `-p ${port} -T all -B 1000000 -n name,127.0.0.1,.`;
    const collector = new Daemon(process.execPath, [CLI, 'collect', ...line.split(' ')], { cwd });
    await collector.until('listening', () => kernelQueue(port).listeners > 0);
    await sendDatagrams([netflow5(4, 0)], port);
    await drained(port);
    expect((await collector.stop()).status, collector.output).toBe(0);
    expect(await stored(cwd)).toBe(4);
    expect(collector.output).toMatch(/Ident: 'name' Flows: 4,/);
  });
});

describeWith(['weir'], 'sources of a collector', () => {
  it('-n: by address and block, the longer prefix counts; others are ignored and counted', async () => {
    const directory = tempDir('listed');
    const port = await freeUdpPort();
    const args = [
      ...['-n', `one,127.0.0.2;127.0.9.9,${directory}/one`],
      ...['-n', `block,127.0.1.0/24,${directory}/block`],
      ...['-n', `host,127.0.1.7,${directory}/host`],
    ];
    const collector = await startCollector(args, port);
    const flows: [string, number][] = [
      ['127.0.0.2', 1],
      ['127.0.1.1', 2],
      ['127.0.1.7', 4],
      ['127.0.9.9', 8],
      ['127.0.3.3', 16],
      ['127.0.1.1', 10],
      ['127.0.3.3', 16],
    ];
    await sendFrom(
      flows.map(([from, count]) => ({ from, datagram: netflow5(count, 0) })),
      port,
    );
    await drained(port);
    expect((await collector.stop()).status, collector.output).toBe(0);
    const names = ['one', 'block', 'host'];
    expect(await Promise.all(names.map((name) => stored(join(directory, name))))).toEqual([9, 12, 4]);
    expect(collector.output).toMatch(/127\.0\.3\.3 are ignored: no -n has its address/);
    expect(collector.output.match(/127\.0\.3\.3 are ignored/g)).toHaveLength(1);
    expect(collector.output).toMatch(/ 2 datagrams ignored/);
  });

  it('-M: a sub-directory for each exporter', async () => {
    const directory = tempDir('dynamic');
    const port = await freeUdpPort();
    const collector = await startCollector(['-M', directory, '-S', '0'], port);
    const senders = ['127.0.0.2', '127.0.0.3', '127.0.0.2', '127.0.0.4', '127.0.0.3'];
    await sendFrom(
      senders.map((from) => ({ from, datagram: netflow5(3, 0) })),
      port,
    );
    await drained(port);
    expect((await collector.stop()).status, collector.output).toBe(0);
    expect(readdirSync(directory).sort()).toEqual(['127-0-0-2', '127-0-0-3', '127-0-0-4']);
    expect(await stored(join(directory, '127-0-0-2'))).toBe(6);
    expect(await stored(join(directory, '127-0-0-4'))).toBe(3);
    const dump = await weir(['dump', '-M', `${directory}/@`, '-R', '.', '-q', '-A', 'proto', '-o', 'csv']);
    expect(dump.status, dump.stderr).toBe(0);
  });

  it('-p twice: both ports', async () => {
    const directory = tempDir('ports');
    const [port, other] = [await freeUdpPort(), await freeUdpPort()];
    const collector = await startCollector(['-w', directory, '-p', String(other)], port);
    await collector.until('listening on both', () => kernelQueue(other).listeners > 0);
    await sendDatagrams([netflow5(3, 0)], port);
    await sendDatagrams([netflow5(4, 3)], other);
    await drained(other);
    expect((await collector.stop()).status, collector.output).toBe(0);
    expect(await stored(directory)).toBe(7);
  });

  it('-P: refused while that process runs, replaced when it does not', async () => {
    const directory = tempDir('pid');
    const file = join(directory, 'pid');
    const port = await freeUdpPort();
    writeFileSync(file, `${process.pid}\n`);
    const refused = await weir(['collect', '-b', '127.0.0.1', '-p', '0', '-w', join(directory, 'a'), '-P', file]);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain(`process ${process.pid} runs already`);
    const { stdout } = await run('sh', ['-c', 'echo $$']);
    writeFileSync(file, stdout);
    const collector = await startCollector(['-w', join(directory, 'a'), '-P', file], port);
    await collector.until('naming itself', () => readFileSync(file, 'utf8') === `${collector.child.pid}\n`);
    expect((await collector.stop()).status).toBe(0);
    expect(existsSync(file)).toBe(false);
  });

  it('-x: the command runs for each slot', async () => {
    const directory = tempDir('command');
    const port = await freeUdpPort();
    const collector = await startCollector(
      ['-w', directory, '-t', '1', '-S', '0', '-I', 'x', '-x', 'echo got %i %f %d'],
      port,
    );
    await sendDatagrams([netflow5(3, 0)], port);
    await collector.until('two commands ran', () => (collector.output.match(/-x: got/g) ?? []).length >= 2);
    expect((await collector.stop()).status).toBe(0);
    const [, file] = new RegExp(`-x: got x (weir\\.\\d{14}\\.parquet) ${directory}\n`).exec(collector.output)!;
    expect(existsSync(join(directory, file!))).toBe(true);
    const slots = (collector.output.match(/Ident: 'x'/g) ?? []).length;
    expect(collector.output.match(/-x: got/g)).toHaveLength(slots);
  });
});
