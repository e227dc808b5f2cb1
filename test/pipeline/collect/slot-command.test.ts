import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { expand, SlotCommand } from '../../../src/pipeline/collect/slot-command.ts';
import type { EndedSlot } from '../../../src/store/slot-sealer.ts';

const counters = { flows: 0, packets: 0, octets: 0 };
const slot: EndedSlot = {
  startMs: Date.UTC(2024, 4, 1, 10, 5),
  endMs: Date.UTC(2024, 4, 1, 10, 10),
  path: '/flows/a b/2024/05/01/weir.202405011005.parquet',
  storeDirectory: '/flows/a b',
  ident: 'border',
  stats: { tcp: counters, udp: counters, icmp: counters, other: counters } as unknown as EndedSlot['stats'],
};

test('every expansion', () => {
  expect(expand('%f|%d|%t|%u|%i|%x|%', slot)).toBe(
    '2024/05/01/weir.202405011005.parquet|/flows/a b|202405011005|1714557900|border|%x|%',
  );
  expect(expand('%t', { ...slot, endMs: slot.startMs + 1000 })).toBe('20240501100500');
});

test('words are split before they are expanded, no shell sees them, and output is logged', async () => {
  const lines: string[] = [];
  const command = new SlotCommand(
    `${process.execPath} -p JSON.stringify(process.argv.slice(1)) %d $HOME;ls %i`,
    (line) => lines.push(line),
  );
  command.run(slot);
  await command.close();
  expect(lines).toEqual(['-x: ["/flows/a b","$HOME;ls","border"]']);
});

test('commands run one after another and close waits for all', async () => {
  const lines: string[] = [];
  const program = 'setTimeout(()=>console.log(process.argv[1]),60)';
  const command = new SlotCommand(`${process.execPath} -e ${program} %i`, (line) => lines.push(line));
  for (const ident of ['a', 'b', 'c']) command.run({ ...slot, ident });
  expect(lines).toEqual([]);
  await command.close();
  expect(lines).toEqual(['-x: a', '-x: b', '-x: c']);
});

test('a command that is not there or fails costs a line', async () => {
  const lines: string[] = [];
  const missing = new SlotCommand('/nonexistent/program %f %z', (line) => lines.push(line));
  expect(lines.slice(-1)).toEqual(['-x: there is no program /nonexistent/program yet that can be run']);
  missing.run(slot);
  await missing.close();
  const failing = new SlotCommand(`${process.execPath} -e process.exit(3)`, (line) => lines.push(line));
  failing.run(slot);
  await failing.close();
  expect(lines).toHaveLength(4);
  expect(lines[0]).toMatch(/%z/);
  expect(lines[2]).toMatch(/\/nonexistent\/program.*ENOENT/);
  expect(lines[3]).toMatch(/exit status 3/);
  await sleep(0);
});

test('what a command leaves in the background, with its output, holds up nobody', async () => {
  const lines: string[] = [];
  const background = "require('child_process').spawn('sleep',['20'],{stdio:'inherit',detached:true}).unref()";
  const command = new SlotCommand(`${process.execPath} -e ${background};console.log(process.argv[1]) %i`, (line) =>
    lines.push(line),
  );
  for (const ident of ['a', 'b']) command.run({ ...slot, ident });
  await command.close();
  // Without a line that says that they have not ended.
  expect(lines).toEqual(['-x: a', '-x: b']);
});
