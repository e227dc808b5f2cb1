import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  D_LENGTH,
  D_OFFSET,
  D_RECEIVED_MS,
  D_SRC_HI,
  D_SRC_LO,
  DATAGRAM_META_BYTES,
  DATAGRAM_META_WORDS,
} from '../../../src/addon/datagram-layout.ts';
import { DatagramSlot } from '../../../src/collect/datagram-slot.ts';
import { parseAddress } from '../../../src/flow/address.ts';
import { parsePrefix } from '../../../src/flow/prefix.ts';
import type { ListedSource, SourcePlan } from '../../../src/pipeline/collect/source-plan.ts';
import { SourceRouter } from '../../../src/pipeline/collect/source-router.ts';
import { netflow5 } from '../../support/netflow5.ts';
import { tempDir } from '../../support/process.ts';

/** A slot with a datagram of one flow from each sender. */
function slotOf(senders: readonly string[]): DatagramSlot {
  const datagram = netflow5(1, 0);
  const begin = senders.length * DATAGRAM_META_BYTES;
  const slot = new DatagramSlot(new Uint8Array(new ArrayBuffer((begin + senders.length * datagram.length + 7) & ~7)));
  senders.forEach((sender, i) => {
    const at = i * DATAGRAM_META_WORDS;
    const [hiHigh, hiLow, loHigh, loLow] = parseAddress(sender)!;
    slot.words.set([hiLow, hiHigh], at + D_SRC_HI);
    slot.words.set([loLow, loHigh], at + D_SRC_LO);
    slot.doubles[(at + D_RECEIVED_MS) / 2] = Date.now();
    slot.words[at + D_OFFSET] = begin + i * datagram.length;
    slot.words[at + D_LENGTH] = datagram.length;
    slot.bytes.set(datagram, begin + i * datagram.length);
  });
  return slot;
}

/** Datagrams that each source got, by ident, after `senders` were delivered, several slots of them if need be. */
async function deliver(plan: SourcePlan, slots: readonly string[][], maxDynamicSources?: number) {
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const router = await SourceRouter.open(
    plan,
    {
      store: { mode: 'live', log },
      onSlotEnd: () => {},
      ...(maxDynamicSources === undefined ? {} : { maxDynamicSources }),
    },
    log,
  );
  for (const senders of slots) await router.deliver(slotOf(senders), senders.length);
  const got = router.sources.map(({ ident, collector }) => [ident, collector.stats().decode.datagrams]);
  await router.close();
  return { got: Object.fromEntries(got), ignored: router.ignoredDatagrams, lines };
}

function listed(directory: string, ident: string, ...blocks: string[]): ListedSource {
  return { ident, directory: join(directory, ident), prefixes: blocks.map((block) => parsePrefix(block)!) };
}

test('the longest prefix counts, in any order of the list, for both families and however senders alternate', async () => {
  const directory = tempDir('router');
  const sources = [
    listed(directory, 'net', '10.0.0.0/8', '2001:db8::/32'),
    listed(directory, 'host', '10.1.1.1', '2001:db8::7'),
    listed(directory, 'wide', '0.0.0.0/0'),
  ];
  const senders = [
    ...['10.1.1.1', '10.1.1.1', '10.1.1.2', '192.0.2.1', '10.1.1.1', '2001:db8::7', '2001:db8::8'],
    ...['2001:db9::1', '2001:db8::7', '192.0.2.1', '2001:db9::1'],
  ];
  const { got, ignored, lines } = await deliver({ kind: 'listed', sources }, [senders, senders.toReversed()]);
  expect(got).toEqual({ net: 4, host: 10, wide: 4 });
  expect(ignored).toBe(4);
  expect(lines).toEqual(['datagrams from 2001:db9::1 are ignored: no -n has its address']);
});

test('a source for each exporter, up to a number; the rest is ignored and counted', async () => {
  const plan: SourcePlan = { kind: 'dynamic', directory: tempDir('router-dynamic') };
  const senders = ['10.0.0.1', '::1', '10.0.0.2', '10.0.0.3', '10.0.0.1', '10.0.0.3'];
  const { got, ignored, lines } = await deliver(plan, [senders, senders], 3);
  expect(got).toEqual({ '10-0-0-1': 4, '--1': 2, '10-0-0-2': 2 });
  expect(ignored).toBe(4);
  expect(lines.filter((line) => /ignored/.test(line))).toEqual([
    'datagrams from 10.0.0.3 are ignored: there are 3 sources already',
  ]);
});

test('exporters of a slot that are all new get a source each, and no more than there may be', async () => {
  const plan: SourcePlan = { kind: 'dynamic', directory: tempDir('router-many') };
  const senders = Array.from({ length: 100 }, (_, i) => `10.0.1.${i}`);
  const { got, ignored } = await deliver(plan, [[...senders, ...senders.toReversed(), ...senders]], 90);
  expect(Object.keys(got)).toHaveLength(90);
  expect(new Set(Object.values(got))).toEqual(new Set([3]));
  expect(ignored).toBe(30);
});

test('an exporter whose directory cannot be made does not end the collector', async () => {
  const directory = tempDir('router-blocked');
  writeFileSync(join(directory, '10-0-0-1'), '');
  const { got, ignored, lines } = await deliver({ kind: 'dynamic', directory }, [['10.0.0.1', '10.0.0.2']]);
  expect(got).toEqual({ '10-0-0-2': 1 });
  expect(ignored).toBe(1);
  expect(lines[0]).toMatch(/^datagrams from 10\.0\.0\.1 are ignored: cannot use .*10-0-0-1/);
});

test('a flood of ignored senders is not a flood of lines', async () => {
  const directory = tempDir('router-flood');
  mkdirSync(join(directory, 'a'));
  const senders = Array.from({ length: 500 }, (_, i) => `10.9.${i >> 8}.${i & 255}`);
  const { ignored, lines } = await deliver({ kind: 'listed', sources: [listed(directory, 'a', '192.0.2.1')] }, [
    senders,
  ]);
  expect(ignored).toBe(500);
  expect(lines).toHaveLength(16);
});
