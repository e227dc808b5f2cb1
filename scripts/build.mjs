#!/usr/bin/env node
// @ts-check
/**
 * Makes `dist` out of `src`: the program, and a chunk for each part that not every command loads, all of them in one
 * directory, because the addon and the package's description are found from where the code is. Finding, reading and
 * linking files is a good part of the time that a command takes to start (docs/decisions/0170, 0242). Constants are put in
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

/** What nearly every `weir dump` loads. */
const QUESTION = [
  'src/cli/dump.ts',
  'src/pipeline/query/dump.ts',
  'src/query/output/row-printer.ts',
  'src/query/output/statistic-table.ts',
];

/**
 * Chunks of what a question loads, each with what the commands beside it load as well and those of the chunks before do
 * not. Left to itself, rolldown makes one for each set of parts that have a module in common: fifty for a question.
 */
const QUESTION_CHUNKS = {
  start: ['src/cli/main.ts', 'src/cli/dump.ts', 'src/cli/ctl.ts', 'src/cli/expire.ts'],
  stores: ['src/cli/exporters.ts', 'src/cli/index.ts'],
  flows: ['src/cli/collect.ts', 'src/cli/export.ts'],
  query: QUESTION,
};

/**
 * What comes with any of these modules: all that they import, and so on.
 *
 * @param {readonly string[]} paths
 * @param {import('rolldown').ChunkingContext} graph
 */
function closure(paths, graph) {
  const all = new Set(paths.map((path) => join(ROOT, path)));
  for (const id of all) for (const other of graph.getModuleInfo(id)?.importedIds ?? []) all.add(other);
  return all;
}

/** @type {import('rolldown').CodeSplittingGroup[]} */
const groups = Object.entries(QUESTION_CHUNKS).map(([name, paths]) => ({
  debugName: name,
  name: (id, graph) => {
    // What is only loaded by `import()` has a file of its own anyway.
    const isShared = (graph.getModuleInfo(id)?.importers.length ?? 0) > 0;
    return isShared && closure(QUESTION, graph).has(id) && closure(paths, graph).has(id) ? name : null;
  },
}));

const bundle = await rolldown({
  cwd: ROOT,
  input: Object.fromEntries(entries.map((path) => [parse(path).name, join(ROOT, path)])),
  platform: 'node',
  external: packages.filter((name) => name !== 'yargs'),
  optimization: { inlineConst: { mode: 'all', pass: 2 } },
  resolve: { alias: { 'string-width': join(ROOT, 'scripts/text-width.mjs') } },
});
const { output } = await bundle.write({
  dir: join(ROOT, 'dist'),
  cleanDir: true,
  format: 'esm',
  entryFileNames: 'cli/[name].js',
  chunkFileNames: 'cli/[name].js',
  codeSplitting: { groups },
  comments: { legal: true },
  sourcemap: true,
});
await bundle.close();
for (const name of Object.keys(QUESTION_CHUNKS)) {
  if (!output.some((file) => file.name === name))
    throw new Error(`no chunk "${name}": a path in QUESTION_CHUNKS is wrong`);
}
// npm makes a command executable when it installs; `npx weir` in this folder runs it as it was built.
chmodSync(join(ROOT, 'dist/cli/main.js'), 0o755);
