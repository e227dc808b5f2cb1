import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseTemplateFields, sendableElements } from '../../src/export/compose-template.ts';
import { describeTemplates } from '../../src/export/describe-templates.ts';
import { FlowExporter } from '../../src/export/exporter.ts';
import { templateColumns, templateFields, templatePresets } from '../../src/export/templates.ts';
import { fields } from '../../src/flow/fields.ts';
import { BOOT_MS, batchOf, KeepingTransport, type PlainFlow, sampleFlows } from './support.ts';
import { type WalkedRecord, Walker } from './walk.ts';

function specs(text: string, version: 9 | 10, family: 4 | 6): string {
  const kind = { family, directionKnown: true, icmp: false, reverse: false };
  return templateFields(parseTemplateFields(text), version, kind)
    .map(({ element, length }) => `${element}:${length}`)
    .join(' ');
}

async function exported(text: string, version: 9 | 10, flows: PlainFlow[]): Promise<WalkedRecord[]> {
  const keep = new KeepingTransport();
  const template = parseTemplateFields(text);
  const exporter = new FlowExporter({
    version,
    template,
    transports: [keep],
    clock: 'flows',
    bootMs: () => BOOT_MS,
  });
  exporter.write(batchOf(flows));
  await exporter.close();
  const walker = new Walker();
  return keep.datagrams.flatMap((datagram) => walker.walk(datagram).flows);
}

describe('--fields', () => {
  it('takes names of IANA and of weir, numbers and lengths', () => {
    const text = 'sourceIPv4Address, dstaddr, octetDeltaCount:4, 2, tcp-flags, minLength:8, in_if:2, firstMs';
    expect(specs(text, 9, 4)).toBe('8:4 12:4 1:4 2:8 6:1 25:8 10:2 22:4');
    expect(specs(text, 10, 6)).toBe('27:16 28:16 1:4 2:8 6:2 25:8 10:2 152:8');
  });

  it('an element of one family stands for both, and naming both is the same', () => {
    expect(specs('8,27,9,29,32', 10, 6)).toBe('27:16 29:1 139:2');
    expect(specs('8,27,9,29,32', 10, 4)).toBe('8:4 9:1 32:2');
    expect(specs('packets,31', 10, 4)).toBe('2:8');
    expect(specs('packets,flowLabelIPv6', 9, 6)).toBe('2:8 31:3');
  });

  it.each([
    ['octetDeltaCont', /did you mean octetDeltaCount\?/],
    ['srcAdr', /did you mean srcAddr\?/],
    ['packets,,octets', /"" is not NAME/],
    ['packets,PACKETS', /there twice/],
    ['observationDomainId', /has no observationDomainId \(element 149\)/],
    ['999', /unknown element "999"/],
    ['srcPort:1', /srcPort can have 2 octets/],
    ['inIf:8', /inIf can have 4 or 2 octets/],
    ['8:16', /8 has no length to choose/],
    ['packets:x', /packets can have 8 or 4 octets/],
    ['', /"" is not NAME/],
    ['proto,tos,direction,minTtl', /at least 4 octets/],
  ])('%j is refused', (text, message) => {
    expect(() => parseTemplateFields(text)).toThrow(message);
  });

  /** Of the exporter, and what comes of itself with biflows. */
  const UNNAMED = new Set<string>(['exporter', 'domain', 'biflowDirection']);

  it('every field of a flow that has an element can be named and sent', async () => {
    const names = fields.filter(({ ie, name }) => ie > 0 && ie < 0x8000 && !UNNAMED.has(name));
    expect(names.length).toBeGreaterThan(50);
    for (const { name } of names) {
      for (const version of [9, 10] as const) {
        const [flow] = await exported([...new Set([name, 'proto', 'octets'])].join(','), version, sampleFlows(1));
        expect(flow!.values.get('4'), `${name} in version ${version}`).toBe(6n);
      }
    }
  });

  it.each([9, 10] as const)('version %i carries the values in any width', async (version) => {
    const flow: PlainFlow = {
      ...sampleFlows(1)[0]!,
      proto: 1,
      dstPort: 3 * 256 + 10,
      minLength: 40,
      direction: 1,
      octets: 77,
    };
    const text = 'octets:4,minLength:8,icmpType,icmpCode,icmpTypeCodeIPv4,direction,flowStartSeconds,flowEndSysUpTime';
    const [record] = await exported(text, version, [flow]);
    expect(Object.fromEntries(record!.values)).toEqual({
      1: 77n,
      25: 40n,
      176: 3n,
      177: 10n,
      32: 778n,
      61: 1n,
      150: BigInt(Math.floor((flow.firstMs as number) / 1000)),
      21: BigInt((flow.lastMs as number) - BOOT_MS),
    });
  });

  it('splits flows whose counter is too wide for the length asked for', async () => {
    const octets = 2n ** 33n + 5n;
    const records = await exported('octets:4,packets', 10, [{ ...sampleFlows(1)[0]!, octets, packets: 9 }]);
    expect(records.length).toBe(3);
    expect(records.reduce((sum, record) => sum + record.values.get('1')!, 0n)).toBe(octets);
  });

  it('templates without anything of the family are one template', () => {
    const [first, second, ...more] = describeTemplates(10, parseTemplateFields('octets,packets'));
    expect(more).toEqual([]);
    expect(first!.id).toBe(second!.id);
  });
});

it('columns of a template', () => {
  expect(templateColumns(parseTemplateFields('srcAddr,octets,icmpType,ipVersion,vlanId'))).toEqual([
    'srcAddrLo',
    'octets',
    'dstPort',
    'proto',
    'srcVlan',
    'srcAddrHi',
  ]);
  for (const preset of templatePresets) expect(templateColumns(preset)).toContain('octets');
  expect(templateColumns('default')).not.toContain('inSrcMac');
  expect(templateColumns('full')).toEqual(expect.arrayContaining(['flowLabel', 'etherType', 'mpls10', 'inSrcMac']));
});

it('docs/export.md lists every element that can be named', () => {
  const page = readFileSync(new URL('../../docs/export.md', import.meta.url), 'utf8');
  const rows = sendableElements().map(
    ({ id, name, lengths }) =>
      `| ${id} | \`${name}\` | ${lengths.slice(0, lengths.length > 1 ? undefined : 0).join(', ')} |`,
  );
  expect(/choice \|\n\|---\|---\|---\|\n([\s\S]*)\n<!-- end of elements -->/.exec(page)?.[1]).toBe(rows.join('\n'));
});
