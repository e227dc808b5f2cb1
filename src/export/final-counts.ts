import type { Announcer } from './announcer.ts';
import type { MessageStream } from './message-stream.ts';
import type { ControlSet, OpenDatagram } from './open-datagram.ts';
import type { ProcessCounts } from './options.ts';
import type { DatagramsUnderWay } from './under-way.ts';

/**
 * Sends everything that is under way, and what was counted in all behind the last flows: in a message of its own it would
 * look like a gap to nfcapd, which does not count options records.
 */
export function sendFinalCounts(
  underWay: DatagramsUnderWay,
  stream: MessageStream,
  announcer: Announcer,
  processCounts: () => ProcessCounts,
): void {
  const used = underWay.byClass.filter((datagram) => datagram !== undefined);
  if (used.length === 0) return;
  const open = () => used.filter(({ isOpen }) => isOpen);
  // It would be sent before any other.
  if (underWay.announcing !== undefined && open().length > 1) underWay.send(underWay.announcing);
  for (const datagram of open().slice(0, -1)) underWay.send(datagram);
  const last = open()[0] ?? reopen(underWay, used);
  last.encodePending(underWay.bootMs);
  const process = processCounts();
  const sum = (sets: readonly ControlSet[]) => sets.reduce((bytes, set) => bytes + set.bytes.length, 0);
  const counts = {
    messages: stream.messages + 1,
    records: stream.records + last.flows,
    bytes: stream.bytes + last.endSet() + sum(announcer.announceCounts(stream, process)),
  };
  const sets = announcer.announceCounts(counts, process);
  if (last.endSet() + sum(sets) <= underWay.maxBytes) {
    underWay.addSets(last, sets, last.latestMs);
    underWay.send(last);
  } else {
    underWay.send(last);
    underWay.sendSets(last, announcer.announceCounts(stream, process), last.latestMs);
  }
}

/** A datagram without flows, when all have been sent. */
function reopen(underWay: DatagramsUnderWay, used: readonly OpenDatagram[]): OpenDatagram {
  const latestMs = Math.max(...used.map((datagram) => datagram.latestMs));
  used[0]!.open(underWay.leavesAt(latestMs));
  return used[0]!;
}
