import { expect, test } from 'vitest';
import { addon } from '../../src/addon/addon.ts';
import * as layout from '../../src/cache/row.ts';

test('the addon and TypeScript agree about the rows of the flow cache', () => {
  const known = addon().flowRowLayout();
  expect(Object.keys(known).length).toBeGreaterThan(0);
  expect(layout).toMatchObject(known);
});
