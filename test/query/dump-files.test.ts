import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { tempDir } from '../support/process.ts';
import { makeDatagrams } from './parity/datagrams.ts';
import { collectIntoFile } from './parity/store.ts';
import { dumpStreams, dumpText, inZone, splitWords } from './support/run-dump.ts';

let directory: string;
let flows: string;
const below = (name: string) => join(directory, name);
const ask = (...args: string[]) => inZone('UTC', () => dumpText(['-r', flows, ...args]));
const FIRST = 'weir.202611201200.parquet';
const LAST = 'weir.202611201205.parquet';

beforeAll(async () => {
  directory = tempDir('dump');
  for (const name of ['live/a', 'live/b']) mkdirSync(below(name), { recursive: true });
  flows = below(`live/a/${FIRST}`);
  await collectIntoFile(makeDatagrams({ events: false }), flows);
  for (const name of [`live/a/${LAST}`, `live/b/${FIRST}`]) copyFileSync(flows, below(name));
  writeFileSync(below('filterfile'), 'proto tcp\n# and nothing else\n');
});

describe('what users of the old commands still type', () => {
  it.each([
    '-r FILE -n 20 -s ip/bps',
    '-r FILE -c 20',
    '-r FILE -o extended -s record/bytes',
    '-R DIR -o extended -s record/bytes',
    `-R DIR/${FIRST}:${LAST} -s dstip -O bytes -n 10 'dst net 10.0.0.0/8'`,
    '-r FILE -A srcip,dstport -s record/packets',
    '-r FILE -A srcip4/24,dstip4/24 -s record/bytes',
    '-r FILE -o extended -s srcip -s ip/flows -s dstport/pps/packets/bytes -s record/bytes',
    "-r FILE -o csv 'proto tcp and dst port 80'",
    `-M LIVE/a:b -r ${FIRST} -a -A srcip,dstip -l 10M -f FILTER`,
    "-r FILE 'duration < 35000 and packets < 3000 and bpp < 1000 and src as 559'",
    "-r FILE 'net 172.16/16 and tcp'",
  ])('nfdump %s', async (line) => {
    const names = { FILE: flows, DIR: below('live/a'), LIVE: below('live'), FILTER: below('filterfile') };
    const args = splitWords(line.replaceAll(/FILE\b|DIR\b|LIVE\b|FILTER\b/g, (name) => names[name as 'DIR']));
    const text = await dumpText(args);
    expect(text.split('\n').length).toBeGreaterThan(5);
    expect(text).toMatch(/^(Date first seen|Top |firstSeen|Packet limit)/);
    expect(text).not.toContain('No matching');
  });
});

describe('weir dump -w', () => {
  it('writes flows that weir dump reads', async () => {
    const written = below('tcp.parquet');
    expect(await ask('-w', written, '-z=lz4', 'proto tcp')).toBe('');
    const read = await inZone('UTC', () => dumpText(['-r', written, '-q', '-o', 'json']));
    expect(read).toBe(await ask('-q', '-o', 'json', 'proto tcp'));
  });

  it('writes groups of flows, that count as many', async () => {
    const written = below('groups.parquet');
    await ask('-a', '-w', written);
    const line = (text: string) => text.split('\n').find((one) => one.startsWith('Summary'));
    expect(line(await dumpText(['-r', written, '-o', 'null']))).toBe(line(await ask('-o', 'null')));
  });

  it('writes a file without flows when none match', async () => {
    const written = below('none.parquet');
    await ask('-w', written, 'host 9.9.9.9');
    expect(existsSync(written)).toBe(true);
    expect(await dumpText(['-r', written, '-q'])).toBe('No matching flows\n');
  });

  it('names the file, and gives it another name and compression later', async () => {
    const written = below('named.parquet');
    await ask('-w', written, '-i', 'border-1');
    const before = await dumpText(['-r', written, '-I']);
    expect(before).toMatch(/^Ident: border-1\nFlows: 308\n/);
    const bytes = readFileSync(written).length;
    await dumpText(['-r', written, '-i', 'border-2', '-J', '0']);
    expect(await dumpText(['-r', written, '-I'])).toBe(before.replace('border-1', 'border-2'));
    expect(readFileSync(written).length).toBeGreaterThan(bytes);
  });
});

