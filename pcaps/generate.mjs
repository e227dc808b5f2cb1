#!/usr/bin/env node
// @ts-check
/** Writes every capture into this directory (or the one named): `node pcaps/generate.mjs [DIRECTORY]`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { captures } from './captures.mjs';

const directory = process.argv[2] ?? import.meta.dirname;
mkdirSync(directory, { recursive: true });
for (const [name, make] of Object.entries(captures)) {
  const bytes = make();
  writeFileSync(join(directory, name), bytes);
  console.log(`${name} ${bytes.length} bytes`);
}
