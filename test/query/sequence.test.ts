import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseAddress } from '../../src/flow/address.ts';
import { UserError } from '../../src/flow/user-error.ts';
import { isSequence, parseQuestion } from '../../src/query/filter/parse-sequence.ts';
import { printSequence, type Sequence } from '../../src/query/filter/sequence.ts';
import { fuzz } from '../support/fuzz.ts';
import { tempDir } from '../support/process.ts';
import { makeRandom, type TestFlow } from './support/generate.ts';
import { chainsOf } from './support/interpret-sequence.ts';
import { writeOwnSegment, writeSegment } from './support/parquet.ts';
import { dumpText } from './support/run-dump.ts';

const START_MS = Date.UTC(2026, 10, 20, 10, 0, 0);

/** Few hosts, ports and seconds, so that there are chains; every flow has other octets. */
function makeTalk(count: number, seed: number): TestFlow[] {
  const random = makeRandom(seed);
  const host = () => parseAddress(random(5) === 0 ? `2001:db8::${random(2) + 1}` : `10.0.0.${random(4) + 1}`)!;
  return Array.from({ length: count }, (_, index) => {
    const firstMs = START_MS + random(120) * 1000;
    return {
      numbers: {
        firstMs,
        lastMs: firstMs + random(5000),
        packets: 1 + random(9),
        octets: seed * 100_000 + index,
        proto: [6, 17, 1][random(3)]!,
        srcPort: [1000, 1001, 445, 80][random(4)]!,
        dstPort: [445, 80, 53, 0x0800][random(4)]!,
        tcpFlags: random(64),
        inIf: random(3),
        srcAs: random(3),
        inSrcMac: 0x0200_0000_0000 + random(2),
      },
      addresses: { srcAddr: host(), dstAddr: random(20) === 0 ? parseAddress('::')! : host() },
    };
  });
}

const sequence = (text: string): Sequence => {
  const question = parseQuestion(text);
  if (!isSequence(question)) throw new Error(`not a sequence: ${text}`);
  return question;
};

