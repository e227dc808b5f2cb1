/** Datagrams remembered to tell a duplicate and a late one from a restart. */
const REMEMBERED = 64;
/** Boot instants of one run of an exporter differ by the second that headers are rounded to; more is another run. */
export const BOOT_TOLERANCE_MS = 10_000;
/** Datagrams in a row whose sequence rose by records before a v9 stream is taken to count records. */
const FLOW_STEPS = 8;

/** What a sequence number counts: datagrams (v9) or data records (v5, v7, IPFIX). */
export type SequenceUnit = 'datagrams' | 'records';

/**
 * Follows the sequence numbers of one stream and counts what did not arrive.
 *
 * Differences are taken as signed 32 bits. A gap counts as lost until its datagrams come late and are taken off again;
 * a number seen before is a duplicate; a step back that is neither, or a new boot instant, is a restart of the
 * exporter, after which counting begins anew.
 */
export class SequenceTracker {
  /** In `unit`s, so records or datagrams. */
  lost = 0;
  duplicated = 0;
  reordered = 0;
  resets = 0;
  /** Numbers that were not the one expected, whatever the distance: what nfcapd calls sequence errors. */
  errors = 0;
  /** Set by the protocol, and changed from datagrams to records where an exporter counts those in v9. */
  unit: SequenceUnit;

  private expected = 0;
  /** False before the first datagram, and after one whose number of records is not known. */
  private isInStep = false;
  private bootMs = Number.NaN;
  private latestExportMs = 0;
  private readonly sequences = new Uint32Array(REMEMBERED);
  private readonly exportTimes = new Float64Array(REMEMBERED);
  private remembered = 0;
  private lastSequence = 0;
  private lastSent = -1;
  private flowSteps = 0;
  private lostInFlowSteps = 0;

  constructor(unit: SequenceUnit) {
    this.unit = unit;
  }

  /**
   * Takes the header of one datagram. `sent` is how many data records it carried, -1 unknown; `bootMs` the export time
   * less the uptime, NaN where the protocol has no uptime.
   */
  observe(sequence: number, sent: number, exportMs: number, bootMs: number): void {
    const isNewRun = bootMs - this.bootMs > BOOT_TOLERANCE_MS;
    this.bootMs = bootMs;
    const gap = this.isInStep ? (sequence - this.expected) | 0 : 0;
    if (gap !== 0) this.errors++;
    if (gap < 0 && !this.isRestart(isNewRun, sequence, sent, exportMs)) {
      this.takeLate(sequence, sent, exportMs);
      return;
    }
    if (gap < 0 || (gap > 0 && isNewRun)) {
      this.resets++;
      this.remembered = 0;
    } else if (gap > 0) {
      this.lost += gap;
    }
    if (this.unit === 'datagrams') this.watchForFlows(sequence, gap);
    this.advance(sequence, sent, exportMs);
  }

  /** A new sequence begins, which has nothing to do with the one before; what was counted stays. */
  restart(): void {
    this.isInStep = false;
    this.remembered = 0;
    this.bootMs = Number.NaN;
    this.lastSent = -1;
    this.flowSteps = 0;
    this.lostInFlowSteps = 0;
  }

  private advance(sequence: number, sent: number, exportMs: number): void {
    const step = this.unit === 'datagrams' ? 1 : sent;
    this.isInStep = step >= 0;
    this.expected = (sequence + Math.max(step, 0)) >>> 0;
    this.lastSequence = sequence;
    this.lastSent = sent;
    this.latestExportMs = exportMs;
    this.remember(sequence, exportMs);
  }

  private remember(sequence: number, exportMs: number): void {
    const at = this.remembered % REMEMBERED;
    this.sequences[at] = sequence;
    this.exportTimes[at] = exportMs;
    this.remembered++;
  }

  /** A number that lies back is a restart when it was sent later, or lies back too far to be under way still. */
  private isRestart(isNewRun: boolean, sequence: number, sent: number, exportMs: number): boolean {
    if (isNewRun || exportMs > this.latestExportMs) return true;
    const back = (this.expected - sequence) | 0;
    if (this.remembered >= REMEMBERED) {
      const oldest = this.sequences[this.remembered % REMEMBERED]!;
      return ((sequence - oldest) | 0) < 0;
    }
    return back > REMEMBERED * (this.unit === 'datagrams' ? 1 : Math.max(sent, 1));
  }

  private takeLate(sequence: number, sent: number, exportMs: number): void {
    const known = Math.min(this.remembered, REMEMBERED);
    for (let i = 0; i < known; i++) {
      if (this.sequences[i] === sequence && this.exportTimes[i] === exportMs) {
        this.duplicated++;
        return;
      }
    }
    this.reordered++;
    const units = this.unit === 'datagrams' ? 1 : Math.max(sent, 0);
    this.lost -= Math.min(this.lost, units);
    this.remember(sequence, exportMs);
  }

  /** Some exporters count records in v9: their "gaps" are then always the records of the datagram before, less one. */
  private watchForFlows(sequence: number, gap: number): void {
    const step = (sequence - this.lastSequence) | 0;
    if (gap > 0 && step > 1 && step === this.lastSent) {
      this.flowSteps++;
      this.lostInFlowSteps += gap;
      if (this.flowSteps < FLOW_STEPS) return;
      this.unit = 'records';
      this.lost -= Math.min(this.lost, this.lostInFlowSteps);
      this.errors -= this.flowSteps;
    } else if (step !== 1 || this.lastSent !== 1) {
      // A datagram of one record looks the same either way and speaks for neither.
      this.flowSteps = 0;
      this.lostInFlowSteps = 0;
    }
  }
}
