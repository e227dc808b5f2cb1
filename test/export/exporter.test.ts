import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlowExporter } from '../../src/export/exporter.ts';
import { bootBefore, type ExportVersion, type FlowExporterOptions } from '../../src/export/exporter-options.ts';
import { templatePresets } from '../../src/export/templates.ts';
import { BOOT_MS, batchOf, KeepingTransport, type PlainFlow, START_MS, sampleFlows } from './support.ts';
import { type WalkedMessage, Walker } from './walk.ts';

const versions = [5, 9, 10] as const;
const plainFlow: PlainFlow = { ...sampleFlows(1)[0]!, octets: 1000 };

function exporterOf(options: Partial<FlowExporterOptions> & { version: ExportVersion }) {
  const keep = new KeepingTransport();
  const exporter = new FlowExporter({ transports: [keep], clock: 'flows', bootMs: () => BOOT_MS, ...options });
  return { exporter, keep };
}

async function exportAll(
  options: Partial<FlowExporterOptions> & { version: ExportVersion },
  flows: PlainFlow[],
): Promise<{ messages: WalkedMessage[]; keep: KeepingTransport; exporter: FlowExporter }> {
  const { exporter, keep } = exporterOf(options);
  exporter.write(batchOf(flows));
  await exporter.close();
  return { messages: walkAll(keep), keep, exporter };
}

function walkAll(keep: KeepingTransport): WalkedMessage[] {
  const walker = new Walker();
  return keep.datagrams.map((datagram) => walker.walk(datagram));
}

function sumOf(messages: WalkedMessage[], element: string): bigint {
  return messages.flatMap((m) => m.flows).reduce((sum, flow) => sum + flow.values.get(element)!, 0n);
}

function checkSequences(messages: WalkedMessage[]): void {
  let next = 0;
  for (const message of messages) {
    expect(message.sequence).toBe(next);
    if (message.version === 5) next += message.flows.length;
    else if (message.version === 9) next += 1;
    else next += message.flows.length + message.options.length;
    const records = message.templateIds.length + message.optionsTemplateIds.length + message.options.length;
    if (message.version !== 10) expect(message.count).toBe(records + message.flows.length);
  }
}

const flowArbitrary = fc.record({
  isV6: fc.boolean(),
  direction: fc.constantFrom(0, 1, 255),
  proto: fc.constantFrom(1, 6, 17, 58),
  octets: fc.oneof(fc.bigInt(0n, 2000n), fc.bigInt(0n, 2n ** 40n)),
  packets: fc.oneof(fc.bigInt(0n, 2000n), fc.bigInt(0n, 2n ** 34n)),
  gapMs: fc.integer({ min: 0, max: 400 }),
});
const flowsArbitrary = fc.array(flowArbitrary, { maxLength: 300 }).map((list) => {
  let exportMs = START_MS;
  return list.map(({ isV6, gapMs, ...rest }): PlainFlow => {
    exportMs += gapMs;
    return {
      ...rest,
      exportMs,
      firstMs: exportMs - 900,
      lastMs: exportMs - 100,
      srcAddr: isV6 ? '2001:db8::1' : '192.0.2.1',
      dstAddr: isV6 ? '2001:db8::2' : '198.51.100.2',
    };
  });
});

describe('whatever flows come', () => {
  it.each(versions)('version %i: datagrams are short, well counted, and add up', async (version) => {
    await fc.assert(
      fc.asyncProperty(
        flowsArbitrary,
        fc.integer({ min: 512, max: 1500 }),
        fc.constantFrom(...templatePresets),
        fc.integer({ min: 1, max: 20 }),
        async (flows, maxDatagramBytes, preset, refreshDatagrams) => {
          const options = { version, maxDatagramBytes, template: preset, refreshDatagrams };
          const { messages, exporter } = await exportAll(options, flows);
          checkSequences(messages);
          for (const message of messages) {
            expect(message.length).toBeLessThanOrEqual(maxDatagramBytes);
            if (version === 5) expect(message.flows.length).toBeLessThanOrEqual(30);
          }
          const exported = flows.filter((flow) => version !== 5 || flow.srcAddr === '192.0.2.1');
          expect(sumOf(messages, '1')).toBe(exported.reduce((sum, flow) => sum + (flow.octets as bigint), 0n));
          expect(sumOf(messages, '2')).toBe(exported.reduce((sum, flow) => sum + (flow.packets as bigint), 0n));
          const stats = exporter.stats();
          expect(stats.flows).toBe(flows.length);
          expect(stats.skippedIpv6Flows).toBe(flows.length - exported.length);
          expect(stats.records).toBe(messages.reduce((sum, message) => sum + message.flows.length, 0));
          expect(stats.bytes).toBe(messages.reduce((sum, message) => sum + message.length, 0));
        },
      ),
      { numRuns: 60, interruptAfterTimeLimit: 2000 },
    );
  });

  it.each(versions)('version %i: batches and ticks do not change a byte', async (version) => {
    await fc.assert(
      fc.asyncProperty(flowsArbitrary, fc.integer({ min: 1, max: 40 }), async (flows, rows) => {
        const whole = await exportAll({ version }, flows);
        const { exporter, keep } = exporterOf({ version });
        for (let at = 0; at < flows.length; at += rows) {
          const part = flows.slice(at, at + rows);
          exporter.tick(part[0]!.exportMs as number);
          exporter.write(batchOf(part));
        }
        await exporter.close();
        expect(keep.datagrams).toEqual(whole.keep.datagrams);
      }),
      { numRuns: 40, interruptAfterTimeLimit: 2000 },
    );
  });
});