describe('a sequence', () => {
  it.each([
    [
      'first { dst ip A dst port 445 bytes > 600 } then { src ip A and dst port 80 } within 10m',
      'first { dst ip $A and dst port 445 and bytes > 600 } then { src ip $A and dst port 80 } within 600000ms',
    ],
    [
      'FIRST{src ip A} THEN{ip $A and (port 1 or port 2) not udp}within 5 then{src ip A src port != 3}all within 1h',
      'first { src ip $A } then { ip $A and (port 1 or port 2) and not proto 17 } within 5000ms then { src ip $A and src port != 3 } all within 3600000ms',
    ],
    ['first { src port P port 80 or port 81 } then { dst port >= $P src port P }', undefined],
    [
      'first { proto TCP src as X } then { dst as X (port 80 or port 81) }',
      'first { src as $X and proto 6 } then { dst as $X and (port 80 or port 81) }',
    ],
    ['first { src ip $a } then { dst ip $a flags S }', 'first { src ip $a } then { dst ip $a and flags S }'],
  ])('%s', (text, printed) => {
    if (printed === undefined) expect(() => sequence(text)).toThrow('inside of');
    else {
      expect(printSequence(sequence(text))).toBe(printed);
      expect(sequence(printed)).toEqual(sequence(text));
    }
  });

  it.each([
    ['first { port 80 }', 18, 'two stages'],
    ['first { src ip A } then { dst port 80 }', 25, 'joins'],
    ['first { ip A } then { src ip A }', 12, 'first, after a term about one field'],
    ['first { src ip A } then { src port A }', 36, 'is an address'],
    ['first { src ip A } then { not src ip A }', 38, 'inside'],
    ['first { src ip A } then { src ip A } within 5 moons', 47, 'unexpected'],
    ['first { src ip A } then { src ip A } within soon', 45, 'not a time'],
    ['first { first seen A } then { src ip A }', 20, 'variable'],
    ['first { src ip A } then { src ip > A }', 36, 'compared'],
    ['first { src port P } then { src port P port != P }', 48, 'side'],
    ['first { src ip A then { src ip A }', 18, "unknown word 'then'"],
    ['first { src ip A', 17, "'}'"],
    [`first { src ip A } ${'then { src ip A } '.repeat(8)}`, 151, '8 stages'],
    [`first { src ip A } then { ${'ip A '.repeat(5)} }`, 50, 'too many'],
    ['src ip $A', 8, 'not an address'],
  ])('%j is refused at column %i', (text, column, hint) => {
    let error: unknown;
    try {
      parseQuestion(text);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toContain(`column ${column}:`);
    expect((error as UserError).message).toContain(hint);
    expect((error as UserError).exitCode).toBe(254);
  });

  it('of any text is a sequence, a filter or one message', async () => {
    const scraps =
      'first then { } within all src dst ip port A B $c = != > 80 10.0.0.1 and or not ( ) 10m proto TCP'.split(' ');
    await fuzz((roll) => {
      let text = 'first { src ip A ';
      for (let i = roll(20); i >= 0; i--) text += `${scraps[roll(scraps.length)]} `;
      let question: ReturnType<typeof parseQuestion>;
      try {
        question = parseQuestion(text);
      } catch (error) {
        expect(error, text).toBeInstanceOf(UserError);
        return;
      }
      if (isSequence(question)) expect(sequence(printSequence(question)), text).toEqual(question);
    });
  });
});

describe('chains of flows', () => {
  const talk = [makeTalk(60, 1), makeTalk(50, 2)];
  let directory: string;

  beforeAll(async () => {
    directory = tempDir('sequence');
    mkdirSync(join(directory, 'all'));
    await writeOwnSegment(join(directory, 'all', '1.parquet'), talk[0]!, 20, 'zstd');
    await writeSegment(join(directory, 'all', '2.parquet'), talk[1]!);
  });

  const ask = (...args: string[]) => dumpText(['-r', join(directory, 'all'), ...args]);
  const listed = async (...args: string[]): Promise<number[][]> => {
    const chains: number[][] = [];
    for (const line of (await ask('-o', 'ndjson', ...args)).split('\n').filter((one) => one !== '')) {
      const { chain, step, in_bytes } = JSON.parse(line) as { chain: number; step: number; in_bytes: number };
      chains[chain - 1] ??= [];
      expect(chains[chain - 1]!.length).toBe(step - 1);
      chains[chain - 1]!.push(in_bytes);
    }
    return chains;
  };
  const expected = (text: string) =>
    chainsOf(sequence(text), talk.flat()).map((chain) => chain.map(({ numbers }) => numbers.octets!));

  const filters = ['', 'tcp', 'dst port 445', 'not udp', 'bytes > 100010', '(port 80 or port 53)', 'packets < 5'];
  const binding = ['src ip', 'dst ip', 'src port', 'dst port', 'in if', 'src as', 'icmp-type', 'in src mac', 'proto'];
  const addressUse = ['src ip', 'dst ip', 'ip', 'src ip !=', 'next ip', 'ie destinationIPv4Address'];
  const numberUse = [
    'src port',
    'dst port',
    'port',
    'src port <',
    'in if >=',
    'dst port !=',
    'icmp-type',
    'src mac',
    'src vlan',
  ];
  const isAddress = (term: string) => term.includes('ip') || term.includes('Address');
  const within = fc.constantFrom('', ' within 20s', ' within 0s', ' within 1m');
  const step = fc.record({
    filter: fc.constantFrom(...filters),
    binds: fc.option(fc.constantFrom(...binding)),
    joins: fc.array(fc.record({ use: fc.nat(), variable: fc.nat() }), { minLength: 1, maxLength: 2 }),
    within,
  });
  /** Sequences of two or three stages; each binds a variable or none and is compared with those before. */
  const anySequence = fc
    .record({
      first: fc.record({ filter: fc.constantFrom(...filters), binds: fc.constantFrom(...binding) }),
      steps: fc.array(step, { minLength: 1, maxLength: 2 }),
      all: within,
      every: fc.boolean(),
    })
    .map(({ first, steps, all, every }) => {
      const variables = [{ name: 'A', address: isAddress(first.binds) }];
      let text = `${every ? 'every ' : ''}first { ${first.binds} A ${first.filter} }`;
      for (const { filter, binds, joins, within } of steps) {
        const terms = joins.map(({ use, variable }) => {
          const { name, address } = variables[variable % variables.length]!;
          const uses = address ? addressUse : numberUse;
          return `${uses[use % uses.length]} ${name}`;
        });
        if (binds !== null) {
          const name = 'BC'[variables.length - 1]!;
          variables.push({ name, address: isAddress(binds) });
          terms.push(`${binds} ${name}`);
        }
        text += ` then { ${filter} ${terms.join(' ')} }${within}`;
      }
      return `${text}${all === '' ? '' : ` all${all}`}`;
    })
    .filter((text) => {
      try {
        return isSequence(parseQuestion(text));
      } catch {
        return false;
      }
    });

  it('are those that plain loops find', async () => {
    await fc.assert(
      fc.asyncProperty(anySequence, async (text) => {
        expect(await listed(text), text).toEqual(expected(text));
      }),
      { numRuns: Number(process.env.WEIR_FUZZ_RUNS ?? 60), interruptAfterTimeLimit: 60_000 },
    );
  }, 90_000);

  const text = 'every first { dst ip A dst port 445 } then { src ip A dst port 80 } within 20s';

  it('are cut by -c and -n', async () => {
    const chains = expected(text);
    expect(chains.length).toBeGreaterThan(4);
    expect(await listed('-c', '3', text)).toEqual(chains.slice(0, 3));
    expect(await listed('-n', '2', text)).toEqual(chains.slice(0, 2));
  });

  it('print with their variables in text and csv', async () => {
    const [chain] = expected(text);
    const lines = (await ask('-n', '1', '-o', 'fmt:%byt', text)).split('\n');
    expect(lines[1]).toMatch(/^Chain 1: A = [\d.a-f:]+$/);
    expect(lines.slice(2, 4).map(Number)).toEqual(chain);
    expect(await ask('-q', '-N', '-n', '2', '-o', 'fmt:%byt', text)).toMatch(/^ *\d+\n *\d+\n\n *\d+\n *\d+\n$/);
    expect((await ask('-n', '1', '-o', 'csv', text)).split('\n')[0]).toMatch(/^chain,step,firstSeen/);
    expect((await ask('-n', '1', '-o', 'csv', text)).split('\n')[2]).toMatch(/^1,2,2026-/);
    expect(JSON.parse(await ask('-n', '2', '-o', 'json', text))).toHaveLength(4);
  });

  it('are counted flow by flow in statistics, groups and sorted lists', async () => {
    const flows = [...new Set(expected(text).flat())];
    const sorted = (await ask('-q', '-N', '-O', 'bytes:a', '-o', 'fmt:%byt', text)).trim().split('\n').map(Number);
    expect(sorted).toEqual(flows.sort((a, b) => a - b));
    expect(await ask('-o', 'null', text)).toContain(`total flows: ${flows.length}`);
    expect(await ask('-s', 'dstport', text)).toContain(`total flows: ${flows.length}`);
    expect(await ask('-X', text)).toContain('chains   every first { dst ip $A and dst port 445 } then');
    expect(await ask('--sql', text)).toContain('CREATE OR REPLACE TEMP TABLE chain_flows');
  });
});
