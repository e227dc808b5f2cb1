import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { formatAddress, parseAddress } from '../../src/flow/address.ts';
import { UserError } from '../../src/flow/user-error.ts';
import { tempDir } from '../support/process.ts';
import { makeFlows, type TestFlow } from './support/generate.ts';
import { writeOwnSegment } from './support/parquet.ts';
import { dumpText } from './support/run-dump.ts';

const START_MS = Date.UTC(2026, 10, 20, 10, 0, 0);

function flow(src: string, dst: string, numbers: Record<string, number>): TestFlow {
  const firstMs = START_MS + (numbers['afterMs'] ?? 0);
  return {
    numbers: {
      proto: 6,
      packets: 1,
      octets: 60,
      tcpFlags: 2,
      srcPort: 50_000,
      dstPort: 80,
      ...numbers,
      firstMs,
      lastMs: firstMs,
    },
    addresses: { srcAddr: parseAddress(src)!, dstAddr: parseAddress(dst)! },
  };
}

/** One host goes over a network, one over the ports of a host, a server answers many, and others talk. */
const now: TestFlow[] = [
  ...Array.from({ length: 60 }, (_, i) => flow('10.9.0.1', `10.8.0.${i + 1}`, { dstPort: 445, afterMs: i })),
  ...Array.from({ length: 40 }, (_, i) => flow('2001:db8::9', '2001:db8::1', { dstPort: 1000 + i })),
  ...Array.from({ length: 80 }, (_, i) => {
    return flow('10.7.0.1', `10.6.0.${i + 1}`, {
      srcPort: 443,
      dstPort: 50_000 + i,
      tcpFlags: 0x1b,
      packets: 10,
      octets: 20_000,
    });
  }),
  ...makeFlows(400, 5),
];
const before = [...makeFlows(300, 5), flow('10.7.0.1', '10.6.0.1', {})];

const names = {
  src: (one: TestFlow) => formatAddress(...one.addresses['srcAddr']!),
  dst: (one: TestFlow) => formatAddress(...one.addresses['dstAddr']!),
};

function begins({ numbers }: TestFlow): boolean {
  if (numbers['proto'] === 6 && (numbers['tcpFlags']! & 18) === 2) return true;
  if (numbers['proto'] === 1 || numbers['proto'] === 58) return [2048, 32_768].includes(numbers['dstPort']!);
  return numbers['srcPort']! >= numbers['dstPort']!;
}

function answers({ numbers }: TestFlow): boolean {
  if (numbers['proto'] === 6 && (numbers['tcpFlags']! & 18) === 2) return false;
  if (numbers['proto'] === 1 || numbers['proto'] === 58) return [0, 33_024].includes(numbers['dstPort']!);
  return numbers['srcPort']! < numbers['dstPort']!;
}

interface Host {
  octets: number;
  answered: Set<string>;
  contacted: Set<string>;
}

/** What each host did, by plain loops. */
function hostsOf(flows: readonly TestFlow[]): Map<string, Host> {
  const hosts = new Map<string, Host>();
  const host = (name: string) => {
    const known = hosts.get(name) ?? { octets: 0, answered: new Set(), contacted: new Set() };
    hosts.set(name, known);
    return known;
  };
  for (const one of flows) {
    const [src, dst] = [names.src(one), names.dst(one)];
    host(src).octets += one.numbers['octets']!;
    host(dst).octets += one.numbers['octets']!;
    if (begins(one)) host(src).contacted.add(dst);
    if (answers(one)) host(src).answered.add(dst);
  }
  return hosts;
}

function classesOf({ octets, answered, contacted }: Host): string[] {
  const holds = { traffic: octets >= 1_000_000, responder: answered.size >= 10, connector: contacted.size >= 10 };
  return Object.entries(holds).flatMap(([name, is]) => (is ? [name] : []));
}

