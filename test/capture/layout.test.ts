import { expect, test } from 'vitest';
import { addon } from '../../src/addon/addon.ts';
import * as layout from '../../src/addon/packet-layout.ts';

test('the addon and TypeScript agree about the packet record', () => {
  expect(addon().packetLayout()).toEqual({ ...layout });
});
