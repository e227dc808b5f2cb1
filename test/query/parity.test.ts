import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

import { beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/flow/user-error.ts';
import { tempDir } from '../support/process.ts';

import { type CapturedDatagram, datagramCapture } from '../support/udp.ts';
import { bulkCommands, operatorCommands, parityCommands } from './parity/commands.ts';
import { firstDifference, isSame, normal, readExceptions } from './parity/compare.ts';
import { makeDatagrams } from './parity/datagrams.ts';
import { collectIntoFile } from './parity/store.ts';
import { dumpText, inZone } from './support/run-dump.ts';

/** Some 75 000 flows. */
const BULK_SCALE = 200;
/** Some 7500: more than are read at a time, a twelfth of them sampled. */
const OPERATORS_SCALE = 20;

/** What nfdump printed; null where it refused. */
type Answer = string | null;

const pathOf = (name: string) => join(import.meta.dirname, 'parity', name);

/** Flows, and what is asked about them. */
interface Corpus {
  readonly name: string;
  /**
   * Answers of nfdump 1.7.8 over the same datagrams, by command line. To make them again:
   * `NFDUMP_1_7_8=DIRECTORY npx vitest run test/query/parity.test.ts`, where DIRECTORY holds nfdump and nfcapd 1.7.8.
   */
  readonly answers: string;
  readonly exceptions: string;
  readonly commands: readonly (readonly string[])[];
  readonly datagrams: () => CapturedDatagram[];
  /** Command lines that have nfdump's text, at least. */
  readonly same: number;
}

const CORPORA: readonly Corpus[] = [
  {
    name: 'the parity corpus',
    answers: 'answers.json.gz',
    exceptions: 'exceptions.txt',
    commands: parityCommands(),
    datagrams: makeDatagrams,
    same: 1150,
  },
  {
    name: 'the bulk set',
    answers: 'bulk-answers.json.gz',
    exceptions: 'bulk-exceptions.txt',
    commands: bulkCommands(),
    datagrams: () => makeDatagrams({ scale: BULK_SCALE }),
    same: 100,
  },
  {
    name: 'what operators type',
    answers: 'operators-answers.json.gz',
    exceptions: 'operators-exceptions.txt',
    commands: operatorCommands(),
    datagrams: () => makeDatagrams({ scale: OPERATORS_SCALE }),
    same: 770,
  },
];

describe.each(CORPORA)('$name', ({ commands, exceptions: table, ...corpus }) => {
  const exceptions = readExceptions(table);
  let directory: string;
  let store: string;
  let answers: Record<string, Answer>;

  beforeAll(async () => {
    directory = tempDir('parity');
    store = join(directory, 'weir.202611201200.parquet');
    const datagrams = corpus.datagrams();
    await collectIntoFile(datagrams, store);
    const path = pathOf(corpus.answers);
    const peer = process.env['NFDUMP_1_7_8'];
    if (peer !== undefined) {
      const asked = askPeer(peer, directory, datagramCapture(datagrams), commands);
      writeFileSync(path, gzipSync(asked, { level: 9 }));
    }
    answers = existsSync(path) ? JSON.parse(gunzipSync(readFileSync(path)).toString('utf8')) : {};
  }, 300_000);

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
        const ours = await answerOf(store, args);
        if (ours === theirs || (ours !== null && theirs !== null && isSame(theirs, ours, args))) same++;
        else if (exceptions.reasonOf(args) === undefined) failures.push(line + differenceOf(theirs, ours));
      }
    });
    expect(failures).toEqual([]);
    expect(same).toBeGreaterThan(corpus.same);
  });

  it('has no exception that nothing meets', () => {
    expect(exceptions.unmet(commands)).toEqual([]);
  });
});

async function answerOf(store: string, args: readonly string[]): Promise<Answer> {
  try {
    return normal(await dumpText(['-r', store, ...args]), args);
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

function differenceOf(theirs: Answer, ours: Answer): string {
  if (theirs === null) return ': nfdump refuses it, and weir does not';
  return ours === null ? ': weir refuses it, and nfdump does not' : firstDifference(theirs, ours);
}

function askPeer(peer: string, directory: string, capture: Buffer, commands: Corpus['commands']): string {
  const pcap = join(directory, 'flows.pcap');
  writeFileSync(pcap, capture);
  spawnSync(join(peer, 'nfcapd'), ['-f', pcap, '-w', directory], { timeout: 60_000 });
  const file = join(directory, readdirSync(directory).find((name) => name.startsWith('nfcapd.'))!);
  const env = { ...process.env, TZ: 'UTC' };
  const asked = commands.map((args) => {
    const asked = spawnSync(join(peer, 'nfdump'), ['-W', '1', '-r', file, ...args], { encoding: 'utf8', env });
    return [args.join(' '), asked.status === 0 ? normal(asked.stdout, args) : null];
  });
  return JSON.stringify(Object.fromEntries(asked));
}