describe('templates and options', () => {
  it.each([9, 10] as const)('version %i: come first, with the first flows, and again as asked', async (version) => {
    const flows = sampleFlows(400);
    const { messages } = await exportAll({ version, refreshDatagrams: 5 }, flows);
    expect(messages[0]!.templateIds).toHaveLength(2);
    expect(messages[0]!.flows.length).toBeGreaterThan(0);
    const announcing = messages.flatMap((message, i) => (message.templateIds.length > 0 ? [i] : []));
    expect(announcing.length).toBeGreaterThanOrEqual(Math.floor(messages.length / 6));
    for (const [i, at] of announcing.entries()) if (i > 0) expect(at - announcing[i - 1]!).toBeLessThanOrEqual(6);
  });

  it('come again by time', async () => {
    const at = (seconds: number) => ({ ...plainFlow, exportMs: START_MS + seconds * 1000 });
    const { messages } = await exportAll({ version: 9, refreshSeconds: 10 }, [0, 4, 9, 10, 19, 20, 21].map(at));
    expect(messages.map((message) => message.templateIds.length)).toEqual([2, 0, 0, 2, 0, 2, 0]);
  });

  it('come in datagrams of their own when they leave no room for a flow', async () => {
    const interfaces = Array.from({ length: 30 }, (_, index) => ({ index, name: `eth${index}`, description: 'x' }));
    const { messages } = await exportAll({ version: 10, maxDatagramBytes: 512, interfaces }, sampleFlows(9));
    expect(messages.at(-1)!.flows.length).toBeGreaterThan(0);
    expect(messages.flatMap((message) => message.options).filter((o) => o.values.has('scope10'))).toHaveLength(30);
    for (const message of messages) expect(message.length).toBeLessThanOrEqual(512);
  });

  it('leave direction out until one is known, then announce a template with it', async () => {
    const flow = plainFlow;
    const flows = [flow, { ...flow, direction: 1, exportMs: START_MS + 100 }, { ...flow, exportMs: START_MS + 200 }];
    const { messages } = await exportAll({ version: 9 }, flows);
    const records = messages.flatMap((message) => message.flows);
    expect(records.map((record) => record.values.get('61'))).toEqual([undefined, 1n, undefined]);
    expect(new Set(records.map((record) => record.templateId)).size).toBe(2);
  });

  it.each([9, 10] as const)(
    'version %i: say what has become other before the flows that come after it',
    async (version) => {
      const interfaces = [{ index: 6, name: 'gone-b', description: 'x' }];
      const { exporter, keep } = exporterOf({ version, interfaces });
      exporter.write(batchOf([{ ...plainFlow, inIf: 6 }]));
      interfaces[0] = { index: 8, name: 'gone-b', description: 'x' };
      exporter.announce();
      exporter.write(batchOf([{ ...plainFlow, inIf: 8 }]));
      await exporter.close();
      const messages = walkAll(keep);
      const named = ({ options }: WalkedMessage) => options.filter(({ values }) => values.has('82'));
      const number = version === 9 ? '10' : 'scope10';
      const numbers = (message: WalkedMessage) => named(message).map(({ values }) => values.get(number));
      expect(messages.map(({ flows }) => flows.map(({ values }) => values.get('10')))).toEqual([[6n], [8n]]);
      expect(messages.map(numbers)).toEqual([[6n], [8n]]);
      checkSequences(messages);
    },
  );

  it('say sampling, keys, start and counts in IPFIX', async () => {
    const options = { version: 10, domain: 7, sampling: { rate: 50, random: false } } as const;
    const { messages } = await exportAll(options, sampleFlows(3));
    const values = messages[0]!.options.map((record) => Object.fromEntries(record.values));
    expect(values).toContainEqual({ scope302: 1n, 304: 1n, 305: 1n, 306: 49n });
    expect(values).toContainEqual({ scope149: 7n, 34: 50n });
    expect(values).toContainEqual({ scope149: 7n, 160: BigInt(BOOT_MS) });
    expect(values).toContainEqual({ scope149: 7n, 40: 0n, 41: 0n, 42: 0n });
    // Addresses, ports, protocol and type of service stand at 4, 5, 8, 9, 10, 11.
    expect(values).toContainEqual({ scope145: BigInt(messages[0]!.templateIds[0]!), 173: 0b1111_0011_0000n });
  });

  it('say sampling in v9 and in the header of v5', async () => {
    const sampling = { rate: 50, random: true };
    const v9 = await exportAll({ version: 9, sampling }, sampleFlows(1));
    const values = v9.messages[0]!.options.map((record) => Object.fromEntries(record.values));
    expect(values).toContainEqual({ scope1: 0n, 34: 50n });
    expect(values).toContainEqual({ scope1: 0n, 34: 50n, 35: 2n });
    const v5 = await exportAll({ version: 5, sampling }, sampleFlows(1));
    expect(v5.keep.datagrams[0]!.readUInt16BE(22)).toBe((2 << 14) | 50);
  });
});

