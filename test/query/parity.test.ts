import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { datagramCapture } from '../support/udp.ts';
import { parityCommands } from './parity/commands.ts';
import { firstDifference, isSame, normal, readExceptions } from './parity/compare.ts';
import { makeDatagrams } from './parity/datagrams.ts';
import { collectIntoFile } from './parity/store.ts';
import { dumpText, inZone } from './support/run-dump.ts';

/**
 * Answers of nfdump 1.7.8 over the same datagrams, by command line. To make them again:
 * `NFDUMP_1_7_8=DIRECTORY npx vitest run test/query/parity.test.ts`, where DIRECTORY holds nfdump and nfcapd 1.7.8.
 */
const ANSWERS = join(import.meta.dirname, 'parity/answers.json.gz');

let directory: string;
let store: string;
let answers: Record<string, string>;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'weir-parity-'));
  store = join(directory, 'weir.202611201200.parquet');
  const datagrams = makeDatagrams();
  await collectIntoFile(datagrams, store);
  const peer = process.env['NFDUMP_1_7_8'];
  if (peer !== undefined) writeFileSync(ANSWERS, gzipSync(askPeer(peer, datagramCapture(datagrams)), { level: 9 }));
  answers = existsSync(ANSWERS) ? JSON.parse(gunzipSync(readFileSync(ANSWERS)).toString('utf8')) : {};
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function askPeer(peer: string, capture: Buffer): string {
  const pcap = join(directory, 'flows.pcap');
  writeFileSync(pcap, capture);
  spawnSync(join(peer, 'nfcapd'), ['-f', pcap, '-w', directory], { timeout: 30_000 });
  const file = join(directory, readdirSync(directory).find((name) => name.startsWith('nfcapd.'))!);
  const env = { ...process.env, TZ: 'UTC' };
  const asked = parityCommands().map((args) => {
    const { stdout } = spawnSync(join(peer, 'nfdump'), ['-W', '1', '-r', file, ...args], { encoding: 'utf8', env });
    return [args.join(' '), normal(stdout, args)];
  });
  return JSON.stringify(Object.fromEntries(asked));
}

describe('the parity corpus', () => {
  const commands = parityCommands();
  const exceptions = readExceptions('exceptions.txt');

  it('has the text of nfdump 1.7.8 for every command line that is no exception', { timeout: 120_000 }, async () => {
    const failures: string[] = [];
    let same = 0;
    await inZone('UTC', async () => {
      for (const args of commands) {
        const line = args.join(' ');
        const theirs = answers[line];
        if (theirs === undefined) {
          failures.push(`${line}: no answer is kept`);
          continue;
        }
        const ours = normal(await dumpText(['-r', store, ...args]), args);
        if (isSame(theirs, ours, args)) same++;
        else if (exceptions.reasonOf(args) === undefined) failures.push(line + firstDifference(theirs, ours));
      }
    });
    expect(failures).toEqual([]);
    expect(same).toBeGreaterThan(1100);
  });

  it('has no exception that nothing meets', () => {
    expect(exceptions.unmet(commands)).toEqual([]);
  });
});
