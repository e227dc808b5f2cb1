// @ts-check
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** @typedef {import('./measure.mjs').Contender} Contender */

export const CLI = join(import.meta.dirname, '../../dist/cli/main.js');

/**
 * @param {string} name
 * @param {string[]} args
 * @param {string} [output]
 * @returns {Contender}
 */
export function weir(name, args, output) {
  return { name, command: process.execPath, args: [CLI, ...args], ...(output !== undefined && { output }) };
}

/**
 * @param {string} command
 * @returns {string} how to ask this release of nfdump's programs for lz4
 */
export function lz4Option(command) {
  const { stdout } = spawnSync(command, ['-h'], { encoding: 'utf8' });
  return /-y\s+LZ4/.test(stdout) ? '-y' : '-z=lz4';
}

/**
 * @param {string} nfcapd
 * @param {string} file
 * @param {string} output
 * @returns {Contender}
 */
export function collectWithNfcapd(nfcapd, file, output) {
  return {
    name: 'nfcapd -f',
    command: nfcapd,
    args: ['-f', file, '-w', output, '-t', '300', lz4Option(nfcapd)],
    output,
  };
}