describe('time', () => {
  it('a flow waits for its datagram at most a second, by the clock of the flows', async () => {
    const flows = [0, 999, 1000, 1500, 2600].map((ms) => ({ ...plainFlow, exportMs: START_MS + ms }));
    const { messages } = await exportAll({ version: 5 }, flows);
    expect(messages.map((message) => message.flows.length)).toEqual([2, 2, 1]);
    expect(messages.map((message) => message.exportMs - START_MS)).toEqual([999, 1500, 2600]);
  });

  it('the other family does not hold a datagram back', async () => {
    const [v4, v6] = sampleFlows(2);
    const flows = [v6!, ...[0, 2000].map((ms) => ({ ...v4!, exportMs: START_MS + 100 + ms }))];
    const { messages } = await exportAll({ version: 9 }, flows);
    expect(messages.map((message) => message.flows[0]!.values.get('60'))).toEqual([6n, 4n, 4n]);
  });

  it('the wall clock flushes by ticks and refreshes templates though no flow comes', async () => {
    let nowMs = START_MS;
    const { exporter, keep } = exporterOf({ version: 9, clock: 'wall', now: () => nowMs, refreshSeconds: 10 });
    exporter.write(batchOf(sampleFlows(3)));
    expect(keep.datagrams).toHaveLength(0);
    nowMs += 999;
    exporter.tick(nowMs);
    expect(keep.datagrams).toHaveLength(0);
    nowMs += 1;
    exporter.tick(nowMs);
    expect(keep.datagrams).toHaveLength(2);
    nowMs += 10_000;
    exporter.tick(nowMs);
    const messages = walkAll(keep);
    checkSequences(messages);
    expect(messages[2]!.templateIds).toHaveLength(2);
    expect(messages[2]!.flows).toHaveLength(0);
    exporter.tick(nowMs + 500);
    expect(keep.datagrams).toHaveLength(3);
    await exporter.close();
    expect(keep.closed).toBe(true);
  });

  it.each([5, 9] as const)('version %i: wall times come out of header and uptimes', async (version) => {
    const isV4 = (flow: PlainFlow) => !String(flow.srcAddr).includes(':');
    const flows = sampleFlows(60)
      .filter(isV4)
      .map((flow) => ({ ...flow, octets: 40 }));
    const { messages } = await exportAll({ version }, flows);
    const times = messages.flatMap((message) => {
      const bootMs = message.exportMs - message.uptimeMs;
      const latest = message.flows.map((flow) => Number(flow.values.get('21')));
      if (version === 9) for (const last of latest) expect(last).toBeLessThanOrEqual(message.uptimeMs);
      return message.flows.map((flow) => bootMs + Number(flow.values.get('22')));
    });
    expect(times).toEqual(flows.map((flow) => flow.firstMs));
  });

  it.each([5, 9] as const)('version %i: a replay of more than 49.7 days begins a new epoch', async (version) => {
    const day = 86_400_000;
    const flows = [0, 30, 49, 51, 80, 200].map((days): PlainFlow => {
      const firstMs = START_MS + days * day;
      return { ...plainFlow, firstMs, lastMs: firstMs + 2000, exportMs: firstMs + 2500 };
    });
    const { messages, exporter } = await exportAll({ version }, flows);
    checkSequences(messages);
    const times = messages.flatMap((m) =>
      m.flows.map((flow) => m.exportMs - m.uptimeMs + Number(flow.values.get('22'))),
    );
    expect(times).toEqual(flows.map((flow) => flow.firstMs));
    expect(exporter.stats().epochs).toBe(2);
    if (version === 9) expect(messages.map((m) => m.templateIds.length)).toEqual([2, 2, 2, 2, 2, 2]);
  });

  it('boot time is the second before the first packet', () => {
    expect(bootBefore(1_700_000_000_999)).toBe(1_699_999_999_000);
    expect(bootBefore(1_700_000_000_000)).toBe(1_699_999_999_000);
  });
});

