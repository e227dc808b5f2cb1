import { type LiveFlows, NOW_CLOCK, NOW_TIME } from './live-flows.ts';
import {
  D_FIRST,
  D_LAST,
  D_SEEN,
  D_STARTED,
  R_STATE,
  R_STATE_FINISHED,
  ROW_DOUBLE_SHIFT,
  ROW_WORD_SHIFT,
} from './row.ts';
import { END_ACTIVE, END_DETECTED } from './timeouts.ts';

const TCP_SYN_ACK = 0x12 << 16;
const TCP_SYN = 0x02 << 16;

/** Ends the flow of the packet in hand if the packet cannot join it; returns whether. */
export function endsBefore(flows: LiveFlows, row: number, protoTosFlags: number): boolean {
  const { now, timeouts } = flows;
  let reason = timeouts.earliest(row, D_STARTED, D_SEEN);
  if (timeouts.isOver(reason, now[NOW_CLOCK]!)) {
    flows.endAtDeadline(row, reason);
    return true;
  }
  // From here on only for packets while or after time stepped back: the flow's own times, not the clock's.
  reason = timeouts.earliest(row, D_FIRST, D_LAST);
  const { doubles, words } = flows.store;
  if (timeouts.isOver(reason, now[NOW_TIME]!)) {
    flows.endNow(row, reason);
    return true;
  }
  if (doubles[(row << ROW_DOUBLE_SHIFT) + D_LAST]! - now[NOW_TIME]! >= timeouts.activeUs) {
    flows.endNow(row, END_ACTIVE);
    return true;
  }
  const isFinished = (words[(row << ROW_WORD_SHIFT) + R_STATE]! & R_STATE_FINISHED) !== 0;
  if (isFinished && (protoTosFlags & TCP_SYN_ACK) === TCP_SYN) {
    flows.endNow(row, END_DETECTED);
    return true;
  }
  return false;
}
