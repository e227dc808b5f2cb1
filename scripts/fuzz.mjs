#!/usr/bin/env node
// @ts-check
/**
 * Random and damaged input for whatever reads what others wrote: `npm run fuzz [-- --seconds N] [--only TEXT]`. These are
 * the fuzz tests of `npm test`, each for ten minutes instead of a second, one after another; a run of half a minute and more also
 * fails when memory goes on growing. Prints the seed of each; WEIR_FUZZ_SEED repeats it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT, run, say } from './steps.mjs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    /** Part of the path of a test, or `native`. */
    only: { type: 'string', default: '' },
  },
});
const seconds = Number(values.seconds);
if (!(seconds > 0)) {
  console.error('--seconds is a number above 0');
  process.exit(1);
}
process.env['WEIR_FUZZ_MS'] = String(seconds * 1000);

const tests = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => join('test', name))
  .filter((name) => /\bfuzz\(/.test(readFileSync(join(ROOT, name), 'utf8')) && name.includes(values.only));
let failed = 0;
if (tests.length > 0) {
  say(`${seconds} seconds for each fuzz test of ${tests.join(', ')} ...`);
  const options = ['--no-file-parallelism', '--testTimeout=0', '--disable-console-intercept'];
  failed += (await run('npx', ['vitest', 'run', ...tests, ...options], { show: true })).status;
}
if ('native'.includes(values.only)) {
  say(`${seconds} seconds for each fuzz test of the addon ...`);
  failed += (await run('npm', ['run', '--silent', 'test:rust', '--', '--', '--nocapture'], { show: true })).status;
}
say(failed === 0 ? 'nothing was found' : 'something was found, see above');
process.exitCode = failed === 0 ? 0 : 1;
