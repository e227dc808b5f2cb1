import type { KeyFields } from '../../src/cache/key-fields.ts';

/** One packet, as plain as can be. */
export interface PlainPacket {
  /** From what stands for the destination to the source. */
  isBack?: boolean;
  /** Stands for both addresses and the IP version. */
  addresses: number;
  ports: number;
  isTcp: boolean;
  tos: number;
  input: number;
  vlan: number;
  mac: number;
  timeUs: number;
  octets: number;
  flags: number;
  ttl: number;
}

export interface PlainRecord {
  addresses: number;
  /** 0 where it does not tell flows apart; so all up to `mac`. */
  proto: number;
  ports: number;
  tos: number;
  input: number;
  /** Of the first packet. */
  vlan: number;
  mac: number;
  firstUs: number;
  lastUs: number;
  packets: number;
  octets: number;
  flags: number;
  minTtl: number;
  maxTtl: number;
  minLength: number;
  maxLength: number;
  reason: number;
  endUs: number;
  number: number;
  /** Of each way, that of packets with `isBack` second. */
  ways: [Way, Way];
  /** Who began, as far as is known. */
  beganBack: boolean;
  isBeginKnown: boolean;
}

export interface Way {
  packets: number;
  octets: number;
  flags: number;
  tos: number;
  firstUs: number;
  lastUs: number;
}

function emptyWay(): Way {
  return { packets: 0, octets: 0, flags: 0, tos: 0, firstUs: Number.POSITIVE_INFINITY, lastUs: 0 };
}

interface Flow extends PlainRecord {
  startedUs: number;
  seenUs: number;
}

export interface ReferenceOptions {
  activeMs: number;
  /** Of flows whose protocol is not known. */
  inactiveMs: number;
  tcpMs: number;
  udpMs: number;
  finLingerMs: number;
  rstLingerMs: number;
  maxFlows: number;
  whenFull: 'evict' | 'ignore';
  key: KeyFields;
  biflow?: boolean;
}

const TCP = 6;
const UDP = 17;
const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;

/** Of a connection whose first packet was not seen. */
function isAnswer({ isTcp, flags }: PlainPacket): boolean {
  return isTcp && (flags & SYN) !== 0 && (flags & ACK) !== 0;
}

/**
 * The rules of docs/decisions/0040, 0125 and 0126, and nothing else: a Map of objects that is searched from end to end
 * whenever a question comes up. Slow, and meant to be read.
 */
