import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { netflow5 } from '../support/netflow5.ts';
import { Daemon, describeWith, runOk, sleep, tempDir } from '../support/process.ts';
import { countRows, segmentFiles } from '../support/segments.ts';
import { freeUdpPort, kernelQueue, sendDatagrams } from '../support/udp.ts';

const FLUSH_MS = '200';

describeWith(['weir', 'root', 'mount'], 'a full disk', () => {
  it('is told once, what is lost is counted, and storing goes on when there is room', async () => {
    const mount = tempDir('disk');
    await runOk('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'weir-test', mount]);
    onTestFinished(() => {
      spawnSync('umount', ['-l', mount]);
    });
    const directory = join(mount, 'flows');
    const ballast = join(mount, 'ballast');
    const port = await freeUdpPort();
    const options = ['-b', '127.0.0.1', '-p', String(port), '-w', directory, '-t', '3600', '--flush', FLUSH_MS];
    const collector = Daemon.weir(['collect', ...options]);
    await collector.until('listening', () => kernelQueue(port).listeners > 0);
    let flows = 0;
    const sendUntil = (what: string, condition: () => boolean) =>
      collector.until(what, async () => {
        await sendDatagrams([netflow5(30, flows)], port);
        flows += 30;
        return condition();
      });
    const stored = () => segmentFiles(directory).length;

    await sendUntil('storing', () => stored() > 0);
    // Whatever room is left.
    spawnSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=4k']);
    await sendUntil('out of room', () => collector.output.includes('flows are not being stored'));
    for (let more = 0; more < 20; more++) {
      await sendDatagrams([netflow5(30, flows)], port);
      flows += 30;
      await sleep(50);
    }
    rmSync(ballast);
    await sendUntil('storing again', () => collector.output.includes('flows are being stored again'));
    expect(collector.output.match(/flows are not being stored/g)).toHaveLength(1);
    const { status } = await collector.stop();

    const lost = Number(/flows are being stored again; (\d+) were lost/.exec(collector.output)![1]);
    expect(lost).toBeGreaterThan(30);
    expect(await countRows(segmentFiles(directory))).toBe(flows - lost);
    expect(collector.output).toContain(`${flows - lost} flows stored`);
    expect(status, 'flows were lost').toBe(1);
  });
});
