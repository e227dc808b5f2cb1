import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { tempDir } from '../support/process.ts';
import { makeFlows } from './support/generate.ts';
import { toIpfixPcap } from './support/ipfix-pcap.ts';
import { writeSegment } from './support/parquet.ts';
import { dumpText, inZone, splitWords, withEngine } from './support/run-dump.ts';

const golden = join(import.meta.dirname, 'golden');
const FLOWS = 150;

/** What cannot be equal, and why. Everything else must be, byte for byte. */
const RULES: readonly { name: string; apply: (text: string) => string }[] = [
  { name: 'timings are those of the run', apply: (text) => text.replaceAll(/^Sys: .*$/gm, 'Sys: timings') },
  { name: 'file sizes differ', apply: (text) => text.replaceAll(/Bytes read: \d+/g, 'Bytes read: size') },
  // nfdump reports the matches of the whole block here when -c cuts them; weir reports what it looked at.
  {
    name: 'passed is not told apart from processed',
    apply: (text) => text.replaceAll(/, passed: \d+/g, ', passed: n'),
  },
];

const normalise = (text: string) => RULES.reduce((result, { apply }) => apply(result), text);

let directory: string;
let segment: string;

beforeAll(async () => {
  directory = tempDir('golden');
  segment = join(directory, 'weir.202611201000.parquet');
  await writeSegment(segment, makeFlows(FLOWS));
});

describe('the text of nfdump 1.7.8', () => {
  const commands = readFileSync(join(golden, 'commands.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

  const asked = (['auto', 'duckdb'] as const).flatMap((engine) => commands.map((line) => [engine, line] as const));

  it.each(asked)('by %s: %s', async (engine, line) => {
    const [name, ...args] = splitWords(line);
    const expected = readFileSync(join(golden, `${name}.out`), 'utf8');
    const ask = () => dumpText(['-r', segment, '-W', '1', ...args]);
    const text = await withEngine(engine, () => inZone('UTC', ask));
    expect(normalise(text)).toBe(normalise(expected));
  });

  /** Where nfdump 1.7.8 answers wrongly: what was asked, a question that it answers right, and its fault. */
  const faults: readonly [asked: string, same: string, fault: string][] = [
    ['ip in [ 203.0.113.254 203.0.113.0/24 ]', 'ip in [ 203.0.113.0/24 ]', 'a host first in a list hides its network'],
    ['net 172.16.1.66/16', 'net 172.16.0.0/16', 'a network with host bits matches nothing'],
    ['net 172.16/16', 'net 172.16.0.0/16', 'short networks were taken out in 1.7.5'],
    ['net ::/0', 'ipv6', 'a network of length 0 matches nothing'],
    ['# nothing but a comment', 'any', 'a filter of a comment alone matches nothing'],
    ['tcp && dst port=443', 'proto tcp and dst port 443', 'forms of older versions are refused'],
    ['src or dst as 559', 'as 559', 'forms of older versions are refused'],
    ['mpls label1 16001', 'mpls any 16001', 'labels in filters count from 0, elsewhere from 1'],
    ['port != 443 and proto udp', 'proto udp and not port 443', 'there is no !='],
  ];

  it.each(faults)('%s is %s, though in nfdump %s', async (asked, same) => {
    const [a, b] = await Promise.all([asked, same].map((filter) => dumpText(['-r', segment, '-q', filter])));
    expect(a).toBe(b);
    expect(a).not.toContain('No matching flows');
  });

  it('renders times in the zone of the process', async () => {
    const expected = readFileSync(join(golden, 'other-zone.out'), 'utf8');
    const args = ['-r', segment, '-o', 'fmt:%ts %te', '-c', '20'];
    expect(normalise(await inZone('America/St_Johns', () => dumpText(args)))).toBe(normalise(expected));
  });

  it('was made from the flows that the generator makes', () => {
    expect(toIpfixPcap(makeFlows(FLOWS)).equals(readFileSync(join(golden, 'flows.pcap')))).toBe(true);
  });
});
