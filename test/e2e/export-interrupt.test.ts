import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { pcap } from '../../pcaps/capture-file.mjs';
import { udpFrame } from '../capture/pcap-file.ts';
import { dice } from '../support/fuzz.ts';
import { Daemon, describeWith, sleep, tempDir } from '../support/process.ts';
import { parquet, query, segmentFiles } from '../support/segments.ts';

/** Packets of the capture, and how far apart: twenty seconds in all. */
const PACKETS = 40_000;
const STEP_US = 500;
/** The capture is given so many times over that nobody reads it to its end. */
const COPIES = 2000;

function capture(directory: string): string {
  const file = join(directory, 'replay.pcap');
  const packets = Array.from({ length: PACKETS }, (_, n) => ({
    sec: 1_700_000_000 + Math.floor((n * STEP_US) / 1e6),
    nsec: ((n * STEP_US) % 1e6) * 1000,
    bytes: udpFrame((n * 7919) % 3000, n % 400),
  }));
  writeFileSync(file, pcap(packets));
  return file;
}

describeWith(['weir'], 'weir export, interrupted at any moment', () => {
  const file = capture(tempDir('interrupt'));
  const seed = Number(process.env['WEIR_FUZZ_SEED'] ?? Date.now() % 2 ** 32);
  const roll = dice(seed);

  /** Runs until the signal that comes so long after the start; gives what it said and what it stored. */
  async function interrupted(args: readonly string[], afterMs: number, signal: NodeJS.Signals) {
    const directory = tempDir('interrupted');
    const daemon = Daemon.weir(['export', '-w', directory, '--template', 'full', ...args]);
    await daemon.until('at work', () => readdirSync(directory).length > 0);
    await sleep(afterMs);
    const { status } = await daemon.stop(signal);
    const [, read = '', metered = '', octets = ''] =
      /(\d+) packets? read, (\d+) metered \((\d+) IP octets\)/.exec(daemon.output) ?? [];
    const files = segmentFiles(directory);
    const [stored] =
      files.length === 0
        ? [{ packets: 0, octets: 0 }]
        : await query(`SELECT sum(packets) AS packets, sum(octets) AS octets FROM ${parquet(files)}`);
    return {
      status,
      read: Number(read),
      metered: Number(metered),
      octets: Number(octets),
      stored: { packets: Number(stored!['packets']), octets: Number(stored!['octets']) },
    };
  }

  it.each([
    ['as fast as can be', ['--active', '5'], COPIES],
    ['as fast as can be, by three workers', ['--active', '5', '--workers', '3'], COPIES],
    ['as fast as can be, the table full', ['--max-flows', '1000'], COPIES],
    ['in its own time', ['--speed', '1', '--inactive', '1'], 1],
    ['in a fortieth of its time', ['--speed', '40'], 1],
    ['in a fortieth of its time, by two workers', ['--speed', '40', '--workers', '2'], 1],
  ])('has every packet it read in a flow: %s', { timeout: 60_000 }, async (_, args, copies) => {
    const files = Array.from({ length: copies }, () => ['-r', file]).flat();
    let read = 0;
    for (let turn = 0; turn < 4; turn++) {
      const afterMs = roll(400);
      const run = await interrupted([...files, ...args], afterMs, roll(2) === 0 ? 'SIGINT' : 'SIGTERM');
      const moment = `${afterMs} ms after the start (WEIR_FUZZ_SEED=${seed})`;
      expect(run.status, moment).toBe(0);
      expect(run.read, moment).toBeLessThan(PACKETS * copies + (copies === 1 ? 1 : 0));
      expect({ ...run, metered: run.read, stored: { packets: run.read, octets: run.octets } }, moment).toEqual(run);
      read += run.read;
    }
    expect(read).toBeGreaterThan(0);
  });
});
