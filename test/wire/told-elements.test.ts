import { describe, expect, test } from 'vitest';
import { restoreState, saveState } from '../../src/collect/saved-state.ts';
import { ToldElements } from '../../src/wire/told-elements.ts';
import { add, rowCollector } from '../support/collect-rows.ts';
import { concat, ipfixMessage, type TemplateField, uint } from '../support/flow-datagrams.ts';

const PEN = 64_999;
const text = (value: string) => new TextEncoder().encode(value);

/** Type information as RFC 5610 section 3.9 has it: enterprise and number are the scope. */
const OPTIONS = {
  id: 400,
  scopes: 2,
  fields: [
    [346, 4],
    [303, 2],
    [339, 1],
    [341, 0xffff],
  ] as TemplateField[],
};

function told(pen: number, id: number, type: number, name: string): Uint8Array {
  return concat(uint(pen, 4), uint(id, 2), uint(type, 1), uint(name.length, 1), text(name));
}

const types = (...records: Uint8Array[]) => ({ templates: [OPTIONS], data: [{ id: 400, bytes: concat(...records) }] });
/** An address, a number and a text of one enterprise, the number of another. */
const FLOWS = {
  id: 256,
  fields: [
    [8, 4],
    [1, 4, PEN],
    [2, 2, PEN],
    [3, 4, PEN],
    [2, 2, PEN + 1],
  ] as TemplateField[],
};
const flow = { id: 256, bytes: concat(uint(1, 4), uint(0x0a000001, 4), uint(513, 2), text('abcd'), uint(7, 2)) };
const UNTOLD = { '64999/1': '0x0a000001', '64999/2': '0x0201', '64999/3': '0x61626364', '65000/2': '0x0007' };

describe('type information of an exporter (RFC 5610)', () => {
  test('gives elements names and types, in templates that came before and after', () => {
    const { collector, extras } = rowCollector();
    const send = (message: Parameters<typeof ipfixMessage>[0]) => add(collector, { payload: ipfixMessage(message) });
    send({ templates: [FLOWS], data: [flow] });
    send(types(told(PEN, 1, 18, 'edgeAddress'), told(PEN, 2 | 0x8000, 2, 'edge.queue-length')));
    send({ data: [flow] });
    send({ ...types(told(PEN, 2, 6, 'queueLength')), domain: 5 });
    send({ templates: [{ ...FLOWS, id: 257 }], data: [{ ...flow, id: 257 }] });
    send({ data: [flow] });
    collector.flush();
    const later = { edgeAddress: '10.0.0.1', queueLength: 513, '64999/3': '0x61626364', '65000/2': '0x0007' };
    expect(extras).toEqual([
      UNTOLD,
      { edgeAddress: '10.0.0.1', 'edge.queue-length': 513, '64999/3': '0x61626364', '65000/2': '0x0007' },
      later,
      later,
    ]);
    const [stream] = collector.stats().streams;
    expect(stream!.unknownElements).toEqual({ '64999/1': 1, '64999/2': 1, '64999/3': 4, '65000/2': 4 });
    expect([stream!.templates, stream!.templatesChanged]).toEqual([3, 0]);
    expect(collector.templates().find(({ id }) => id === 257)!.fields).toContain('queueLength(2)');
  });

  test('is of its exporter alone, and outlives the collector', () => {
    const { collector, extras } = rowCollector();
    const source: [number, number, number, number] = [0, 0, 0xffff, 0x0a000002];
    add(collector, { payload: ipfixMessage(types(told(PEN, 2, 2, 'queueLength'))) });
    add(collector, { payload: ipfixMessage({ templates: [FLOWS] }) });
    add(collector, { payload: ipfixMessage({ templates: [FLOWS], data: [flow] }), source });
    collector.flush();
    expect(extras).toEqual([UNTOLD]);
    const next = rowCollector();
    restoreState(next.collector.exporters, saveState(collector.exporters), 1_700_000_000_000);
    add(next.collector, { payload: ipfixMessage({ data: [flow] }) });
    next.collector.flush();
    expect(next.extras).toEqual([
      { '64999/1': '0x0a000001', queueLength: 513, '64999/3': '0x61626364', '65000/2': '0x0007' },
    ]);
  });

  test.each([
    ['no name', 'a"b'],
    ['an empty one', ''],
    ['one of IANA', 'octetDeltaCount'],
    ['one that is too long', 'x'.repeat(65)],
  ])('%s is not taken, the type is', (_, name) => {
    const { collector, extras } = rowCollector();
    add(collector, { payload: ipfixMessage(types(told(PEN, 2, 2, name), told(0, 2, 13, 'mine'))) });
    add(collector, { payload: ipfixMessage({ templates: [FLOWS], data: [flow] }) });
    collector.flush();
    expect(extras).toEqual([{ ...UNTOLD, '64999/2': 513 }]);
  });

  test('one name for two elements names the first in the template', () => {
    const { collector, extras } = rowCollector();
    const same = [told(PEN, 2, 2, 'same'), told(PEN + 1, 2, 2, 'same'), told(PEN, 3, 13, 'same')];
    add(collector, { payload: ipfixMessage(types(...same)) });
    add(collector, { payload: ipfixMessage({ templates: [FLOWS], data: [flow] }) });
    collector.flush();
    expect(extras).toEqual([{ '64999/1': '0x0a000001', same: 513, '64999/3': 'abcd', '65000/2': 7 }]);
  });

  test('every type, and what is none', () => {
    const elements = new ToldElements();
    for (let type = 0; type <= 23; type++) elements.learn([PEN, type + 1, type, 'n'], () => true);
    const found = Array.from({ length: 24 }, (_, type) => elements.of(PEN, type + 1)!.type);
    expect(found.join(' ')).toBe(
      'octets u8 u16 u32 u64 i32 i32 i32 i32 float64 float64 bool mac string seconds milliseconds microseconds ' +
        'nanoseconds ipv4 ipv6 list list list ',
    );
    expect(elements.learn([PEN, 99, 1, 'n'], () => false)).toBe(false);
    expect(elements.size).toBe(24);
  });
});
