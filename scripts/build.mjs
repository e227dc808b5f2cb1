#!/usr/bin/env node
// @ts-check
/**
 * Makes `dist` out of `src`, a JavaScript file for each TypeScript file, with constants put in where they are used: an
 * imported constant costs V8 a load and three checks at every use, however hot the loop (docs/decisions/0042). yargs comes
 * along in one piece: finding and reading its thirty files is a third of the time that a command takes to start. Types
 * are not looked at here; `npm run check` does.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { ROOT } from './steps.mjs';

const source = join(ROOT, 'src');
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));

const bundle = await rolldown({
  cwd: ROOT,
  input: Object.fromEntries(files.map((name) => [name.slice(0, -'.ts'.length), join(source, name)])),
  platform: 'node',
  external: /^[^./]/,
  optimization: { inlineConst: { mode: 'all', pass: 2 } },
});
await bundle.write({
  dir: join(ROOT, 'dist'),
  cleanDir: true,
  format: 'esm',
  preserveModules: true,
  preserveModulesRoot: source,
  paths: { yargs: './yargs.js' },
  sourcemap: true,
});
await bundle.close();

const parser = await rolldown({
  cwd: ROOT,
  input: { yargs: 'yargs' },
  platform: 'node',
  resolve: { alias: { 'string-width': join(ROOT, 'scripts/text-width.mjs') } },
});
await parser.write({ dir: join(ROOT, 'dist/cli'), format: 'esm', comments: { legal: true } });
await parser.close();
