/** One packet, as plain as can be; `addresses` etc. are folded into `key`. */
export interface PlainPacket {
  /** Everything in the flow key but ToS. */
  key: number;
  tos: number;
  timeUs: number;
  octets: number;
  flags: number;
  isTcp: boolean;
}

export interface PlainRecord {
  key: number;
  tos: number;
  firstUs: number;
  lastUs: number;
  packets: number;
  octets: number;
  flags: number;
  reason: number;
  endUs: number;
  number: number;
}

interface Flow extends PlainRecord {
  startedUs: number;
  seenUs: number;
  isTcp: boolean;
  sawFin: boolean;
  sawRst: boolean;
}

export interface ReferenceOptions {
  activeMs: number;
  inactiveMs: number;
  tcpMs?: number;
  udpMs?: number;
  finLingerMs: number;
  rstLingerMs?: number;
  maxFlows: number;
  tosInKey: boolean;
}

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;

/**
 * The rules of docs/decisions/0040 and nothing else: a Map of objects that is searched from end to end whenever a
 * question comes up. Slow, and meant to be read.
 */
export function referenceCache(packets: PlainPacket[], options: ReferenceOptions): PlainRecord[] {
  const active = options.activeMs * 1000;
  const tcpIdle = (options.tcpMs ?? options.inactiveMs) * 1000;
  const udpIdle = (options.udpMs ?? options.inactiveMs) * 1000;
  const fin = Math.min(options.finLingerMs * 1000, tcpIdle);
  const rst = Math.min((options.rstLingerMs ?? options.finLingerMs) * 1000, tcpIdle);
  const table = new Map<string, Flow>();
  const records: PlainRecord[] = [];
  let clock = Number.NEGATIVE_INFINITY;

  const end = (id: string, reason: number, endUs: number) => {
    const { startedUs: _, seenUs: __, isTcp: ___, sawFin: ____, sawRst: _____, ...record } = table.get(id)!;
    records.push({ ...record, reason, endUs });
    table.delete(id);
  };
  const deadlineOf = (flow: Flow, from: number, latest: number) => {
    const deadlines = [{ at: from + active, reason: 2, isOver: (now: number) => now >= from + active }];
    const idle = flow.isTcp ? tcpIdle : udpIdle;
    const linger = flow.sawRst ? rst : fin;
    if (flow.sawFin || flow.sawRst) {
      deadlines.push({ at: latest + linger, reason: 3, isOver: (now) => now > latest + linger });
    } else {
      deadlines.push({ at: latest + idle, reason: 1, isOver: (now) => now > latest + idle });
    }
    return deadlines.reduce((best, other) => (other.at < best.at ? other : best));
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
    const id = options.tosInKey ? `${packet.key}/${packet.tos}` : `${packet.key}`;
    let flow = table.get(id);
    if (flow !== undefined) {
      const onClock = clockDeadline(flow);
      const onOwnTimes = deadlineOf(flow, flow.firstUs, flow.lastUs);
      if (onClock.isOver(clock)) end(id, onClock.reason, onClock.at);
      else if (onOwnTimes.isOver(time)) end(id, onOwnTimes.reason, clock);
      else if (flow.lastUs - time >= active) end(id, 2, clock);
      else if ((flow.sawFin || flow.sawRst) && packet.flags & SYN && !(packet.flags & ACK)) end(id, 3, clock);
      flow = table.get(id);
    }
    if (flow === undefined) {
      if (table.size === options.maxFlows) {
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
        key: packet.key,
        tos: packet.tos,
        firstUs: time,
        lastUs: time,
        packets: 0,
        octets: 0,
        flags: 0,
        reason: 0,
        endUs: 0,
        number,
        startedUs: clock,
        seenUs: clock,
        isTcp: packet.isTcp,
        sawFin: false,
        sawRst: false,
      };
      table.set(id, flow);
    }
    flow.packets += 1;
    flow.octets += packet.octets;
    flow.flags |= packet.flags;
    flow.firstUs = Math.min(flow.firstUs, time);
    flow.lastUs = Math.max(flow.lastUs, time);
    flow.seenUs = clock;
    if (packet.flags & FIN) flow.sawFin = true;
    if (packet.flags & RST) flow.sawRst = true;
    if (packet.flags & (FIN | RST) && (flow.sawRst ? rst : fin) === 0) end(id, 3, clock);
  });

  for (const [id, flow] of [...table]) {
    const deadline = clockDeadline(flow);
    if (deadline.isOver(clock)) end(id, deadline.reason, deadline.at);
    else end(id, 4, clock);
  }
  return records.sort((a, b) => a.endUs - b.endUs || a.number - b.number);
}
