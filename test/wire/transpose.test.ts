import { expect, test } from 'vitest';
import { addon } from '../../src/addon/addon.ts';
import { ICMP_STEPS, NO_FIELD, RUN_CELLS, STEP_CELLS } from '../../src/addon/transpose-layout.ts';
import { Exporters } from '../../src/collect/exporters.ts';
import { DEFAULT_LIMITS } from '../../src/collect/limits.ts';
import { PendingSets } from '../../src/collect/pending-sets.ts';
import { FlowBatch } from '../../src/flow/batch.ts';
import { fields } from '../../src/flow/fields.ts';
import { DatagramDecoder } from '../../src/wire/decode.ts';
import * as program from '../../src/wire/template-program.ts';
import type { Transpose } from '../../src/wire/transpose-queue.ts';
import { type Row, rowOf } from '../support/collect-rows.ts';
import { concat, fill, ipfixMessage, type TemplateField, v5Datagram, v9Datagram } from '../support/flow-datagrams.ts';
import { fuzz } from '../support/fuzz.ts';

const ORIGIN = { receivedMs: 1_700_000_000_123, hiHigh: 0, hiLow: 0, loHigh: 0xffff, loLow: 1, port: 1, session: 0 };

/** Elements of all kinds of steps: copies, times, both families, ICMP, what is left to TypeScript. */
const ELEMENTS = [
  ...fields.flatMap(({ ie, ie6, alsoRead }) => [ie, ie6 ?? 0, ...(alsoRead ?? [])]),
  ...[4, 4, 7, 8, 11, 12, 21, 22, 27, 28, 32, 150, 151, 152, 153, 154, 156, 161, 176, 177, 34, 48, 60, 210, 12_345],
].filter((element) => element > 0 && element < 32_768);

/** Decodes datagrams that stand in one memory, as those of a slot do, into batches of `batchRows`. */
function decodeAll(datagrams: readonly Uint8Array[], batchRows: number, transpose: Transpose | undefined): Row[] {
  const rows: Row[] = [];
  const exchange = (full: FlowBatch) => {
    for (let row = 0; row < full.rows; row++) rows.push(rowOf(full, row));
    return new FlowBatch(batchRows);
  };
  const exporters = new Exporters(DEFAULT_LIMITS, new PendingSets(DEFAULT_LIMITS), () => undefined);
  const noFrames = () => {
    throw new Error('no sFlow here');
  };
  const decoder = new DatagramDecoder(new FlowBatch(batchRows), exchange, exporters, noFrames, transpose);
  const bytes = concat(...datagrams);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  for (const { length } of datagrams) {
    decoder.decode(bytes, view, at, length, { ...ORIGIN });
    at += length;
  }
  decoder.settle();
  decoder.flush();
  return rows;
}

test('the addon and TypeScript agree about the steps', () => {
  const layout = addon().transposeLayout();
  const ours: Record<string, number> = { ...program, RUN_CELLS, STEP_CELLS, ICMP_STEPS, NO_FIELD };
  expect(Object.keys(layout).length).toBeGreaterThan(10);
  for (const [name, value] of Object.entries(layout)) expect(ours[name], name).toBe(value);
});

test('the addon copies whatever TypeScript copies, for templates of all kinds in turn', async () => {
  const { transpose } = addon();
  let native = 0;
  const counting: Transpose = (bytes, steps, runs, columns) => {
    native += runs.length / RUN_CELLS;
    return transpose(bytes, steps, runs, columns);
  };
  let rows = 0;
  await fuzz((roll) => {
    const templates = Array.from({ length: 1 + roll(3) }, (_, i) => ({
      id: 256 + i,
      fields: Array.from({ length: 1 + roll(20) }, (): TemplateField => {
        const element = ELEMENTS[roll(ELEMENTS.length)]!;
        const usual = [27, 28, 62, 63].includes(element) ? 16 : [1, 2, 4, 4, 8][roll(5)]!;
        return [element, roll(8) === 0 ? 1 + roll(12) : usual];
      }),
    }));
    const data = () =>
      templates.map(({ id, fields }) => {
        const bytes = fill(fields.reduce((sum, [, length]) => sum + length, 0) * roll(6), roll(2 ** 31));
        // Protocols that something depends on, more often than chance has them.
        for (let at = 0; at < bytes.length; at++) if (roll(6) === 0) bytes[at] = [0, 1, 58, 255][roll(4)]!;
        return { id, bytes };
      });
    const build = roll(2) === 0 ? v9Datagram : ipfixMessage;
    const datagrams = [build({ templates, data: data() })];
    for (let more = roll(5); more > 0; more--) {
      if (roll(4) === 0) datagrams.push(v5Datagram({ version: 5, records: fill(48 * (1 + roll(30)), roll(2 ** 31)) }));
      else datagrams.push(build({ data: data() }));
    }
    const batchRows = 1 + roll(70);
    const expected = decodeAll(datagrams, batchRows, undefined);
    expect(decodeAll(datagrams, batchRows, counting)).toEqual(expected);
    rows += expected.length;
  });
  expect(native).toBeGreaterThan(0);
  expect(rows).toBeGreaterThan(native);
});

test('more runs than are gathered for one call', () => {
  const datagrams = Array.from({ length: 4200 }, (_, i) => v5Datagram({ version: 5, records: fill(48, i) }));
  expect(decodeAll(datagrams, 65_536, addon().transpose)).toEqual(decodeAll(datagrams, 65_536, undefined));
});

test('a program that leaves its memory is refused', () => {
  const columns = [new Uint8Array(4)];
  const run =
    (...cells: number[]) =>
    () =>
      addon().transpose(new Uint8Array(8), Uint32Array.of(0, 0, 0, 1), Float64Array.from(cells), columns);
  expect(run(0, 1, 0, 2, 4, 0, 0, 0, 0)).not.toThrow();
  expect(run(0, 1, 0, 2, 5, 0, 0, 0, 0)).toThrow('beyond the bytes');
  expect(run(0, 1, 0, 2, 4, 1, 0, 0, 0)).toThrow('beyond their column');
  expect(run(0, 2, 0, 2, 4, 0, 0, 0, 0)).toThrow('no such steps');
});
