import { closeSync, openSync, readSync } from 'node:fs';

/** Octets that nobody can guess, of the system. Those of `node:crypto` are no better, and to load it takes milliseconds at every start. */
export function randomOctets(count: number): Buffer {
  const octets = Buffer.alloc(count);
  const device = openSync('/dev/urandom', 'r');
  try {
    readSync(device, octets);
  } finally {
    closeSync(device);
  }
  return octets;
}

/** A number of 32 bits that nobody can guess. */
export function randomWord(): number {
  return randomOctets(4).readUInt32LE(0);
}
