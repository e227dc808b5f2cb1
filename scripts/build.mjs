#!/usr/bin/env node
// @ts-check
/**
 * Makes `dist` out of `src`: the program, and a chunk for each part that not every command loads, all of them in one
 * directory, because the addon and the package's description are found from where the code is. Finding, reading and
 * linking a file a module is half of the time that a command takes to start (docs/decisions/0170). Constants are put in
 * where they are used: an imported constant costs V8 a load and three checks at every use, however hot the loop
 * (docs/decisions/0042). yargs comes along, other packages stay outside. Types are not looked at here; `npm run check`
 * does. Arguments are further entries, as the benchmarks of parts in `test/bench` are.
 */
import { chmodSync, readFileSync } from 'node:fs';
import { join, parse } from 'node:path';
import { rolldown } from 'rolldown';
import { ROOT } from './steps.mjs';

const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const packages = Object.keys({ ...dependencies, ...optionalDependencies });

/** The program, and what threads begin with. */
const entries = ['src/cli/main.ts', 'src/cache/shard-thread.ts', ...process.argv.slice(2)];

const bundle = await rolldown({
  cwd: ROOT,
  input: Object.fromEntries(entries.map((path) => [parse(path).name, join(ROOT, path)])),
  platform: 'node',
  external: packages.filter((name) => name !== 'yargs'),
  optimization: { inlineConst: { mode: 'all', pass: 2 } },
  resolve: { alias: { 'string-width': join(ROOT, 'scripts/text-width.mjs') } },
});
await bundle.write({
  dir: join(ROOT, 'dist'),
  cleanDir: true,
  format: 'esm',
  entryFileNames: 'cli/[name].js',
  chunkFileNames: 'cli/[name].js',
  comments: { legal: true },
  sourcemap: true,
});
await bundle.close();
// npm makes a command executable when it installs; `npx weir` in this folder runs it as it was built.
chmodSync(join(ROOT, 'dist/cli/main.js'), 0o755);
