#!/usr/bin/env node
// @ts-check
/**
 * Makes a clone ready to run: system packages, npm packages, the native addon, the compiled TypeScript; each only if it is
 * missing or out of date. `node scripts/setup.mjs [--tests]`; with `--tests` also the programs that tests compare with.
 */
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT, run, say, step } from './steps.mjs';

/** For live capture, and to build the npm packages `pcap` and `cap`, which are optional. */
const BUILD_PACKAGES = ['libpcap-dev', 'build-essential', 'python3'];
const TEST_PACKAGES = [
  'nfdump',
  'nfdump-sflow',
  'softflowd',
  'tshark',
  'pmacct',
  'tcpreplay',
  'iproute2',
  'util-linux',
  'procps',
  'shellcheck',
];

/** What makes `dist`. */
const BUILD_SCRIPTS = ['build.mjs', 'loader.cjs', 'text-width.mjs', 'training.cjs'].map((name) => `scripts/${name}`);

/**
 * @param {{tests?: boolean}} [options]
 * @returns {Promise<boolean>} whether everything that weir cannot do without is there
 */
export async function setup({ tests = false } = {}) {
  await systemPackages(tests ? [...BUILD_PACKAGES, ...TEST_PACKAGES] : BUILD_PACKAGES);
  return (await npmPackages()) && (await nativeAddon()) && (await typeScript());
}

/**
 * Debian packages: installed if that needs no password, else named.
 * @param {readonly string[]} names
 */
async function systemPackages(names) {
  if ((await run('dpkg-query', ['--version'])).status !== 0) return;
  // biome-ignore lint/suspicious/noTemplateCurlyInString: placeholders of dpkg-query, not of JavaScript
  const listed = await run('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\\n', ...names]);
  const installed = new Set(listed.output.split('\n').filter((line) => line.endsWith(' installed')));
  const missing = names.filter((name) => !installed.has(`${name} installed`));
  if (missing.length === 0) return;
  const isRoot = process.getuid?.() === 0;
  const command = ['apt-get', 'install', '-y', '--no-install-recommends', ...missing];
  if (!isRoot && (await run('sudo', ['-n', 'true'])).status !== 0) {
    say(`Debian packages are missing and need a password to install; type: sudo ${command.join(' ')}`);
    return;
  }
  const [program, ...prefix] = isRoot ? ['env'] : ['sudo', '-n', 'env'];
  const quiet = [...prefix, 'DEBIAN_FRONTEND=noninteractive'];
  await step('refreshing the list of Debian packages', /** @type {string} */ (program), [
    ...quiet,
    'apt-get',
    'update',
  ]);
  const done = await step(`installing ${missing.join(' ')}`, /** @type {string} */ (program), [...quiet, ...command]);
  if (!done) say(`going on without; to try again, type: ${isRoot ? '' : 'sudo '}${command.join(' ')}`);
}

async function npmPackages() {
  if (hasLockedPackages()) return true;
  // Not `npm ci`: it refuses a lock file that leaves out optional packages of other platforms.
  return step('installing npm packages', 'npm', ['install', '--no-save', '--no-audit', '--no-fund']);
}

/** Whether node_modules holds what package-lock.json names; optional packages may be absent. */
function hasLockedPackages() {
  const installed = join(ROOT, 'node_modules/.package-lock.json');
  if (!existsSync(installed)) return false;
  const there = JSON.parse(readFileSync(installed, 'utf8')).packages;
  /** @type {Record<string, {version: string, optional?: boolean}>} */
  const wanted = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || optional || there[path]?.version === version,
  );
}

async function nativeAddon() {
  const dist = join(ROOT, 'native/dist');
  const sources = ['native/src', 'native/Cargo.toml', 'native/Cargo.lock', 'native/build.rs'];
  const built = existsSync(dist) ? readdirSync(dist).filter((name) => name.endsWith('.node')) : [];
  const builtMs = Math.max(0, ...built.map((name) => statSync(join(dist, name)).mtimeMs));
  if (builtMs >= newest(sources)) return true;
  if ((await run('cargo', ['--version'])).status !== 0) {
    say(
      'the native addon has to be built and there is no Rust: install it as https://rustup.rs says, then run this again',
    );
    return false;
  }
  const what = builtMs === 0 ? 'building the native addon (a few minutes the first time)' : 'building the native addon';
  return step(what, 'npm', ['run', 'build:native']);
}

async function typeScript() {
  const main = join(ROOT, 'dist/cli/main.js');
  if (existsSync(main) && statSync(main).mtimeMs >= newest(['src', 'tsconfig.json', ...BUILD_SCRIPTS])) return true;
  // What was compiled from files that are gone must not stay.
  rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
  return step('compiling TypeScript', 'npm', ['run', 'build:ts']);
}

/**
 * When the youngest of these files and directories changed, milliseconds.
 * @param {readonly string[]} paths
 */
function newest(paths) {
  let ms = 0;
  for (const path of paths) {
    const full = join(ROOT, path);
    if (!existsSync(full)) continue;
    const stat = statSync(full);
    ms = Math.max(ms, stat.mtimeMs);
    if (stat.isDirectory()) ms = Math.max(ms, newest(readdirSync(full).map((name) => join(path, name))));
  }
  return ms;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const ready = await setup({ tests: process.argv.includes('--tests') });
  say(ready ? 'ready' : 'not ready: see above');
  process.exitCode = ready ? 0 : 1;
}
