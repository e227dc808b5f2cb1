#!/usr/bin/env node
// @ts-check
'use strict';
/**
 * How built code begins: `scripts/build.mjs` writes this under the name of each entry. A module is compiled from its cache, if
 * the build left one that this Node.js takes; else from its text, as ever. The name of a file holds a digest of its text, which
 * V8 knows by its length alone: what was compiled from another text has another name (docs/decisions/0279).
 */
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

/** @type {Map<string, {exports: unknown}>} */
const modules = new Map();

/**
 * `require` of built modules, for one another.
 * @param {string} id
 */
function load(id) {
  if (!id.startsWith('./')) return require(id);
  const known = modules.get(id);
  if (known !== undefined) return known.exports;
  const filename = join(__dirname, id);
  const text = readFileSync(filename, 'utf8');
  const wrapped = `(function (exports, require, module, __filename, __dirname) {${text}\n})`;
  const script = new Script(wrapped, { filename, cachedData: cacheOf(filename) });
  const module = { exports: {} };
  modules.set(id, module);
  script.runInThisContext()(module.exports, load, module, filename, __dirname);
  return module.exports;
}

/** @param {string} filename */
function cacheOf(filename) {
  try {
    return readFileSync(`${filename}.cache`);
  } catch {
    return undefined;
  }
}

// Node.js looks up places in source maps only for what it loads itself.
(process.sourceMapsEnabled ? require : load)('./ENTRY');
