import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { UserError } from '../../src/flow/user-error.ts';
import { readRates, writeRates } from '../../src/store/sampling-rates.ts';
import { tempDir } from '../support/process.ts';

let directory: string;
beforeAll(() => {
  directory = tempDir('rates');
});

test('rules are read as they were written', async () => {
  expect(await readRates(directory)).toEqual([]);
  const rules = [
    { exporter: '192.0.2.1', rate: 1000, fromMs: 5, toMs: 1_700_000_000_000 },
    { exporter: '2001:db8::1', rate: 1 },
  ];
  await writeRates(directory, rules);
  expect(await readRates(directory)).toEqual(rules);
});

const GOOD = { exporter: '192.0.2.1', rate: 2 };
const file = (...rules: unknown[]) => JSON.stringify({ schema: 1, rules });

test.each([
  ['{', /this is no JSON/],
  ['null', /the schema is not 1/],
  [JSON.stringify({ schema: 2, rules: [] }), /the schema is not 1/],
  [JSON.stringify({ schema: 1, rules: {} }), /no list "rules"/],
  [file(GOOD, null), /rule 2: "exporter" is no address/],
  [file({ ...GOOD, exporter: 'router' }), /rule 1: "exporter" is no address/],
  [file(GOOD, GOOD, { ...GOOD, rate: 0 }), /rule 3: "rate" is no whole number/],
  [file({ ...GOOD, rate: '7' }), /rule 1: "rate" is no whole number/],
  [file({ ...GOOD, rate: 2 ** 32 }), /rule 1: "rate" is no whole number/],
  [file({ ...GOOD, fromMs: 'yesterday' }), /rule 1: "fromMs" is no time/],
  [file({ ...GOOD, toMs: 1.5 }), /rule 1: "toMs" is no time/],
])('%s is refused, with the file and the entry', async (text, reason) => {
  const path = join(directory, '.weir.sampling.json');
  writeFileSync(path, text);
  const error: unknown = await readRates(directory).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  expect((error as UserError).message).toMatch(reason);
  expect((error as UserError).message.startsWith(`${path}: `)).toBe(true);
  expect((error as UserError).message).toMatch(/weir sampling$/);
});
