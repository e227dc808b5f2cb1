import { describe, expect, it } from 'vitest';
import { P_INPUT, P_META, PACKET_WORDS } from '../../src/addon/packet-layout.ts';
import { AccountedInput, type AccountedInputOptions } from '../../src/capture/accounted-input.ts';
import { LocalNets } from '../../src/capture/local-nets.ts';
import type { PacketInput, PacketSlot } from '../../src/capture/source.ts';
import { parseAddress } from '../../src/flow/address.ts';
import { parsePrefix } from '../../src/flow/prefix.ts';
import { encode, type TestPacket } from '../cache/packets.ts';

const UNKNOWN = 0;
const INGRESS = 0x40;
const EGRESS = 0xc0;

function packet(src: string, dst: string, meta = UNKNOWN): TestPacket {
  const version = src.includes(':') ? 6 : 4;
  return { src: [...parseAddress(src)!], dst: [...parseAddress(dst)!], version, meta, timeUs: 1, input: 9 };
}

/** What comes out of one slot with these packets: their numbers in the slot, interfaces and directions. */
async function through(options: AccountedInputOptions, packets: TestPacket[]) {
  const numbered = packets.map((one, i) => ({ ...one, srcPort: i }));
  const { words, times } = encode(numbered);
  const slot: PacketSlot = {
    index: 0,
    count: packets.length,
    bytes: new Uint8Array(words.buffer),
    words,
    doubles: times,
    extensions: undefined,
  };
  let given: PacketSlot | undefined = slot;
  const take = () => {
    const now = given;
    given = undefined;
    return now;
  };
  const released: PacketSlot[] = [];
  const input: PacketInput = {
    tryRead: take,
    read: async () => take(),
    release: (one) => released.push(one),
    stop: () => {},
    stats: () => ({ metered: packets.length }) as ReturnType<PacketInput['stats']>,
    failure: () => null,
  };
  const accounted = new AccountedInput(input, options);
  const out = (await accounted.read())!;
  const rows = Array.from({ length: out.count }, (_, i) => ({
    number: out.words[i * PACKET_WORDS + 8]!,
    input: out.words[i * PACKET_WORDS + P_INPUT]!,
    direction: out.words[i * PACKET_WORDS + P_META]! & EGRESS,
    timeUs: out.doubles[i * 8 + 7],
  }));
  accounted.release(out);
  expect(released).toEqual([slot]);
  expect(await accounted.read()).toBeUndefined();
  expect(accounted.stats().metered).toBe(rows.length);
  expect(accounted.notAccounted).toBe(packets.length - rows.length);
  return rows;
}

describe('directions of an interface', () => {
  const all = [INGRESS, EGRESS, UNKNOWN, EGRESS, INGRESS].map((meta) => packet('10.0.0.1', '192.0.2.1', meta));

  it.each([
    [0, []],
    [1, [0, 2, 4]],
    [2, [1, 3]],
    [3, [0, 1, 2, 3, 4]],
    [7, [0, 1, 2, 3, 4]],
  ])('conf=%d accounts packets %j', async (conf, kept) => {
    const rows = await through({ conf }, all);
    expect(rows.map(({ number }) => number)).toEqual(kept);
    expect(rows.every(({ timeUs, input }) => timeUs === 1 && input === 9)).toBe(true);
  });

  it('go with the ifIndex that was asked for', async () => {
    expect((await through({ conf: 2, index: 77 }, all)).map(({ input }) => input)).toEqual([77, 77]);
  });
});

describe('--local-net', () => {
  const nets = ['10.1.0.0/16', '192.0.2.7', '2001:db8:8000::/33', '2001:db8::5'];
  const localNets = new LocalNets(nets.map((text) => parsePrefix(text)!));

  it.each([
    ['10.1.2.3', '8.8.8.8', EGRESS],
    ['8.8.8.8', '10.1.255.255', INGRESS],
    ['10.1.2.3', '192.0.2.7', UNKNOWN],
    ['10.2.0.0', '192.0.2.8', UNKNOWN],
    ['192.0.2.7', '10.0.255.255', EGRESS],
    ['2001:db8:8000::1', '2001:db8:7fff::1', EGRESS],
    ['2001:db8:7fff::1', '2001:db8:ffff::', INGRESS],
    ['2001:db8::5', '2001:db8::6', EGRESS],
    ['2001:db9::5', '2001:db8::6', UNKNOWN],
    // No IPv4 network is one of IPv6.
    ['::a01:203', '2001:db8::6', UNKNOWN],
  ])('%s to %s, whatever the source said', async (src, dst, direction) => {
    const packets = [UNKNOWN, INGRESS, EGRESS].map((meta) => packet(src, dst, meta));
    expect((await through({ conf: 3, localNets }, packets)).map((row) => row.direction)).toEqual([
      direction,
      direction,
      direction,
    ]);
  });

  it('of all addresses of a family leaves the other alone', async () => {
    const everyV4 = new LocalNets([parsePrefix('0.0.0.0/0')!]);
    const packets = [packet('1.1.1.1', '2.2.2.2'), packet('2001:db8::1', '::1', INGRESS)];
    expect((await through({ conf: 3, localNets: everyV4 }, packets)).map((row) => row.direction)).toEqual([0, 0]);
    const everyV6 = new LocalNets([parsePrefix('2000::/3')!]);
    const mixed = [packet('2001:db8::1', 'fe80::1'), packet('32.0.0.1', '2.2.2.2')];
    expect((await through({ conf: 3, localNets: everyV6 }, mixed)).map((row) => row.direction)).toEqual([EGRESS, 0]);
  });
});