describe('weir dump about files', () => {
  it('-I adds up to the totals', async () => {
    const text = await ask('-I');
    const of = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)![1]);
    for (const what of ['Flows', 'Packets', 'Bytes']) {
      const classes = ['tcp', 'udp', 'icmp', 'other'].map((one) => of(`${what}_${one}`));
      expect(classes.reduce((sum, value) => sum + value)).toBe(of(what));
    }
    expect(of('First') * 1000 + of('msec_first')).toBe(Date.UTC(2026, 10, 20, 10));
  });

  it('-g gives a line a file', async () => {
    const text = await inZone('UTC', () => dumpText(['-R', below('live/a'), '-g']));
    expect(text.split('\n').map((line) => line.replace(/,.*/, ''))).toEqual([
      '# yyyy-mm-dd HH:MM:SS',
      '2026-11-20 12:00:00',
      '2026-11-20 12:05:00',
      '',
    ]);
  });

  it('-E names the exporters, -v reads everything', async () => {
    const exporters = await dumpText(['-E', flows]);
    expect(exporters).toContain('127.0.0.12, version: netflow v9, ID: 300, flows: 118\n');
    expect(exporters.match(/SysID/g)).toHaveLength(4);
    expect(await dumpText(['-v', flows])).toContain('Records    : 308\n');
    const damaged = below('damaged.parquet');
    const bytes = readFileSync(flows);
    bytes.fill(0x5a, 2000, 4000);
    writeFileSync(damaged, bytes);
    const { stdout, stderr } = await dumpStreams(['-v', damaged]);
    expect([stdout, stderr]).toEqual(['', expect.stringMatching(/^cannot read segment .*; the file is left out\n$/)]);
  });

  it('-X shows what was understood, --sql what is asked', async () => {
    const plan = await dumpText(['-X', '-s', 'srcip/bytes', '-n', '5', 'tcp and not port 80']);
    expect(plan).toContain('filter   proto 6 and not port 80\n');
    expect(plan).toContain('srcip (srcAddr), ordered by bytes, 5 rows');
    expect(await ask('--sql', '-s', 'srcip/bytes')).toMatch(/^SELECT .*src_addr_hi.*LIMIT 10;\n$/s);
  });
});

describe('formats', () => {
  it('come from the configuration file', async () => {
    const configuration = below('nfdump.conf');
    writeFileSync(configuration, '[other]\nfmt.mine = "%pr"\n[nfdump]\nfmt.mine = "%sa %byt"\ncsv.own = \'%sa,%da\'\n');
    const mine = await ask('-C', configuration, '-o', 'mine', '-q', '-c', '3');
    expect(mine).toBe(await ask('-o', 'fmt:%sa %byt', '-q', '-c', '3'));
    expect(mine.split('\n')).toHaveLength(4);
    expect(await ask('-C', configuration, '-o', 'OWN', '-c', '3')).toBe(await ask('-o', 'csv:%sa,%da', '-c', '3'));
    await expect(ask('-C', 'none', '-o', 'mine')).rejects.toThrow('no such format');
  });

  it('csv-legacy has 48 columns and a summary, pipe 22 numbers', async () => {
    const [header, row, , summary] = (await ask('-o', 'csv-legacy', '-c', '2')).split('\n');
    expect(header!.split(',')).toHaveLength(48);
    expect(row!.split(',')).toHaveLength(48);
    expect(summary).toBe('Summary');
    process.env['WEIR_CSV'] = 'legacy';
    const asked = await ask('-o', 'csv', '-c', '2').finally(() => delete process.env['WEIR_CSV']);
    expect(asked.split('\n')[1]).toBe(row);
    expect((await ask('-o', 'pipe', '-c', '1', 'ipv4')).trim().split('|')).toHaveLength(22);
    expect(await ask('-o', 'pipe', '-s', 'proto', '-n', '1')).toMatch(/^0\|\d{13}\|\d{13}\|6\|6(\|\d+){6}\n\n$/);
  });
});

describe('directions and windows', () => {
  it('-b joins both directions of a conversation', async () => {
    const filter = 'router ip 127.0.0.12 and (proto tcp or proto udp)';
    const text = await ask('-q', '-b', '-N', '-o', 'fmt:%pr %sa %sp %da %dp %ipkt %opkt %fl', filter);
    const rows = text
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/ +/));
    const keys = rows.map(([pr, sa, sp, da, dp]) => [`${sa} ${sp}`, `${da} ${dp}`, pr].sort().join());
    expect(new Set(keys).size).toBe(keys.length);
    const sum = (...columns: number[]) =>
      rows.reduce((total, row) => columns.reduce((all, column) => all + Number(row[column]), total), 0);
    const [, flows, packets] = /flows: (\d+),.*packets: (\d+)/.exec(await ask('-N', '-o', 'null', filter))!;
    expect([sum(7), sum(5, 6)]).toEqual([Number(flows), Number(packets)]);
    expect(rows.length).toBeLessThan(Number(flows));
  });

  it('--overlap takes what -t leaves out at its borders', async () => {
    const count = async (...args: string[]) => Number(/flows: (\d+)/.exec(await ask('-o', 'null', ...args))![1]);
    const window = ['-t', '2026/11/20.10:00:05-2026/11/20.10:00:10'];
    const touching = await count('first seen <= 2026-11-20T10:00:10 and last seen >= 2026-11-20T10:00:05');
    expect(await count('--overlap', ...window)).toBe(touching);
    expect(touching).toBeGreaterThan(await count(...window));
  });
});