describe('reports about hosts', () => {
  let directory: string;
  beforeAll(async () => {
    directory = tempDir('reports');
    for (const set of ['now', 'before']) mkdirSync(join(directory, set));
    await writeOwnSegment(join(directory, 'now', '1.parquet'), now, 200, 'zstd');
    await writeOwnSegment(join(directory, 'before', '1.parquet'), before, 200, 'zstd');
  });

  const ask = (...args: string[]) => dumpText(['-r', join(directory, 'now'), ...args]);
  const rows = async (...args: string[]): Promise<Record<string, unknown>[]> =>
    (await ask('-o', 'ndjson', ...args))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));

  it('-s scan names who goes over hosts and ports, and not the servers', async () => {
    const expected = new Map<string, { hosts: Set<string>; ports: Set<string> }>();
    for (const one of now.filter(begins)) {
      const of = expected.get(names.src(one)) ?? { hosts: new Set(), ports: new Set() };
      expected.set(names.src(one), of);
      of.hosts.add(names.dst(one));
      const { proto, dstPort } = one.numbers;
      if (proto !== 1 && proto !== 58) of.ports.add(`${proto} ${dstPort}`);
    }
    const found = await rows('-s', 'scan:5', '-n', '0');
    const wanted = [...expected].filter(([, { hosts, ports }]) => hosts.size >= 5 || ports.size >= 5);
    expect(new Map(found.map(({ ip, hosts, ports }) => [ip, [hosts, ports]]))).toEqual(
      new Map(wanted.map(([ip, { hosts, ports }]) => [ip, [hosts.size, ports.size]])),
    );
    expect(found[0]).toMatchObject({ ip: '10.9.0.1', scan: 'hosts', hosts: 60, ports: 1, small: 100, flows: 60 });
    expect((await rows('-s', 'scan')).map(({ ip, scan }) => [ip, scan])).toEqual([
      ['10.9.0.1', 'hosts'],
      ['2001:db8::9', 'ports'],
    ]);
    expect(await rows('-s', 'scan', 'not ip 10.9.0.1')).toHaveLength(1);
  });

  it('-s roles and -s behaviour put hosts into classes', async () => {
    const expected = [...hostsOf(now)].filter(([, host]) => classesOf(host).length > 0);
    const found = await rows('-s', 'roles', '-n', '0');
    expect(new Map(found.map(({ ip, classes, bytes }) => [ip, [bytes, classes]]))).toEqual(
      new Map(expected.map(([ip, host]) => [ip, [host.octets, classesOf(host)]])),
    );
    const slots = new Map<number, TestFlow[]>();
    for (const one of now) {
      const slot = Math.floor(one.numbers['firstMs']! / 300_000);
      slots.set(slot, [...(slots.get(slot) ?? []), one]);
    }
    const wanted = [...slots]
      .sort(([a], [b]) => a - b)
      .map(([, flows]) => {
        const classes = [...hostsOf(flows).values()].map(classesOf);
        const count = (...all: string[]) => classes.filter((some) => all.every((one) => some.includes(one))).length;
        return {
          hosts: classes.length,
          traffic: count('traffic'),
          responder: count('responder'),
          traffic_responder: count('traffic', 'responder'),
          responder_connector: count('responder', 'connector'),
          all_classes: count('traffic', 'responder', 'connector'),
        };
      });
    expect(await rows('-s', 'behaviour')).toMatchObject(wanted);
  });

  it('-s new names who was not there before, under the same filter', async () => {
    const known = new Set(before.map(names.src));
    const wanted = [...new Set(now.map(names.src))].filter((ip) => !known.has(ip)).sort();
    const baseline = ['--baseline', join(directory, 'before')];
    const found = await rows('-s', 'new', ...baseline, '-n', '0');
    expect(found.map(({ ip }) => ip).sort()).toEqual(wanted);
    const filtered = await rows('-s', 'new', ...baseline, '-n', '0', 'src port 443 and tcp');
    expect(filtered.map(({ ip }) => ip)).toContain('10.7.0.1');
    await expect(ask('-s', 'new')).rejects.toThrow('--baseline');
    await expect(ask('-s', 'new', '--baseline', join(directory, 'now'))).rejects.toThrow('no other flow files');
  });

  it('print as text and csv', async () => {
    const lines = (await ask('-s', 'scan', '-n', '1')).split('\n');
    expect(lines.slice(0, 2)).toEqual([
      'Top 1 scan candidates by destinations and ports:',
      'Date first seen                   IP Addr    Scan     Hosts     Ports  Small     Flows     Bytes',
    ]);
    expect(lines[2]).toMatch(/^2026-11-20 \d\d:00:00\.000 +10\.9\.0\.1 +hosts +60 +1 +100% +60 +3600$/);
    expect((await ask('-q', '-s', 'scan', '-o', 'csv')).split('\n').slice(0, 1)).toEqual([
      'first,ip,scan,hosts,ports,small,flows,bytes',
    ]);
    expect(await ask('-s', 'roles', '-n', '3')).toMatch(/ [T.][R.][C.] /);
    expect(await ask('--sql', '-s', 'scan')).toContain('count(DISTINCT');
    expect(await ask('-X', '-s', 'scan:7')).toContain('scan (7 destinations');
  });

  it.each([
    [['-s', 'scan:0'], 'number of destinations'],
    [['-s', 'scan:p'], 'number of destinations'],
    [['-s', 'scan/bytes'], 'one order'],
    [['-s', 'new:3'], 'nothing stands'],
    [['-s', 'scna'], 'did you mean scan'],
    [['-s', 'scan', '--baseline'], '--baseline needs'],
  ])('%j is refused', async (args, message) => {
    const refused = (async () => ask(...args))();
    await expect(refused).rejects.toThrow(UserError);
    await expect((async () => ask(...args))()).rejects.toThrow(message);
  });
});
