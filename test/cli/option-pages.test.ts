import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { slotOptions } from '../../src/cli/collect-files.ts';
import { admissionOptions, receivingOptions } from '../../src/cli/collect-receiving.ts';
import * as collectRunning from '../../src/cli/collect-running.ts';
import { sourceOptions } from '../../src/cli/collect-sources.ts';
import { fileOptions } from '../../src/cli/export-files.ts';
import { inputOptions } from '../../src/cli/export-inputs.ts';
import { meteringOptions } from '../../src/cli/export-metering.ts';
import * as exportRunning from '../../src/cli/export-running.ts';
import { sendingOptions } from '../../src/cli/export-sending.ts';
import { configOptions } from '../../src/cli/read-options.ts';
import type { OptionTable } from '../../src/config/option.ts';
import { ROOT } from '../support/process.ts';

const commands: [string, OptionTable][] = [
  [
    'export',
    {
      ...inputOptions,
      ...meteringOptions,
      ...sendingOptions,
      ...fileOptions,
      ...configOptions,
      ...exportRunning.runningOptions,
    },
  ],
  [
    'collect',
    {
      ...sourceOptions,
      ...receivingOptions,
      ...admissionOptions,
      ...slotOptions,
      ...configOptions,
      ...collectRunning.repeatingOptions,
      ...collectRunning.runningOptions,
    },
  ],
];

/** Ways to write each option that a user is to know. */
function spellings(options: OptionTable): string[][] {
  const shown = Object.entries(options).filter(([, { hidden }]) => !hidden);
  return shown.map(([name, { key, type }]) => {
    const words = [name, ...(key === undefined ? [] : [key])];
    const dashed = words.map((word) => (word.length === 1 ? `-${word}` : `--${word}`));
    return type === 'boolean' ? [...dashed, `--no-${name}`] : dashed;
  });
}

describe.each(commands)('docs/%s.md', (command, options) => {
  const page = readFileSync(join(ROOT, 'docs', `${command}.md`), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `-'));
  const written = rows.flatMap((row) =>
    [...row.split(' | ')[0]!.matchAll(/`(--?[\w-]+)/g)].map(([, option]) => option!),
  );

  it('has a row for every option', () => {
    const missing = spellings(options).filter((ways) => !ways.some((way) => written.includes(way)));
    expect(missing).toEqual([]);
  });

  it('has no other options', () => {
    const known = new Set(spellings(options).flat());
    expect(written.filter((option) => !known.has(option))).toEqual([]);
  });
});