export function referenceCache(
  packets: PlainPacket[],
  options: ReferenceOptions,
): { records: PlainRecord[]; ignored: PlainPacket[] } {
  const { key, biflow = false } = options;
  const active = options.activeMs * 1000;
  const table = new Map<string, Flow>();
  const records: PlainRecord[] = [];
  const ignored: PlainPacket[] = [];
  let clock = Number.NEGATIVE_INFINITY;

  const end = (id: string, reason: number, endUs: number) => {
    const { startedUs: _, seenUs: __, ...record } = table.get(id)!;
    records.push({ ...record, reason, endUs });
    table.delete(id);
  };
  const isFinished = (flow: Flow) => (flow.flags & (FIN | RST)) !== 0;
  const idleOf = (flow: Flow) => {
    if (flow.proto === TCP) return options.tcpMs * 1000;
    return (flow.proto === UDP ? options.udpMs : options.inactiveMs) * 1000;
  };
  const lingerOf = (flow: Flow) =>
    Math.min((flow.flags & RST ? options.rstLingerMs : options.finLingerMs) * 1000, idleOf(flow));
  const deadlineOf = (flow: Flow, from: number, latest: number) => {
    const idle = latest + idleOf(flow);
    const linger = latest + lingerOf(flow);
    const quiet = isFinished(flow)
      ? { at: linger, reason: 3, isOver: (now: number) => now > linger }
      : { at: idle, reason: 1, isOver: (now: number) => now > idle };
    const longest = { at: from + active, reason: 2, isOver: (now: number) => now >= from + active };
    return quiet.at < longest.at ? quiet : longest;
  };
  const clockDeadline = (flow: Flow) => deadlineOf(flow, flow.startedUs, flow.seenUs);

  packets.forEach((packet, number) => {
    const time = packet.timeUs;
    const before = clock;
    clock = Math.max(clock, time);
    // Flows that are due leave the table once their second is over.
    const second = Math.floor(clock / 1e6);
    if (second !== Math.floor(before / 1e6)) {
      for (const [id, flow] of [...table]) {
        const deadline = clockDeadline(flow);
        if (deadline.at < second * 1e6) end(id, deadline.reason, deadline.at);
      }
    }
    const flags = key.ports ? packet.flags : 0;
    const told = {
      addresses: packet.addresses,
      proto: key.proto ? (packet.isTcp ? TCP : UDP) : 0,
      ports: key.ports ? packet.ports : 0,
      tos: key.tos && !biflow ? packet.tos : 0,
      input: key.interface ? packet.input : 0,
    };
    const id = [...Object.values(told), key.vlan ? packet.vlan : '', key.mac ? packet.mac : ''].join();
    let flow = table.get(id);
    if (flow !== undefined) {
      const onClock = clockDeadline(flow);
      const onOwnTimes = deadlineOf(flow, flow.firstUs, flow.lastUs);
      if (onClock.isOver(clock)) end(id, onClock.reason, onClock.at);
      else if (onOwnTimes.isOver(time)) end(id, onOwnTimes.reason, clock);
      else if (flow.lastUs - time >= active) end(id, 2, clock);
      else if (isFinished(flow) && flags & SYN && !(flags & ACK)) end(id, 3, clock);
      flow = table.get(id);
    }
    if (flow === undefined) {
      if (table.size === options.maxFlows) {
        if (options.whenFull === 'ignore') {
          ignored.push(packet);
          return;
        }
        const [oldestId, oldest] = [...table].reduce((best, other) =>
          other[1].seenUs < best[1].seenUs || (other[1].seenUs === best[1].seenUs && other[1].number < best[1].number)
            ? other
            : best,
        );
        const deadline = clockDeadline(oldest);
        if (deadline.isOver(clock)) end(oldestId, deadline.reason, deadline.at);
        else end(oldestId, 5, clock);
      }
      flow = {
        ...told,
        vlan: packet.vlan,
        mac: packet.mac,
        firstUs: time,
        lastUs: time,
        packets: 0,
        octets: 0,
        flags: 0,
        minTtl: 255,
        maxTtl: 0,
        minLength: 65_535,
        maxLength: 0,
        reason: 0,
        endUs: 0,
        number,
        startedUs: clock,
        seenUs: clock,
        ways: [emptyWay(), emptyWay()],
        beganBack: isAnswer(packet) ? !packet.isBack : packet.isBack === true,
        isBeginKnown: isAnswer(packet),
      };
      table.set(id, flow);
    }
    const length = Math.min(packet.octets, 65_535);
    flow.packets += 1;
    flow.octets += packet.octets;
    flow.flags |= flags;
    flow.minTtl = Math.min(flow.minTtl, packet.ttl);
    flow.maxTtl = Math.max(flow.maxTtl, packet.ttl);
    flow.minLength = Math.min(flow.minLength, length);
    flow.maxLength = Math.max(flow.maxLength, length);
    flow.firstUs = Math.min(flow.firstUs, time);
    flow.lastUs = Math.max(flow.lastUs, time);
    flow.seenUs = clock;
    const isBack = packet.isBack === true;
    const way = flow.ways[isBack ? 1 : 0];
    if (way.packets === 0) way.tos = packet.tos;
    way.packets += 1;
    way.octets += packet.octets;
    way.flags |= flags;
    way.firstUs = Math.min(way.firstUs, time);
    way.lastUs = Math.max(way.lastUs, time);
    if (packet.flags & SYN && !(packet.flags & ACK) && isBack === flow.beganBack) flow.isBeginKnown = true;
    if (flags & (FIN | RST) && lingerOf(flow) === 0) end(id, 3, clock);
  });

  for (const [id, flow] of [...table]) {
    const deadline = clockDeadline(flow);
    if (deadline.isOver(clock)) end(id, deadline.reason, deadline.at);
    else end(id, 4, clock);
  }
  return { records: records.sort((a, b) => a.endUs - b.endUs || a.number - b.number), ignored };
}
