import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { Walker } from '../export/walk.ts';
import { describeWith, ROOT, run, tempDir, weir, weirOk } from '../support/process.ts';
import { UdpTap } from '../support/udp.ts';

const DEMO = join(ROOT, 'pcaps/demo.pcap');
const CLI = join(ROOT, 'dist/cli/main.js');

describeWith(['weir'], 'weir export -o', () => {
  let store: string;
  beforeAll(async () => {
    store = tempDir('print-store');
    await weirOk(['export', '-r', DEMO, '-w', store]);
  });

  // What ends first leaves first, in both.
  it.each([
    ['text', 'line'],
    ['csv', 'csv'],
    ['json', 'ndjson'],
    ['extended', 'extended'],
    ['fmt:%sa %dap %flg %in %dir %smk', 'fmt:%sa %dap %flg %in %dir %smk'],
  ])('%s prints what weir dump prints of the flow files', async (printed, dumped) => {
    const now = (await weirOk(['export', '-r', DEMO, '-q', '-o', printed])).trimEnd().split('\n');
    const then = (await weirOk(['dump', '-R', store, '-q', '-o', dumped])).trimEnd().split('\n');
    expect(now.length).toBeGreaterThanOrEqual(810);
    expect(sorted(now.slice(-810))).toEqual(sorted(then.slice(-810)));
  });

  it('prints beside other outputs', async () => {
    const tap = await UdpTap.open();
    const also = tempDir('print-also');
    const to = ['-n', `127.0.0.1:${tap.port}`, '-w', also];
    const lines = (await weirOk(['export', '-r', DEMO, '-q', '-o', 'json', ...to])).trimEnd().split('\n');
    expect(lines.length).toBe(810);
    for (const line of lines) expect(JSON.parse(line)).toHaveProperty('proto');
    const walker = new Walker();
    expect((await tap.close()).reduce((sum, datagram) => sum + walker.walk(datagram).flows.length, 0)).toBe(810);
    expect((await weirOk(['dump', '-R', also, '-q', '-o', 'ndjson'])).trimEnd().split('\n').length).toBe(810);
  });

  it('ends in peace when its reader goes away', async () => {
    const command = `'${process.execPath}' '${CLI}' export -r '${DEMO}' -q -o text --speed 100 | head -2; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await run('bash', ['-c', command]);
    expect(stderr).toBe('');
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('0');
  });

  it('an unknown format is refused before anything is read', async () => {
    const { status, stderr } = await weir(['export', '-r', DEMO, '-o', 'jsn']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/-o jsn: no such format.*json/);
  });
});

describeWith(['weir'], 'weir export --dry-run and --check', () => {
  it('prints the plan and the very templates that are sent', async () => {
    for (const [version, template] of [
      ['9', 'default'],
      ['10', 'nfdump'],
      ['9', 'softflowd'],
    ] as const) {
      const tap = await UdpTap.open();
      const args = ['export', '-r', DEMO, '-n', `127.0.0.1:${tap.port}`, '-v', version, '--template', template];
      const plan = await weirOk([...args, '--dry-run', '--sampling', '10']);
      expect(plan).toContain(`read    ${DEMO}\n`);
      expect(plan).toContain('meter   the first of each 10 packets; at most 4194304 flows at a time');
      expect(tap.datagrams).toEqual([]);
      await weirOk([...args, '-q']);
      const walker = new Walker();
      const sent = new Set((await tap.close()).flatMap((datagram) => walker.walk(datagram).templateIds));
      const told = new Set([...plan.matchAll(/^template (\d+) /gm)].map((match) => Number(match[1])));
      expect(sent.size).toBeGreaterThan(0);
      for (const id of sent) expect(told).toContain(id);
    }
  });

  it('names fields with number and length', async () => {
    const plan = await weirOk(['export', '-i', 'lo', '-n', '127.0.0.1:9', '--dry-run']);
    expect(plan).toMatch(
      /^template \d+ \(IPv6\): \d+ fields, \d+ octets\n {5}22 {3}4 {2}firstMs +flowStartSysUpTime$/m,
    );
    expect(plan).toMatch(/^ {5}27 {2}16 {2}srcAddr +sourceIPv6Address$/m);
  });

  it('has the places of fields in a record of v5, and the key of a biflow', async () => {
    const plan = (await weirOk(['export', '-r', DEMO, '-n', '127.0.0.1:9', '-v', '5', '--dry-run'])).split('\n');
    expect(plan).toContain('record (IPv4): 20 fields, 48 octets');
    expect(plan).toContain('  24-27   4  firstMs           system uptime, ms');
    expect(plan).toContain('     36   1  (zero)');
    expect(plan).toContain('  46-47   2  (zero)');
    const biflow = await weirOk(['export', '-r', DEMO, '-n', '127.0.0.1:9', '--biflow', '--dry-run']);
    expect(biflow).toContain('flows told apart by addresses, proto, ports, interface\n');
  });

  it('--check finds mistakes and does nothing else', async () => {
    expect(await weirOk(['export', '-r', DEMO, '-n', '127.0.0.1:9', '--check'])).toBe(
      'weir export: these options are right\n',
    );
    const cases: [string[], RegExp][] = [
      [['-r', 'gone.pcap', '-n', '127.0.0.1:9'], /gone\.pcap/],
      [['-r', DEMO, '-n', '127.0.0.1:x'], /not a port/],
      [['-r', DEMO, '-n', '127.0.0.1:9', '-v', '5', '--domain', '70000'], /v5 engine/],
      [['-r', DEMO, '-o', 'jsn'], /no such format/],
      [['-r', DEMO, '-o', 'csv', '--dedup-window', '5'], /^weir: --dedup-window is about --dedup: give both\n/],
      [
        ['-r', DEMO, '-n', 'h:9', '-n', 'udp://h/9'],
        /^weir: -n udp:\/\/h:9 is given twice: it would get every flow twice\n/,
      ],
      [['-r', DEMO, '-o', 'csv', '-t'], /^weir: -t needs a value; see weir export --help\n/],
      [['-r', DEMO, '-o', 'csv', '--active'], /^weir: --active needs a value; see /],
      [['-r', DEMO, '-o', 'csv', 'prot', 'udp'], /^weir: filter "prot udp": .*\n {2}prot udp\n {2}\^/],
      [['-i', 'eth0:once,filter=host', '-o', 'csv'], /^weir: -i eth0: filter "host": /],
    ];
    for (const [args, message] of cases) {
      const { status, stderr } = await weir(['export', ...args, '--check']);
      expect(status).toBe(1);
      expect(stderr).toMatch(message);
    }
  });
});

function sorted(lines: readonly string[]): string[] {
  return [...lines].sort();
}