describe('values that do not fit', () => {
  it('v5: counters are split to the packet, ifIndexes and AS numbers say so', async () => {
    const octets = 3n * 0xffff_ffffn + 5n;
    const flow = {
      ...plainFlow,
      octets,
      packets: 7n,
      inIf: 65_536,
      outIf: 65_535,
      srcAs: 70_000,
      dstAs: 65_535,
    };
    const { messages, exporter } = await exportAll({ version: 5 }, [flow, { ...flow, octets: 0xffff_ffffn }]);
    const records = messages[0]!.flows.map((record) => record.values);
    expect(records).toHaveLength(5);
    expect(records.map((values) => values.get('2'))).toEqual([2n, 2n, 2n, 1n, 7n]);
    expect(sumOf(messages, '1')).toBe(octets + 0xffff_ffffn);
    expect(records[0]!.get('10')).toBe(65_535n);
    expect(records[0]!.get('14')).toBe(65_535n);
    expect(records[0]!.get('16')).toBe(23_456n);
    expect(records[0]!.get('17')).toBe(65_535n);
    expect(exporter.stats()).toMatchObject({ splitFlows: 1, clampedFlows: 0, records: 5 });
  });

  it('v5: a counter beyond reason is clamped and counted', async () => {
    const { exporter } = await exportAll({ version: 5 }, [{ ...plainFlow, octets: 2n ** 64n - 1n }]);
    expect(exporter.stats()).toMatchObject({ splitFlows: 1, clampedFlows: 1, records: 32_768 });
  });

  it('an IPv6 next hop of an IPv4 flow is left out', async () => {
    const flow = { ...plainFlow, nextHop: '2001:db8::7' };
    const { messages } = await exportAll({ version: 9, template: 'nfdump' }, [flow, { ...flow, nextHop: '192.0.2.9' }]);
    const hops = messages.flatMap((message) => message.flows.map((record) => record.values.get('15')));
    expect(hops).toEqual([0n, 0xc0000209n]);
  });

  it.each([
    ['::', 'ff02::1', 6n],
    ['fe80::1', 'ff02::1', 6n],
    ['192.0.2.1', '198.51.100.1', 4n],
    ['0.0.0.0', '255.255.255.255', 4n],
    ['::1', '::1', 6n],
  ])('%s to %s is of family %i', async (srcAddr, dstAddr, family) => {
    const { messages } = await exportAll({ version: 10 }, [{ ...plainFlow, srcAddr, dstAddr }]);
    expect(messages[0]!.flows[0]!.values.get('60')).toBe(family);
  });

  it.each([
    [{ version: 5, domain: 65_536 }, /engine/],
    [{ version: 5, sampling: { rate: 16_384, random: false } }, /sampling/],
    [{ version: 9, maxDatagramBytes: 511 }, /datagram size/],
    [{ version: 10, refreshSeconds: 0 }, /refresh/],
  ] as const)('%o is refused', (options, message) => {
    expect(() => exporterOf(options)).toThrow(message);
  });
});

describe('sessions', () => {
  it('a new session starts at sequence 0 with the templates', async () => {
    const { exporter, keep } = exporterOf({ version: 10 });
    exporter.write(batchOf(sampleFlows(90)));
    exporter.tick(Number.POSITIVE_INFINITY);
    const before = keep.datagrams.length;
    exporter.restartSession();
    exporter.write(batchOf(sampleFlows(90)));
    await exporter.close();
    const second = new KeepingTransport();
    second.datagrams.push(...keep.datagrams.slice(before));
    const messages = walkAll(second);
    checkSequences(messages);
    expect(messages[0]!.templateIds).toHaveLength(2);
  });

  it('a transport without room holds the writer back', async () => {
    const { exporter, keep } = exporterOf({ version: 5 });
    expect(exporter.write(batchOf([plainFlow]))).toBeUndefined();
    let release = () => {};
    keep.full = new Promise((resolve) => {
      release = resolve;
    });
    let released = false;
    const written = exporter.write(batchOf([plainFlow]))!.then(() => {
      released = true;
    });
    await Promise.resolve();
    expect(released).toBe(false);
    release();
    await written;
    expect(released).toBe(true);
  });

  it('every transport gets the same, many datagrams to a call', async () => {
    const [one, two] = [new KeepingTransport(), new KeepingTransport()];
    const { exporter } = exporterOf({ version: 9, transports: [one, two] });
    exporter.write(batchOf(sampleFlows(3000)));
    await exporter.close();
    expect(one.datagrams).toEqual(two.datagrams);
    expect(one.calls).toBeLessThan(one.datagrams.length / 10);
  });
});
