import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { mmdb } from '../support/mmdb.ts';
import { describeWith, ROOT, tempDir, weir, weirOk } from '../support/process.ts';
import { query, segmentFiles } from '../support/segments.ts';

const DEMO = join(ROOT, 'pcaps/demo.pcap');

async function exported(columns: string, args: readonly string[]): Promise<Record<string, unknown>[]> {
  const store = tempDir('enriched');
  await weirOk(['export', '-r', DEMO, '-q', '-w', store, ...args]);
  const files = segmentFiles(store).map((file) => `'${file}'`);
  return query(
    `SELECT DISTINCT ${columns} FROM read_parquet([${files.join(', ')}], union_by_name = true) ORDER BY ALL`,
  );
}

describeWith(['weir'], 'what weir export adds to flows', () => {
  const asnFile = () => {
    const path = join(tempDir('asn'), 'asn.mmdb');
    const number = (autonomous_system_number: number) => ({ autonomous_system_number });
    writeFileSync(path, mmdb({ '192.0.2.0/24': number(64_500), '203.0.113.0/24': number(64_501) }));
    return path;
  };

  it('--asn: AS numbers of the blocks that the file has, 0 for others', async () => {
    const net = (hi: string, lo: string, as: string) =>
      `CASE WHEN ${hi} <> 0 THEN 'v6' ELSE ((${lo} >> 24) & 255)::VARCHAR || '.' || ((${lo} >> 8) & 65535)::VARCHAR END AS net, ${as}`;
    const rows = await exported(net('src_addr_hi', 'src_addr_lo', 'src_as AS asn'), ['--asn', asnFile()]);
    const byNet = new Map(rows.map((row) => [String(row['net']), Number(row['asn'])]));
    expect(byNet.size).toBeGreaterThan(2);
    for (const [block, number] of byNet) {
      const expected = block === `192.${0x0002}` ? 64_500 : block === `203.${0x0071}` ? 64_501 : 0;
      expect([block, number]).toEqual([block, expected]);
    }
    expect([...byNet.values()]).toContain(64_500);
    expect([...byNet.values()]).toContain(64_501);
  });

  it('--asn refuses a file that is none, and a template that has no AS numbers', async () => {
    const bad = await weir(['export', '-r', DEMO, '-o', 'csv', '--asn', DEMO]);
    expect([bad.status, bad.stderr.trim()]).toEqual([1, `weir: ${DEMO}: this is no MaxMind database (.mmdb)`]);
    const unseen = await weir(['export', '-r', DEMO, '-n', '127.0.0.1:9', '--asn', asnFile(), '--check']);
    expect(unseen.status).toBe(1);
    expect(unseen.stderr).toContain('--asn: template default has no AS numbers: use --template');
  });

  it('--local-net tells the direction of what a mirror port saw', async () => {
    const from = '(src_addr_hi = 0 AND (src_addr_lo >> 8) & 16777215 = 192 * 65536 + 2)';
    const to = '(dst_addr_hi = 0 AND (dst_addr_lo >> 8) & 16777215 = 192 * 65536 + 2)';
    const rows = await exported(`${from} AS "from", ${to} AS "to", direction`, ['--local-net', '192.0.2.0/24']);
    expect(rows.length).toBeGreaterThan(1);
    for (const { from: isFrom, to: isTo, direction } of rows) {
      expect(Number(direction)).toBe(isFrom === isTo ? 255 : isFrom ? 1 : 0);
    }
  });

  it.each([
    [['--local-net', '192.0.2.0/33'], '--local-net takes ADDRESS/LENGTH'],
    [['--local-mac', '02:00:5e:10:00'], '--local-mac takes six octets'],
    [['--local-vlan', '4095'], '--local-vlan takes a whole number from 1 to 4094'],
    [['--local-vlan', '1', '--local-net', '::/0'], '--local-net and --local-vlan exclude each other'],
  ])('%j: one message', async (args, message) => {
    const { status, stderr } = await weir(['export', '-r', DEMO, '-o', 'csv', ...args]);
    expect(status).toBe(1);
    expect(stderr).toContain(message);
  });

  it('once does not go with sampling', async () => {
    const { status, stderr } = await weir(['export', '-i', 'lo:once', '-o', 'csv', '--sampling', '10']);
    expect([status, stderr.trim()]).toEqual([
      1,
      'weir: once needs to see every packet: it does not go with --sampling',
    ]);
  });
});
