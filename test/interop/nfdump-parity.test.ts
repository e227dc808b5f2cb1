import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { olderCommands, parityCommands } from '../query/parity/commands.ts';
import { firstDifference, isSame, normal, readExceptions } from '../query/parity/compare.ts';
import { makeDatagrams } from '../query/parity/datagrams.ts';
import { collectIntoFile } from '../query/parity/store.ts';
import { dumpText, inZone } from '../query/support/run-dump.ts';
import { inPairs } from '../support/captures.ts';
import { Daemon, describeWith, run, tempDir } from '../support/process.ts';
import { drained, freeUdpPort, kernelQueue, sendDatagrams } from '../support/udp.ts';

/** Layout of 1.7.1 to 1.7.4 that 1.7.5 changed; weir has the new one. */
const OLD_LAYOUT: readonly (readonly [pattern: RegExp, text: string])[] = [
  [/Date first seen +Duration +/g, 'Date first seen Duration '],
  [/^(Time window|Total flows|Total records).*$/gm, ''],
  [/ +$/gm, ''],
  [/\n\n+/g, '\n'],
];
const layout = (text: string, args: readonly string[]) =>
  OLD_LAYOUT.reduce((result, [pattern, replacement]) => result.replaceAll(pattern, replacement), normal(text, args));

/** What 1.7.1 does not have, or prints in a form that 1.7.5 changed: formats, headings, tags, words of the filter. */
const isOfBoth = (args: readonly string[]) => {
  const line = args.join(' ');
  const statistics = args.filter((_, i) => args[i - 1] === '-s').map((text) => text.split(/[:/]/)[0]!);
  const tags = line.match(/%\w+/g) ?? [];
  if (!tags.every((tag) => TAGS.has(tag))) return false;
  return !NEWER.some((pattern) => pattern.test(line)) && statistics.every((name) => STATISTICS.has(name));
};
/** 1.7.1 gives groups in the order of its hash table. */
const SORTING = ['-s', '-O', '-a', '-A', '-b', '-B'];

/** Tags with the same heading and the same text. */
const TAGS = new Set(
  '%ts %te %pkt %ipkt %opkt %byt %ibyt %obyt %fl %bps %pps %bpp %sa %da %sap %dap %sp %dp %pr %flg %in %out %smk %dmk %sas %das %nh %nhb %ra %svln %dvln %ismc %odmc %idmc %osmc %stos %dtos %xsa %xda %xsp %xdp %dir %end'.split(
    ' ',
  ),
);

/** Statistics with the same heading, and the same idea of flows that lack the element. */
const STATISTICS = new Set(
  'record srcip dstip srcport dstport port proto router dsttos srcas dstas as inif outif srcmask dstmask mask srcvlan dstvlan vlan'.split(
    ' ',
  ),
);
const NEWER = [
  /-o (csv|raw|(nd)?json|null6)|long|extended|%line|%extended|-[ai]? ?-o [a-z]+6/,
  /pblock|asa |gress acl|point id|%ja3|fwdstat 0|nsel|tun |engine id|-s flags/,
  /ttl|exporter ip|engine type|bgp next|nat (ip|net|port|event)|nat event|next net|(prev|next) as|first seen|last seen|icmp-type >/,
  /record\/(i|o)(packets|bytes)|record\/(tstart|tend|duration)|-O (i|o)(packets|bytes)|(-A|,| )(proto,)?flags( |$)|%flags/,
  /(^| )as |(src|dst) as|in \[ [0-9]+ |-P|-T|-W|-D|-I/,
];

describeWith(['nfdump', 'nfcapd'], 'the nfdump that is installed', () => {
  let files: { peer: string; own: string };

  beforeAll(async () => {
    const directory = tempDir('parity');
    const own = join(directory, 'own.parquet');
    // The ICMP types of IPv6 and of NetFlow v9 do not reach the files of 1.7.1.
    const datagrams = makeDatagrams({ icmp: false, events: false });
    await collectIntoFile(datagrams, own);
    const port = await freeUdpPort();
    const daemon = new Daemon('nfcapd', ['-b', '127.0.0.1', '-p', String(port), '-w', directory, '-t', '86400']);
    await daemon.until('listening', () => kernelQueue(port).listeners > 0);
    for (const { payload, from } of datagrams) await sendDatagrams([payload], port, from);
    await drained(port);
    // A signal between its look at the flag and the next wait for a datagram goes unnoticed; one more ends that wait.
    const again = setInterval(() => daemon.child.kill('SIGTERM'), 1000);
    await daemon.stop();
    clearInterval(again);
    files = { peer: join(directory, readdirSync(directory).find((name) => name.startsWith('nfcapd.'))!), own };
  }, 60_000);

  it('prints the same text', { timeout: 120_000 }, async () => {
    const exceptions = readExceptions('exceptions-1.7.1.txt');
    const commands = [...parityCommands().filter(isOfBoth), ...olderCommands()];
    let same = 0;
    const failures = await inZone('UTC', () =>
      inPairs(commands, async (args) => {
        // Builds with firewall events print another list unless a format is named.
        const format = args.some((arg) => ['-o', '-A', '-b', '-B'].includes(arg)) ? [] : ['-o', 'line'];
        const peer = await run('nfdump', ['-r', files.peer, ...format, ...args], { env: { TZ: 'UTC' } });
        const theirs = layout(peer.stdout, args);
        // What these releases call csv.
        const asked = args.map((arg, i) => (arg === 'csv' && args[i - 1] === '-o' ? 'csv-legacy' : arg));
        const ours = layout(await dumpText(['-r', files.own, ...asked]), args);
        if (isSame(theirs, ours, args, SORTING)) {
          same++;
          return [];
        }
        return exceptions.reasonOf(args) === undefined ? [args.join(' ') + firstDifference(theirs, ours)] : [];
      }),
    );
    expect(failures.flat()).toEqual([]);
    expect(same).toBeGreaterThan(300);
  });
});
