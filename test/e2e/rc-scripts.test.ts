import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { describeWith, type Finished, findTool, ROOT, run, runOk, sleep, tempDir } from '../support/process.ts';
import { freeUdpPort } from '../support/udp.ts';

const STAND_IN = join(ROOT, 'test/support/rc');
const SCRIPTS = ['weir_export', 'weir_collect'];
/** What the stand-ins and the scripts call. */
const TOOLS = ['sh', 'ps', 'sleep'];

/** A script of rc.d in a system of its own: directories of FreeBSD below a temporary one, PATH as service(8) sets it. */
class Service {
  readonly root = tempDir('rc');
  private readonly name: string;

  constructor(name: string, settings: string) {
    this.name = name;
    for (const directory of ['bin', 'usr/local/bin', 'usr/local/etc/weir', 'var/run', 'var/log']) {
      mkdirSync(join(this.root, directory), { recursive: true });
    }
    for (const tool of TOOLS) symlinkSync(findTool(tool)!, join(this.root, 'bin', tool));
    symlinkSync(process.execPath, join(this.root, 'usr/local/bin/node'));
    symlinkSync(join(ROOT, 'dist/cli/main.js'), join(this.root, 'usr/local/bin/weir'));
    chmodSync(join(ROOT, 'dist/cli/main.js'), 0o755);
    const text = readFileSync(join(ROOT, 'rc.d', name), 'utf8')
      .replace('/etc/rc.subr', join(STAND_IN, 'rc.subr'))
      .replace('/usr/sbin/daemon', join(STAND_IN, 'daemon'))
      .replaceAll(/(?<![\w.-])\/(?=usr\/local|var)/g, `${this.root}/`);
    writeFileSync(join(this.root, name), text, { mode: 0o755 });
    this.enable('YES');
    this.set(settings);
    services.push(this);
  }

  enable(answer: 'YES' | 'NO'): void {
    writeFileSync(join(this.root, 'rc.conf'), `${this.name}_enable="${answer}"\n${this.name}_flags="--ident of-rc"\n`);
  }

  set(settings: string): void {
    writeFileSync(join(this.root, `usr/local/etc/weir/${this.name.slice(5)}.yaml`), settings);
  }

  /** `service NAME COMMAND`. */
  run(command: string): Promise<Finished> {
    const env = [`PATH=${join(this.root, 'bin')}`, `RC_CONF=${join(this.root, 'rc.conf')}`];
    return run('/usr/bin/env', ['-i', ...env, join(this.root, this.name), command]);
  }

  log(): string {
    const path = join(this.root, `var/log/${this.name}.log`);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  async logs(what: string): Promise<void> {
    for (let i = 0; !this.log().includes(what); i++) {
      if (i > 300) throw new Error(`no "${what}" in the log:\n${this.log()}`);
      await sleep(50);
    }
  }
}

const services: Service[] = [];
afterEach(async () => {
  for (const service of services.splice(0)) await service.run('stop');
});

describeWith(['sh'], 'rc.d scripts', () => {
  it.each(SCRIPTS)('%s is a shell script', async (name) => {
    await runOk('sh', ['-n', join(ROOT, 'rc.d', name)]);
  });
});

describeWith(['shellcheck'], 'rc.d scripts, to shellcheck', () => {
  it.each(SCRIPTS)('%s is clean', async (name) => {
    await runOk('shellcheck', ['-s', 'sh', join(ROOT, 'rc.d', name)]);
  });
});

describeWith(['weir', ...TOOLS], 'rc.d/weir_collect', () => {
  it('starts, reloads what is right, restarts and stops', async () => {
    const settings = `listen: ["udp://127.0.0.1:${await freeUdpPort()}"]\n`;
    const service = new Service('weir_collect', '');
    const store = join(service.root, 'flows');
    service.set(`${settings}directory: ${store}\n`);

    service.enable('NO');
    expect((await service.run('start')).stdout).toContain('Set weir_collect_enable to YES');
    service.enable('YES');
    expect(await service.run('status')).toMatchObject({ status: 1, stdout: 'weir_collect is not running.\n' });
    service.set('drectory: x\n');
    const mistake = await service.run('start');
    expect([mistake.status, mistake.stderr]).toEqual([
      1,
      expect.stringMatching(/collect\.yaml:1: there is no setting "drectory"/),
    ]);

    service.set(`${settings}directory: ${store}\n`);
    expect((await service.run('start')).status).toBe(0);
    await service.logs('listening on');
    const running = await service.run('status');
    expect([running.status, running.stdout]).toEqual([
      0,
      expect.stringMatching(/^weir_collect is running as pid \d+\.\n$/),
    ]);
    expect(await service.run('start')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('already running?'),
    });

    service.set('quiet: perhaps\n');
    expect((await service.run('reload')).status).toBe(1);
    expect((await service.run('status')).stdout).toBe(running.stdout);
    service.set(`${settings}directory: ${store}\nexpire: true\n`);
    expect((await service.run('reload')).status).toBe(0);
    await service.logs('SIGHUP: changed expire');

    expect((await service.run('restart')).status).toBe(0);
    await service.logs('SIGTERM');
    expect((await service.run('status')).stdout).not.toBe(running.stdout);
    expect((await service.run('stop')).status).toBe(0);
    expect((await service.run('status')).status).toBe(1);
    expect(await service.run('stop')).toMatchObject({ status: 1, stderr: expect.stringContaining('not running?') });
  });
});

describeWith(['weir', 'root', ...TOOLS], 'rc.d/weir_export', () => {
  it('starts, tells its status and stops', async () => {
    const service = new Service('weir_export', '');
    service.set(`interfaces: [lo]\ndirectory: ${join(service.root, 'flows')}\n`);
    expect((await service.run('status')).status).toBe(1);
    expect((await service.run('start')).status).toBe(0);
    await service.logs('capturing on lo');
    const { status, stdout } = await service.run('status');
    expect([status, stdout]).toEqual([
      0,
      expect.stringMatching(/^weir export, process \d+, running for .*\nread +lo: /),
    ]);
    expect((await service.run('reload')).status).toBe(0);
    expect((await service.run('stop')).status).toBe(0);
    await service.logs('SIGTERM: sending the flows at hand');
    expect((await service.run('status')).status).toBe(1);
  });
});
