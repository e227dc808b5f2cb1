import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { inPairs } from '../support/captures.ts';
import { canonical, lineDifferences } from '../support/flow.ts';
import { describeWith, SHARED_DATA, tempDir, weir } from '../support/process.ts';
import { readSegments, type StoredFlow } from '../support/segments.ts';

/** The usual view of a record, as `expected.json` has it; what is absent was not exported. */
interface ExpectedFlow {
  src?: string;
  dst?: string;
  proto?: number;
  sport?: number;
  dport?: number;
  tcpFlags?: number;
  packets?: number;
  bytes?: number;
  inIf?: number;
  outIf?: number;
  firstMs?: number;
  lastMs?: number;
}

interface ExpectedExport {
  file: string;
  exportPackets: Record<string, number>;
  expect: { flowRecords?: number; minFlowRecords?: number; maxFlowRecords?: number };
  records: { kind: string; norm?: ExpectedFlow; fields: Record<string, unknown> }[];
}

/** Flow records where the figures beside the captures are wrong or give a range, and why weir's number is right. */
const OTHER_COUNTS: Record<string, number> = {
  // The set before its template is held back until that comes; it has 660 octets, 11 records of 60, and the header says 24 in all.
  'ak-v9-data-before-template': 21,
};

/** Start and end of the records of captures that the figures beside them read otherwise. */
const OTHER_TIMES: Record<string, readonly number[]> = {
  // Microseconds in the place of a fraction (0x85f98, 0x68584, 0x86b59): see test/collect/captures.test.ts.
  'ipfix-netscaler': [1478866159548, 1478866159427, 1478866159551],
};

describeWith(['weir', 'shared captures'], 'captures of exporters to weir collect', () => {
  it('give the expected records, one by one', { timeout: 180_000 }, async () => {
    const captures: Record<string, ExpectedExport> = JSON.parse(
      readFileSync(join(SHARED_DATA, 'flows/expected.json'), 'utf8'),
    ).captures;
    const names = Object.keys(captures);
    expect(names.length).toBeGreaterThan(50);
    const directory = tempDir('captures');
    const results = await inPairs(names, async (name) => {
      const capture = captures[name]!;
      const store = join(directory, name);
      const { status, stderr } = await weir([
        'collect',
        '-f',
        join(SHARED_DATA, 'flows', capture.file),
        '-w',
        store,
        '-q',
      ]);
      return { name, capture, status, stderr, flows: await readSegments(store) };
    });
    const failed = results.filter(({ status }) => status !== 0).map(({ name, stderr }) => `${name}: ${stderr}`);
    expect(failed).toEqual([]);
    const differences: string[] = [];
    for (const { name, capture, flows } of results) {
      const { flowRecords, minFlowRecords, maxFlowRecords } = capture.expect;
      if (name in OTHER_COUNTS) {
        expect(flows.length, name).toBe(OTHER_COUNTS[name]);
      } else if (flowRecords === undefined) {
        expect(flows.length, name).toBeGreaterThanOrEqual(minFlowRecords!);
        expect(flows.length, name).toBeLessThanOrEqual(maxFlowRecords!);
      } else {
        const expected = capture.records.filter(({ kind }) => kind === 'flow').map(usualFlow);
        for (const [i, ms] of (OTHER_TIMES[name] ?? []).entries()) {
          Object.assign(expected[i]!, { firstMs: ms, lastMs: ms });
        }
        differences.push(...lineDifferences(name, storedLines(flows, expected), expected.map(expectedLine)));
      }
    }
    expect(differences).toEqual([]);
  });
});

/** ICMP type and code stand in the destination port, whichever element they came in. */
function usualFlow({ norm = {}, fields }: ExpectedExport['records'][number]): ExpectedFlow {
  // sFlow samples have no family in their names.
  for (const family of ['IPv4', 'IPv6', '']) {
    const both = fields[`icmpTypeCode${family}`];
    if (typeof both === 'number' && both !== 0) return { ...norm, dport: both };
    const type = fields[`icmpType${family}`];
    if (typeof type === 'number') return { ...norm, dport: type * 256 + Number(fields[`icmpCode${family}`] ?? 0) };
  }
  return norm;
}

function expectedLine(flow: ExpectedFlow): string {
  const { sport = 0, dport = 0, proto = 0, tcpFlags = 0, packets = 0, bytes = 0, inIf = 0, outIf = 0 } = flow;
  const ends = `${canonical(flow.src ?? '::')}:${sport} > ${canonical(flow.dst ?? '::')}:${dport}`;
  const times = `${flow.firstMs ?? 'no start'} .. ${flow.lastMs ?? 'no end'}`;
  return `${proto} ${ends} if ${inIf} > ${outIf} flags ${tcpFlags & 0xff} ${packets} packets ${bytes} octets ${times}`;
}

/** Times are compared where the exporter sent any: without, a collector has nothing but the time of receipt. */
function storedLines(flows: StoredFlow[], expected: ExpectedFlow[]): string[] {
  const hasFirst = expected.some(({ firstMs }) => firstMs !== undefined);
  const hasLast = expected.some(({ lastMs }) => lastMs !== undefined);
  return flows.map((flow) => {
    const view: ExpectedFlow = { ...flow, sport: flow.srcPort, dport: flow.dstPort, bytes: flow.octets };
    if (!hasFirst) delete view.firstMs;
    if (!hasLast) delete view.lastMs;
    return expectedLine(view);
  });
}
