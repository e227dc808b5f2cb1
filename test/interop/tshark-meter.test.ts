import { basename } from 'node:path';
import { expect, it } from 'vitest';
import { bundledCaptures, expectedCaptures, inPairs, sharedCaptures } from '../support/captures.ts';
import { meter } from '../support/flow-meter.ts';
import { describeWith, runOk } from '../support/process.ts';
import { packetsByTshark } from '../support/tshark-meter.ts';

/** Where the meter's definition differs on purpose from the one of those figures. */
const OTHER_FIGURES: Record<string, { octets?: number; flows?: number }> = {
  // The jumbo payload option (RFC 2675) is believed.
  'td-ipv6_jumbogram_1.pcap': { octets: 65_576 },
  // One packet has more than a hundred fragment headers: the chain is given up, what is left is a protocol of its own.
  'suri-ipv6-malformed-fragments-11-frag-11.pcap': { flows: 8 },
};
const NEVER = { activeSec: 1e9, inactiveSec: 1e9 };

describeWith(['tshark'], 'bundled captures in tshark', () => {
  it('have no malformed packet and no wrong checksum', async () => {
    const checks = ['ip.check_checksum', 'tcp.check_checksum', 'udp.check_checksum'].flatMap((name) => [
      '-o',
      `${name}:TRUE`,
    ]);
    const wrong = [
      '_ws.malformed',
      ...['ip', 'tcp', 'udp', 'icmp', 'icmpv6'].map((name) => `${name}.checksum.status == 0`),
    ];
    const complaints = await inPairs(bundledCaptures, (file) =>
      runOk('tshark', ['-n', '-r', file, ...checks, '-Y', wrong.join(' || ')]),
    );
    expect(complaints.join('')).toBe('');
  });
});

describeWith(['tshark', 'shared captures'], 'the reference meter on captures of other projects', () => {
  it('comes to the packets, octets and flows that others measured', { timeout: 180_000 }, async () => {
    const expected = expectedCaptures();
    const compared = await inPairs(sharedCaptures, async (file) => {
      const name = basename(file);
      const { packets, malformed, beyond } = await packetsByTshark(file);
      // Those figures hold packets that do not fit their frame or lie deeper, have no type of service and no interface in the key and do not join fragments.
      const all = [...packets, ...malformed, ...beyond].map(({ fragment: _, ...packet }) => ({
        ...packet,
        tos: 0,
        us: 0,
        interfaceId: 0,
        isEgress: false,
      }));
      const octets = all.reduce((sum, packet) => sum + packet.octets, 0);
      const { ipPackets, ipBytes, fiveTuplesWithIcmpType } = expected[name]!;
      return {
        got: { name, packets: all.length, octets, flows: meter(all, NEVER).length },
        wanted: { name, packets: ipPackets, octets: ipBytes, flows: fiveTuplesWithIcmpType, ...OTHER_FIGURES[name] },
      };
    });
    expect(compared.map(({ got }) => got)).toEqual(compared.map(({ wanted }) => wanted));
  });
});
