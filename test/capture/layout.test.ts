import { expect, test } from 'vitest';
import { addon } from '../../src/addon/addon.ts';
import * as extensionLayout from '../../src/addon/packet-extension-layout.ts';
import * as layout from '../../src/addon/packet-layout.ts';
import * as runLayout from '../../src/addon/packet-run-layout.ts';

test('the addon and TypeScript agree about the packet record', () => {
  expect(addon().packetLayout()).toEqual({ ...layout });
});

test('and about the extension record', () => {
  expect(addon().packetExtensionLayout()).toEqual({ ...extensionLayout });
});

test('and about runs', () => {
  expect(addon().packetRunLayout()).toEqual({ ...runLayout });
});
