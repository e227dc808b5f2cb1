import { join } from 'node:path';
import { Daemon, ROOT, run, runOk, sleep, tempDir } from './process.ts';
import { addressText, query, segmentFiles } from './segments.ts';

const CLI = join(ROOT, 'dist/cli/main.js');
const SEND = join(ROOT, 'test/support/send-udp.mjs');

/** Forwarded by the router, for the router, and of the router's own: datagrams sent, each to a port of its own. */
export const FORWARDED = 20;
export const RECEIVED = 7;
export const OWN = 5;

/** Flows of one kind of traffic in an export of the router. */
export interface Seen {
  kind: 'forwarded' | 'received' | 'own';
  in: string;
  out: string;
  direction: number;
  packets: number;
  srcMask: number;
  dstMask: number;
  nextHop: string;
}

/**
 * A router between two hosts, each in a network namespace of its own: left (10.1.0.2) - r0, router, r1 - right (10.2.0.2).
 * Behind right is 10.3.0.0/16.
 */
export class RouterLab {
  private readonly names = ['left', 'router', 'right'].map((role) => `weir-${role}-${process.pid}`);
  private indices: Record<number, string> = {};

  async build(): Promise<void> {
    const [left, router, right] = this.names as [string, string, string];
    for (const name of this.names) {
      await runOk('ip', ['netns', 'add', name]);
      await this.inside(name, ['sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6']);
      await this.inside(name, ['ip', 'link', 'set', 'lo', 'up']);
    }
    const sides = [
      { host: left, near: 'r0', net: '10.1.0' },
      { host: right, near: 'r1', net: '10.2.0' },
    ];
    for (const { host, near, net } of sides) {
      await this.inside(router, ['ip', 'link', 'add', near, 'type', 'veth', 'peer', 'name', 'e0', 'netns', host]);
      await this.inside(router, ['ip', 'addr', 'add', `${net}.1/24`, 'dev', near]);
      await this.inside(router, ['ip', 'link', 'set', near, 'up']);
      await this.inside(host, ['ip', 'addr', 'add', `${net}.2/24`, 'dev', 'e0']);
      await this.inside(host, ['ip', 'link', 'set', 'e0', 'up']);
      await this.inside(host, ['ip', 'route', 'add', 'default', 'via', `${net}.1`]);
      this.indices[Number(await this.inside(router, ['cat', `/sys/class/net/${near}/ifindex`]))] = near;
    }
    await this.inside(router, ['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
    await this.inside(router, ['ip', 'route', 'add', '10.3.0.0/16', 'via', '10.2.0.2']);
    await this.inside(right, ['ip', 'addr', 'add', '10.3.0.9/32', 'dev', 'lo']);
  }

  async remove(): Promise<void> {
    for (const name of this.names) await run('ip', ['netns', 'del', name]);
  }

  /** weir export on the router with these options, until `body` is through; its log. */
  async export(options: readonly string[], body: (daemon: Daemon) => Promise<void>): Promise<string> {
    const args = ['netns', 'exec', this.names[1]!, process.execPath, CLI, 'export', ...options];
    const daemon = new Daemon('ip', args);
    await daemon.until('capturing', () => daemon.output.includes('capturing on'));
    await sleep(300);
    await body(daemon);
    const { status } = await daemon.stop('SIGINT');
    if (status !== 0) throw new Error(`weir export: exit code ${status}\n${daemon.output}`);
    return daemon.output;
  }

  /** Sends the three kinds of traffic, and waits until captures must have it. */
  async send(): Promise<void> {
    const [left, router] = this.names as [string, string];
    await this.inside(left, [process.execPath, SEND, '10.3.0.9', '4000', String(FORWARDED)]);
    await this.inside(left, [process.execPath, SEND, '10.1.0.1', '4001', String(RECEIVED)]);
    await this.inside(router, [process.execPath, SEND, '10.3.0.9', '4002', String(OWN)]);
    await sleep(500);
  }

  /** What an export of the router with these interfaces says about the traffic, and its log. */
  async account(options: readonly string[]): Promise<{ seen: Seen[]; log: string }> {
    const store = tempDir('router');
    const common = ['-w', store, '--template', 'ng_netflow', 'udp', 'and', 'portrange', '4000-4002'];
    const log = await this.export([...options, ...common], () => this.send());
    return { seen: await this.read(store), log };
  }

  private async read(store: string): Promise<Seen[]> {
    const files = segmentFiles(store).map((file) => `'${file}'`);
    const rows = await query(`SELECT * FROM read_parquet([${files.join(', ')}]) ORDER BY dst_port, in_if DESC`);
    const kinds = ['forwarded', 'received', 'own'] as const;
    return rows.map((row) => {
      const number = (column: string) => Number(row[column] ?? 0);
      const name = (index: number) => this.indices[index] ?? String(index);
      return {
        kind: kinds[number('dst_port') - 4000]!,
        in: name(number('in_if')),
        out: name(number('out_if')),
        direction: number('direction'),
        packets: number('packets'),
        srcMask: number('src_mask'),
        dstMask: number('dst_mask'),
        nextHop: addressText((row['next_hop_hi'] as bigint) ?? 0n, (row['next_hop_lo'] as bigint) ?? 0n),
      };
    });
  }

  private inside(name: string, args: readonly string[]): Promise<string> {
    return runOk('ip', ['netns', 'exec', name, ...args]);
  }
}
