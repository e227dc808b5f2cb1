#!/usr/bin/env node
// @ts-check
/**
 * Makes `dist` out of `src`. Each command is one file with all that it needs at once, and a chunk for each part that few of its
 * runs load: to find, read and link a file is half of the time that a command takes to start, however small the file
 * (docs/decisions/0261). What commands have in common is in each of them. All lie in one directory, because the addon and the
 * package's description are found from where the code is. Constants are put in where they are used: an imported constant
 * costs V8 a load and three checks at every use, however hot the loop (docs/decisions/0042). yargs comes along, other packages
 * stay outside. Types are not looked at here; `npm run check` does. Arguments are further entries, as the benchmarks of
 * parts in `test/bench` are.
 */
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, parse } from 'node:path';
import { rolldown } from 'rolldown';
import { ROOT } from './steps.mjs';

const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const packages = Object.keys({ ...dependencies, ...optionalDependencies });

const COMMANDS = join(ROOT, 'src/cli');

/**
 * Bundles what starts on its own. What it imports on demand of `others`, which are bundled themselves, stays an import.
 * @param {string} entry path of a module
 * @param {readonly string[]} [others]
 */
async function bundle(entry, others = []) {
  const { name } = parse(entry);
  const made = await rolldown({
    cwd: ROOT,
    input: { [name]: entry },
    platform: 'node',
    checks: { ineffectiveDynamicImport: false },
    external: packages.filter((name) => name !== 'yargs'),
    optimization: { inlineConst: { mode: 'all', pass: 2 } },
    resolve: { alias: { 'string-width': join(ROOT, 'scripts/text-width.mjs') } },
    plugins: [
      {
        name: 'others',
        resolveId(id, importer, { kind }) {
          if (kind !== 'dynamic-import' || importer === undefined) return null;
          const path = join(dirname(importer), id);
          return others.includes(path) ? { id: `./${parse(path).name}.js`, external: true } : null;
        },
      },
    ],
  });
  await made.write({
    dir: join(ROOT, 'dist/cli'),
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: `${name}-[name].js`,
    codeSplitting: {
      groups: [
        { name: 'shared', tags: ['$initial'], minShareCount: 2 },
        { name: 'later', minShareCount: 2 },
      ],
    },
    comments: { legal: true, jsdoc: false, annotation: false },
    sourcemap: true,
    sourcemapExcludeSources: true,
  });
  await made.close();
}

/** Modules that `main.ts` loads on demand: one for each command. */
const main = join(COMMANDS, 'main.ts');
const commands = [...readFileSync(main, 'utf8').matchAll(/import\('\.\/([\w-]+\.ts)'\)/g)].map(([, file]) =>
  join(COMMANDS, file ?? ''),
);
rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
await bundle(main, commands);
const entries = ['src/cache/shard-thread.ts', ...process.argv.slice(2)].map((path) => join(ROOT, path));
for (const entry of [...commands, ...entries]) await bundle(entry);
// npm makes a command executable when it installs; `npx weir` in this folder runs it as it was built.
chmodSync(join(ROOT, 'dist/cli/main.js'), 0o755);
