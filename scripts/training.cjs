// @ts-check
'use strict';
/**
 * Loaded by Node.js before built code while `scripts/build.mjs` trains it: when the run ends, what V8 has compiled of each file is
 * put beside it, and what an earlier run left there is in it.
 */
const { renameSync, writeFileSync } = require('node:fs');
const vm = require('node:vm');

const { Script } = vm;

vm.Script = class extends Script {
  /**
   * @param {string} code
   * @param {import('node:vm').ScriptOptions & {filename: string}} options
   */
  constructor(code, options) {
    super(code, options);
    const cache = `${options.filename}.cache`;
    // Runs side by side have files in common.
    const own = `${cache}.${process.pid}`;
    process.once('exit', () => {
      writeFileSync(own, this.createCachedData(), { flush: true });
      renameSync(own, cache);
    });
  }
};
