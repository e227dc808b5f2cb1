import { basename } from 'node:path';
import { expect, it } from 'vitest';
import { bundledCaptures, expectedCaptures, inPairs, sharedCaptures } from '../support/captures.ts';
import { meter } from '../support/flow-meter.ts';
import { describeWith, runOk } from '../support/process.ts';
import { packetsByTshark } from '../support/tshark-meter.ts';

/** Octets where the meter's definition differs on purpose: it believes the jumbo payload option (RFC 2675). */
const OTHER_OCTETS: Record<string, number> = { 'td-ipv6_jumbogram_1.pcap': 65_576 };
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
      const { packets, malformed } = await packetsByTshark(file);
      // Those figures hold packets that do not fit their frame, have no type of service and no interface in the key and do not join fragments.
      const all = [...packets, ...malformed].map(({ fragment: _, ...packet }) => ({
        ...packet,
        tos: 0,
        us: 0,
        interfaceId: 0,
      }));
      const octets = all.reduce((sum, packet) => sum + packet.octets, 0);
      const { ipPackets, ipBytes, fiveTuplesWithIcmpType } = expected[name]!;
      return {
        got: { name, packets: all.length, octets, flows: meter(all, NEVER).length },
        wanted: { name, packets: ipPackets, octets: OTHER_OCTETS[name] ?? ipBytes, flows: fiveTuplesWithIcmpType },
      };
    });
    expect(compared.map(({ got }) => got)).toEqual(compared.map(({ wanted }) => wanted));
  });
});
