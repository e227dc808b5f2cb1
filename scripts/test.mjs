#!/usr/bin/env node
// @ts-check
/**
 * Everything that can be checked, in one go: `npm test`. The last line is `N passed, N failed, N skipped`, in which a check
 * (types and lint, Rust format and clippy) counts as one test; the exit code is 0 only if nothing failed.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setup } from './setup.mjs';
import { run, say, secondsSince } from './steps.mjs';

/** @typedef {{passed: number, failed: number, skipped: number}} Totals */

/** @param {string} script of package.json */
async function check(script) {
  const { status } = await run('npm', ['run', '--silent', script], { show: true });
  return { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: 0 };
}

async function rustTests() {
  const { status, output } = await run('npm', ['run', '--silent', 'test:rust'], { show: true });
  const totals = { passed: 0, failed: 0, skipped: 0 };
  for (const [, passed, failed, ignored] of output.matchAll(
    /^test result: \S+ (\d+) passed; (\d+) failed; (\d+) ignored/gm,
  )) {
    totals.passed += Number(passed);
    totals.failed += Number(failed);
    totals.skipped += Number(ignored);
  }
  return atLeastOneFailureIf(status !== 0 || totals.passed === 0, totals);
}

async function vitest() {
  const directory = mkdtempSync(join(tmpdir(), 'weir-vitest-'));
  const file = join(directory, 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const { status } = await run('npx', ['vitest', 'run', ...reporters], { show: true });
  const totals = { passed: 0, failed: 0, skipped: 0 };
  if (existsSync(file)) {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    totals.passed = report.numPassedTests;
    totals.skipped = report.numPendingTests + report.numTodoTests;
    totals.failed = report.numFailedTests + report.testResults.filter(failedWithoutTest).length;
  }
  rmSync(directory, { recursive: true });
  return atLeastOneFailureIf(status !== 0 || totals.passed === 0, totals);
}

/**
 * A file that failed before its first test, or around its tests.
 * @param {{status: string, assertionResults: {status: string}[]}} file
 */
function failedWithoutTest({ status, assertionResults }) {
  return status === 'failed' && assertionResults.every((test) => test.status !== 'failed');
}

/**
 * A runner that failed as a whole, or ran nothing, must not look like success.
 * @param {boolean} hasFailed
 * @param {Totals} totals
 */
function atLeastOneFailureIf(hasFailed, totals) {
  return hasFailed && totals.failed === 0 ? { ...totals, failed: 1 } : totals;
}

const parts = /** @type {const} */ ([
  ['types and lint', () => check('check:ts')],
  ['Rust format and clippy', () => check('check:rust')],
  ['Rust tests', rustTests],
  ['TypeScript, interop and end-to-end tests', vitest],
]);

const sum = { passed: 0, failed: 0, skipped: 0 };
const lines = /** @type {string[]} */ ([]);
if (!(await setup({ tests: true }))) {
  sum.failed = 1;
  lines.push('set-up: failed, nothing was tested');
} else {
  for (const [name, part] of parts) {
    say(`${name} ...`);
    const begin = performance.now();
    const totals = await part();
    lines.push(
      `${name}: ${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped in ${secondsSince(begin)}`,
    );
    sum.passed += totals.passed;
    sum.failed += totals.failed;
    sum.skipped += totals.skipped;
  }
}
for (const line of lines) say(line);
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exitCode = sum.failed === 0 ? 0 : 1;
