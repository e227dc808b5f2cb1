import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { trackLevels } from '../../src/cache/key-fields.ts';
import { bundledCaptures, sharedCaptures } from '../support/captures.ts';
import { add, rowCollector } from '../support/collect-rows.ts';
import { describeWith, runOk, tempDir, weirOk } from '../support/process.ts';
import { UdpTap } from '../support/udp.ts';

/** Captures without fragments, whose ports weir finds and softflowd does not. */
const NAMES = ['tcp.pcap', 'ndpi-reddit.pcap', 'ndpi-netflix.pcap', 'zeek-http-vlan-0.pcap'];

/** Packets by all of the key that both look at: softflowd reports ToS and does not tell flows apart by it. */
function packetsByKey(datagrams: readonly Buffer[]): Map<string, number> {
  const { collector, rows } = rowCollector();
  for (const payload of datagrams) add(collector, { payload });
  collector.flush();
  const sums = new Map<string, number>();
  for (const row of rows) {
    const names = ['srcAddrHi', 'srcAddrLo', 'dstAddrHi', 'dstAddrLo', 'proto', 'srcPort', 'dstPort'];
    const key = names.map((name) => row[name]).join();
    sums.set(key, (sums.get(key) ?? 0) + Number(row['packets']));
  }
  return new Map([...sums].sort(([a], [b]) => (a < b ? -1 : 1)));
}

describeWith(['weir', 'softflowd'], '--track LEVEL and softflowd -T LEVEL', () => {
  const files = [...bundledCaptures, ...sharedCaptures].filter((file) => NAMES.includes(basename(file)));
  const directory = tempDir('track');

  it.each(trackLevels)('%s: the same packets under the same keys', { timeout: 60_000 }, async (level) => {
    for (const file of files) {
      const tap = await UdpTap.open();
      const to = `127.0.0.1:${tap.port}`;
      const quiet = ['-d', '-a', '-c', 'none', '-p', join(directory, 'pid')];
      await runOk('softflowd', [...quiet, '-v', '9', '-r', file, '-T', level, '-n', to]);
      const wanted = packetsByKey(await tap.close());
      const weirs = await UdpTap.open();
      const timeouts = ['--timeouts', 'softflowd', '--track', level];
      await weirOk(['export', '-r', file, '-q', '-n', `127.0.0.1:${weirs.port}`, ...timeouts]);
      const got = packetsByKey(await weirs.close());
      expect(wanted.size).toBeGreaterThan(0);
      expect({ file, packets: got }).toEqual({ file, packets: wanted });
    }
  });
});
