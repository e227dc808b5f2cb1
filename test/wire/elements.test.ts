import { expect, test } from 'vitest';
import { elementLabel } from '../../src/wire/elements.ts';
import { REVERSE_PEN } from '../../src/wire/protocol.ts';

test.each([
  [1, 0, 'octetDeltaCount'],
  [32_767, 0, '32767'],
  [1, REVERSE_PEN, 'reverseOctetDeltaCount'],
  [32_767, REVERSE_PEN, '29305/32767'],
  [1, 9, '9/1'],
])('element %i of enterprise %i is called %s', (id, pen, name) => {
  expect(elementLabel(id, pen)).toBe(name);
});
