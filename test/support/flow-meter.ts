import type { Flow } from './flow.ts';

/** What a meter needs of one packet. */
export interface MeteredPacket {
  /** Microseconds since 1970: what is below is cut off before times are compared. */
  us: number;
  src: string;
  dst: string;
  proto: number;
  srcPort: number;
  dstPort: number;
  tos: number;
  tcpFlags: number;
  octets: number;
  /** The interface in a capture that tells it, part of the key; 0 otherwise. */
  interfaceId: number;
  /** The capture says that the packet left the interface; part of the key. */
  isEgress: boolean;
  /** Present for a fragment. */
  fragment?: { id: string; first: boolean };
}

export interface MeterOptions {
  activeSec: number;
  inactiveSec: number;
}

const FIN_OR_RST = 0x05;
const SYN = 0x02;
const ACK = 0x10;
const LINGER_US = 5_000_000;

interface OpenFlow extends Flow {
  firstUs: number;
  lastUs: number;
  /** What the clock showed at the first and at the latest packet: the time of the newest packet of all until then. */
  openedUs: number;
  latestUs: number;
  /** FIN or RST was seen. */
  finished: boolean;
}

/**
 * A slow, plain meter that says what flows a list of packets is: weir's rules, written a second time with maps and objects.
 * Flows are cut as an exact function of the packets alone:
 * - a packet more than `inactive` after the last one, or at or after first + `active`, begins the next flow;
 * - after a FIN or RST the flow only takes in what comes within 5 s of its last packet; a SYN without ACK begins the next
 *   flow at once;
 * - all that both by the times of the flow's own packets and by a clock that shows the newest time of all packets so far and
 *   never goes back; a packet that lies `active` or more before the flow's last begins the next flow, too;
 * - later fragments have the ports of the first one if that came before them, else none.
 */
export function meter(packets: Iterable<MeteredPacket>, options: MeterOptions): Flow[] {
  const activeUs = options.activeSec * 1_000_000;
  const inactiveUs = options.inactiveSec * 1_000_000;
  const open = new Map<string, OpenFlow>();
  const done: OpenFlow[] = [];
  const fragments = new Map<string, { srcPort: number; dstPort: number }>();
  let clockUs = 0;
  for (const packet of packets) {
    clockUs = Math.max(clockUs, packet.us);
    let { srcPort, dstPort } = packet;
    if (packet.fragment !== undefined) {
      const datagram = `${packet.src} ${packet.dst} ${packet.proto} ${packet.fragment.id}`;
      if (packet.fragment.first) fragments.set(datagram, { srcPort, dstPort });
      else ({ srcPort, dstPort } = fragments.get(datagram) ?? { srcPort: 0, dstPort: 0 });
    }
    const key = `${packet.src} ${packet.dst} ${packet.proto} ${srcPort} ${dstPort} ${packet.tos} ${packet.interfaceId} ${packet.isEgress}`;
    let flow = open.get(key);
    if (flow === undefined || isOver(flow, packet)) {
      if (flow !== undefined) done.push(flow);
      const { src, dst, proto, tos, us } = packet;
      const counters = { tcpFlags: 0, packets: 0, octets: 0, firstMs: 0, lastMs: 0 };
      flow = {
        src,
        dst,
        proto,
        srcPort,
        dstPort,
        tos,
        ...counters,
        firstUs: us,
        lastUs: us,
        openedUs: clockUs,
        latestUs: clockUs,
        finished: false,
      };
      open.set(key, flow);
    }
    flow.packets += 1;
    flow.octets += packet.octets;
    flow.tcpFlags |= packet.tcpFlags;
    flow.firstUs = Math.min(flow.firstUs, packet.us);
    flow.lastUs = Math.max(flow.lastUs, packet.us);
    flow.latestUs = clockUs;
    if ((packet.tcpFlags & FIN_OR_RST) !== 0) flow.finished = true;
  }
  const flows = [...done, ...open.values()];
  for (const flow of flows) {
    flow.firstMs = Math.floor(flow.firstUs / 1000);
    flow.lastMs = Math.floor(flow.lastUs / 1000);
  }
  return flows;

  function isOver(flow: OpenFlow, { us, tcpFlags }: MeteredPacket): boolean {
    if (flow.finished && (tcpFlags & (SYN | ACK)) === SYN) return true;
    const quietUs = flow.finished ? Math.min(LINGER_US, inactiveUs) : inactiveUs;
    const byClock = clockUs >= flow.openedUs + activeUs || clockUs > flow.latestUs + quietUs;
    const byPackets = us >= flow.firstUs + activeUs || us > flow.lastUs + quietUs || flow.lastUs - us >= activeUs;
    return byClock || byPackets;
  }
}
