import { describe, expect, it } from 'vitest';
import { type MeteredPacket, meter } from './flow-meter.ts';

const SYN = 2;
const ACK = 16;
const FIN = 1;

function packet(sec: number, more: Partial<MeteredPacket> = {}): MeteredPacket {
  const ends = { src: '192.0.2.1', dst: '192.0.2.2', srcPort: 1, dstPort: 2 };
  return {
    us: sec * 1_000_000,
    ...ends,
    proto: 6,
    tos: 0,
    tcpFlags: ACK,
    octets: 100,
    interfaceId: 0,
    isEgress: false,
    ...more,
  };
}

function packetsOfFlows(packets: MeteredPacket[]): number[] {
  return meter(packets, { activeSec: 300, inactiveSec: 60 }).map((flow) => flow.packets);
}

describe('the reference meter', () => {
  it('keeps a flow whose gap is the inactive timeout, and cuts one whose gap is longer', () => {
    expect(packetsOfFlows([packet(0), packet(60)])).toEqual([2]);
    expect(packetsOfFlows([packet(0), packet(60.000001)])).toEqual([1, 1]);
  });

  it('cuts at first + active, to the microsecond', () => {
    const busy = [0, 50, 100, 150, 200, 250].map((sec) => packet(sec));
    expect(packetsOfFlows([...busy, packet(299.999999)])).toEqual([7]);
    expect(packetsOfFlows([...busy, packet(300)])).toEqual([6, 1]);
  });

  it('lets the tail of a connection join it after FIN, for 5 s after the last packet', () => {
    const end = packet(1, { tcpFlags: FIN | ACK });
    expect(packetsOfFlows([packet(0), end, packet(6)])).toEqual([3]);
    expect(packetsOfFlows([packet(0), end, packet(6), packet(11)])).toEqual([4]);
    expect(packetsOfFlows([packet(0), end, packet(6.000001)])).toEqual([2, 1]);
  });

  it('cuts a finished flow at a SYN without ACK, and only a finished one', () => {
    const end = packet(1, { tcpFlags: FIN | ACK });
    expect(packetsOfFlows([packet(0), end, packet(2, { tcpFlags: SYN })])).toEqual([2, 1]);
    expect(packetsOfFlows([packet(0), end, packet(2, { tcpFlags: SYN | ACK })])).toEqual([3]);
    expect(packetsOfFlows([packet(0), packet(2, { tcpFlags: SYN })])).toEqual([2]);
  });

  it('has the type of service and the interface in the key', () => {
    expect(packetsOfFlows([packet(0), packet(1, { tos: 8 })])).toEqual([1, 1]);
    expect(packetsOfFlows([packet(0), packet(1, { interfaceId: 1 })])).toEqual([1, 1]);
    expect(packetsOfFlows([packet(0), packet(1, { isEgress: true })])).toEqual([1, 1]);
  });

  it('gives later fragments the ports of the first one that came before them', () => {
    const first = packet(0, { proto: 17, fragment: { id: '7', first: true } });
    const later = packet(1, { proto: 17, srcPort: 0, dstPort: 0, fragment: { id: '7', first: false } });
    expect(packetsOfFlows([first, later])).toEqual([2]);
    expect(packetsOfFlows([later, first])).toEqual([1, 1]);
  });

  it('takes the earliest and the latest time, and cuts by a clock that never goes back', () => {
    const [flow] = meter([packet(10), packet(8), packet(9)], { activeSec: 300, inactiveSec: 60 });
    expect([flow!.firstMs, flow!.lastMs]).toEqual([8000, 10_000]);
    const other = (sec: number) => packet(sec, { srcPort: 9 });
    expect(packetsOfFlows([packet(0), other(100), packet(1)])).toEqual([1, 1, 1]);
    expect(packetsOfFlows([other(100), packet(0), packet(60), packet(61)])).toEqual([1, 3]);
    expect(packetsOfFlows([other(100), packet(0), packet(60.5)])).toEqual([1, 1, 1]);
    expect(packetsOfFlows([packet(1000), packet(700.1)])).toEqual([2]);
    expect(packetsOfFlows([packet(1000), packet(700)])).toEqual([1, 1]);
  });
});
