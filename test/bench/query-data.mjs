// @ts-check
/** Flows that questions are put to, as files of both programs: generated once, kept in the data directory. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { CLI, collectWithNfcapd } from './contenders.mjs';
import { generateDatagrams, START_MS } from './generate-datagrams.mjs';
import { measure } from './measure.mjs';

/**
 * Directories with the same flows.
 * @typedef {{weir: string, nfcapd: string}} Stores
 */

const SLOT_MS = 300_000;
const PCAP_HEADER_OCTETS = 24;
/** Slots of thirty days. */
const MONTH = (30 * 86_400_000) / SLOT_MS;

/**
 * Makes a directory that gets its name only when its content is whole.
 * @param {string} path
 * @param {(path: string) => Promise<void>} fill
 */
async function directory(path, fill) {
  if (existsSync(path)) return path;
  const partial = `${path}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  console.log(`  making ${path} ...`);
  await fill(partial);
  renameSync(partial, path);
  return path;
}

/** @param {string} file @param {string} store */
async function collect(file, store) {
  const args = [CLI, 'collect', '-f', file, '-w', store, '-q'];
  await measure({ name: 'weir collect', command: process.execPath, args });
}

/**
 * Ten minutes of flows: some slots of weir, and a single file of nfcapd, which does not cut what it reads from a file.
 *
 * @param {string} data
 * @param {number} flows
 * @param {string | undefined} nfcapd
 * @returns {Promise<Stores>}
 */
export async function makeRush(data, flows, nfcapd) {
  const file = join(data, `flows-v9-${flows}.pcap`);
  const generate = () => existsSync(file) || generateDatagrams(flows, 9, file);
  return {
    weir: await directory(join(data, `query-${flows}-weir`), async (store) => {
      generate();
      await collect(file, store);
    }),
    nfcapd: await directory(join(data, `query-${flows}-nfcapd`), async (store) => {
      if (nfcapd === undefined) return;
      generate();
      await measure(collectWithNfcapd(nfcapd, file, store));
    }),
  };
}

/**
 * Thirty days of five-minute slots, the same number of flows in each; a file each in both programs.
 *
 * @param {string} data
 * @param {number} flows
 * @param {string | undefined} nfcapd
 * @returns {Promise<Stores>}
 */
export async function makeMonth(data, flows, nfcapd) {
  const weir = join(data, `month-${flows}-weir`);
  const files = await directory(join(data, `month-${flows}-nfcapd`), async (store) => {
    const all = join(data, `month-${flows}.pcap`);
    const out = openSync(all, 'w');
    for (let slot = 0; slot < MONTH; slot++) makeSlot(slot, Math.ceil(flows / MONTH), store, nfcapd, out);
    closeSync(out);
    await directory(weir, (path) => collect(all, path));
    rmSync(all);
  });
  return { weir, nfcapd: files };
}

/**
 * Generates the datagrams of a slot, has them read by nfcapd, and appends them to a capture.
 * @param {number} slot
 * @param {number} flows
 * @param {string} store
 * @param {string | undefined} nfcapd
 * @param {number} all descriptor of the capture
 */
function makeSlot(slot, flows, store, nfcapd, all) {
  const file = join(store, 'slot.pcap');
  const startMs = START_MS + slot * SLOT_MS;
  generateDatagrams(flows, 9, file, slot + 1, { startMs, spreadMs: SLOT_MS });
  const bytes = readFileSync(file);
  writeSync(all, bytes, slot === 0 ? 0 : PCAP_HEADER_OCTETS);
  if (nfcapd !== undefined) {
    const made = join(store, 'made');
    mkdirSync(made);
    const { command, args } = collectWithNfcapd(nfcapd, file, made);
    const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
    const [name] = readdirSync(made);
    if (status !== 0 || name === undefined) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
    const digits = new Date(startMs).toISOString().replace(/\D/g, '').slice(0, 12);
    renameSync(join(made, name), join(store, `nfcapd.${digits}`));
    rmSync(made, { recursive: true });
  }
  rmSync(file);
}
