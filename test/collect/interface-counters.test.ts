import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { renderMetrics } from '../../src/pipeline/collect/metrics.ts';
import { add, rowCollector } from '../support/collect-rows.ts';
import { concat } from '../support/flow-datagrams.ts';
import { readUdp } from '../support/pcap-udp.ts';
import { SHARED_DATA } from '../support/process.ts';
import { sflowDatagram, tagged, words } from '../support/sflow-datagrams.ts';

const NONE = 0xffff_ffff;

/** ifIndex 7, Ethernet, 10 Gbit/s, full duplex. */
function counters(index: number, octets: number, status = 3, inErrors = 5): Uint8Array {
  const start = words(index, 6, 2, 0x540b_e400, 1, status);
  const received = words(1, octets, 10, 20, NONE, 4, inErrors, 0);
  return tagged(1, concat(start, received, words(0, 999, 30, NONE, NONE, NONE, NONE, 0)));
}

const sample = (record: Uint8Array, isExpanded = false) =>
  isExpanded ? tagged(4, concat(words(1, 0, 7, 1), record)) : tagged(2, concat(words(1, 7, 1), record));

test('the latest counters of each interface, of both forms of counter samples', () => {
  const { collector } = rowCollector();
  const send = (...samples: Uint8Array[]) =>
    add(collector, { payload: sflowDatagram({ samples }), timeMs: 1_700_000_000_000 });
  send(sample(counters(7, 100)), sample(counters(8, 1, 1), true));
  send(sample(counters(7, 200)), sample(tagged(1, new Uint8Array(84))), sample(tagged(2, new Uint8Array(88))));
  const { interfaces, decode } = collector.stats();
  expect(decode.counterSamples).toBe(5);
  expect(interfaces.map(({ index, isUp }) => [index, isUp])).toEqual([
    [7, true],
    [8, false],
  ]);
  expect(interfaces[0]).toMatchObject({
    type: 6,
    bitsPerSecond: 10_000_000_000,
    inOctets: 2 ** 32 + 200,
    inPackets: 30,
    inDiscards: 4,
    inErrors: 5,
    outOctets: 999,
    outPackets: 30,
    outDiscards: -1,
    outErrors: -1,
    receivedMs: 1_700_000_000_000,
  });
});

test('interfaces beyond the limit are not followed', () => {
  const { collector } = rowCollector({ limits: { interfaces: 5 } });
  for (let index = 1; index <= 9; index++) {
    add(collector, { payload: sflowDatagram({ samples: [sample(counters(index, index))] }) });
  }
  expect(collector.stats().interfaces.map(({ index }) => index)).toEqual([1, 2, 3, 4]);
});

test('/metrics has them, without those that the device does not count', () => {
  const { collector } = rowCollector();
  add(collector, { payload: sflowDatagram({ samples: [sample(counters(7, 100))] }) });
  const collected = collector.stats();
  const { exporter } = collected.interfaces[0]!;
  const received = {
    ...{ datagrams: 1, bytes: 1, kernelDropped: 0, queueDropped: 0, skippedPackets: 0, bytesRead: 0, bytesTotal: 0 },
    ...{ receiveBufferBytes: [], ports: [], denied: 0, throttled: 0 },
  };
  const sources = [{ label: 'none', collected, storedFlows: 0, lostFlows: 0 }];
  const text = renderMetrics({ startedMs: 0, received, ignoredDatagrams: 0, sources, repeated: [] });
  const labels = `exporter="${exporter}",interface="7"`;
  expect(text).toContain(`weir_interface_octets_total{${labels},direction="in"} ${2 ** 32 + 100}\n`);
  expect(text).toContain(`weir_interface_errors_total{${labels},direction="in"} 5\n`);
  expect(text).not.toContain(`weir_interface_errors_total{${labels},direction="out"}`);
  expect(text).toContain(`weir_interface_up{${labels}} 1\n`);
});

const CAPTURE = join(SHARED_DATA, 'flows/ci-sflow-counter_sample.pcap');

test.skipIf(!existsSync(CAPTURE))('of a switch, as tshark reads them', () => {
  const { collector } = rowCollector();
  for (const datagram of readUdp(readFileSync(CAPTURE))) add(collector, datagram);
  expect(collector.stats().interfaces[0]).toMatchInlineSnapshot(`
    {
      "bitsPerSecond": 100000000,
      "exporter": "208.85.240.52",
      "inDiscards": 0,
      "inErrors": 0,
      "inOctets": 79282473,
      "inPackets": 330621,
      "index": 9,
      "isUp": true,
      "outDiscards": 0,
      "outErrors": 0,
      "outOctets": 764247430,
      "outPackets": 11129033,
      "receivedMs": 1000000000000,
      "type": 6,
    }
  `);
});
