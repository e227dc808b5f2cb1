#!/usr/bin/env node
// @ts-check
/**
 * Makes `dist` out of `src`. Each command is one file with all that it needs at once, and a chunk for each part that few of its
 * runs load: to find, read and link a file is much of the time that a command takes to start, however small the file
 * (docs/decisions/0261). What commands have in common is in each of them. All lie in one directory, because the addon and the
 * package's description are found from where the code is. Constants are put in where they are used: an imported constant
 * costs V8 a load and three checks at every use, however hot the loop (docs/decisions/0042). yargs comes along, other packages
 * stay outside. Beside the code lies what V8 compiled of it in a few runs, so that a start compiles nothing
 * (docs/decisions/0279). Types are not looked at here; `npm run check` does. Arguments are further entries, as the benchmarks
 * of parts in `test/bench` are.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, parse } from 'node:path';
import { rolldown } from 'rolldown';
import { ROOT, run, say } from './steps.mjs';

const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const packages = Object.keys({ ...dependencies, ...optionalDependencies });

const COMMANDS = join(ROOT, 'src/cli');
const OUTPUT = join(ROOT, 'dist/cli');

/**
 * Bundles what starts on its own. What it imports on demand of `others`, which are bundled themselves, stays an import.
 * @param {string} entry path of a module
 * @param {ReadonlyMap<string, string>} [others] names of bundles by the path of their entry
 * @returns {Promise<string>} its name in `dist/cli`
 */
async function bundle(entry, others = new Map()) {
  const { name } = parse(entry);
  const made = await rolldown({
    cwd: ROOT,
    input: { [name]: entry },
    platform: 'node',
    checks: { ineffectiveDynamicImport: false, emptyImportMeta: false },
    external: packages.filter((name) => name !== 'yargs'),
    optimization: { inlineConst: { mode: 'all', pass: 2 } },
    resolve: { alias: { 'string-width': join(ROOT, 'scripts/text-width.mjs') } },
    plugins: [
      {
        name: 'others',
        resolveId(id, importer, { kind }) {
          if (kind !== 'dynamic-import' || importer === undefined) return null;
          const file = others.get(join(dirname(importer), id));
          return file === undefined ? null : { id: `./${file}`, external: true };
        },
      },
    ],
  });
  const { output } = await made.write({
    dir: OUTPUT,
    format: 'cjs',
    dynamicImportInCjs: false,
    strict: true,
    entryFileNames: '[name]-[hash].js',
    chunkFileNames: `${name}-[name]-[hash].js`,
    codeSplitting: {
      groups: [
        { name: 'all', tags: ['$initial'] },
        { name: 'later', minShareCount: 2 },
      ],
    },
    comments: { legal: true, jsdoc: false, annotation: false },
    sourcemap: true,
    sourcemapExcludeSources: true,
  });
  await made.close();
  return output[0].fileName;
}

const LOADER = readFileSync(join(ROOT, 'scripts/loader.cjs'), 'utf8');

/**
 * Writes the file by whose plain name a bundle is started.
 * @param {string} entry path of its module
 * @param {string} file name of the bundle
 */
function writeStart(entry, file) {
  // npm makes a command executable when it installs; `npx weir` in this folder runs it as it was built.
  writeFileSync(join(OUTPUT, `${parse(entry).name}.js`), LOADER.replace('./ENTRY', `./${file}`), { mode: 0o755 });
}

/** What other runs ask about. DIR is a directory of its own for each build. */
const FLOWS = ['export', '-r', 'pcaps/demo.pcap', '-w', 'DIR/flows'];
/** Runs of which the code is kept as V8 has compiled it: what a start takes, and the commonest questions. */
const RUNS = [
  [['--version']],
  [['export', '-r', 'pcaps/demo.pcap', '-o', 'json']],
  [['collect', '-f', 'pcaps/demo.pcap', '-w', 'DIR/collected']],
  [
    ['dump', '-R', 'DIR/flows', '-s', 'proto/bytes'],
    ['dump', '-R', 'DIR/flows', '-o', 'long', 'proto tcp'],
  ],
  [['sql', '-R', 'DIR/flows', 'SELECT count(*) FROM flows']],
  ...['exporters', 'ctl', 'expire', 'index', 'import', 'replay', 'anonymize', 'top', 'tail', 'sampling'].map((name) => [
    [name, '-h'],
  ]),
];

/**
 * Has V8 keep what it compiles in these runs. One that fails, as all do that need the addon when that is not built yet, leaves
 * what was compiled until then.
 */
async function train() {
  const directory = mkdtempSync(join(tmpdir(), 'weir-build-'));
  const training = ['--require', join(ROOT, 'scripts/training.cjs'), join(OUTPUT, 'main.js')];
  /** @type {string[]} */
  const failed = [];
  const one = async (/** @type {readonly string[]} */ args) => {
    const given = args.map((arg) => arg.replace('DIR', directory));
    // Other options of V8 would be those of other code.
    const { status, output } = await run(process.execPath, [...training, ...given], { env: { NODE_OPTIONS: '' } });
    if (status !== 0) failed.push(`weir ${args.join(' ')}: ${output.trimEnd()}`);
  };
  await one(FLOWS);
  await Promise.all(
    RUNS.map(async (runs) => {
      for (const args of runs) await one(args);
    }),
  );
  rmSync(directory, { recursive: true });
  const [first] = failed;
  if (first !== undefined) say(`less is compiled ahead, as ${failed.length} runs failed, the first being ${first}`);
}

/** Modules that `main.ts` loads on demand: one for each command. */
const main = join(COMMANDS, 'main.ts');
const commands = [...readFileSync(main, 'utf8').matchAll(/import\('\.\/([\w-]+\.ts)'\)/g)].map(([, file]) =>
  join(COMMANDS, file ?? ''),
);
rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
mkdirSync(OUTPUT, { recursive: true });
writeFileSync(join(ROOT, 'dist/package.json'), '{ "type": "commonjs" }\n');
const files = new Map();
for (const command of commands) files.set(command, await bundle(command));
const entries = ['src/cache/shard-thread.ts', ...process.argv.slice(2)].map((path) => join(ROOT, path));
for (const entry of [main, ...entries]) writeStart(entry, await bundle(entry, files));
await train();
