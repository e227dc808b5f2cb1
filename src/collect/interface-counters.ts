import type { Share } from '../flow/allowance.ts';

/**
 * Counters of one interface as a device told them last (generic interface counters of sFlow, RFC 2233), since the device
 * started. -1 where it has none.
 */
export interface InterfaceStats {
  readonly exporter: string;
  readonly index: number;
  /** ifType of IANA. */
  readonly type: number;
  readonly bitsPerSecond: number;
  readonly isUp: boolean;
  readonly inOctets: number;
  readonly inPackets: number;
  readonly inDiscards: number;
  readonly inErrors: number;
  readonly outOctets: number;
  readonly outPackets: number;
  readonly outDiscards: number;
  readonly outErrors: number;
  /** When they came, milliseconds since 1970. */
  readonly receivedMs: number;
}

const NONE = 0xffff_ffff;
/** Bits of ifStatus: ifAdminStatus and ifOperStatus are up. */
const UP = 3;

/** The latest counters of each interface of one exporter. Interfaces beyond the allowance are not followed. */
export class InterfaceCounters {
  private readonly byIndex = new Map<number, InterfaceStats>();
  private readonly share: Share;

  constructor(share: Share) {
    this.share = share;
  }

  /** Takes the record at `at`, of which `INTERFACE_COUNTERS_BYTES` octets are there. */
  take(exporter: string, view: DataView, at: number, receivedMs: number): void {
    const index = view.getUint32(at);
    if (!this.byIndex.has(index) && !this.share.take(1)) return;
    this.byIndex.set(index, {
      exporter,
      index,
      type: view.getUint32(at + 4),
      bitsPerSecond: wide(view, at + 8),
      isUp: (view.getUint32(at + 20) & UP) === UP,
      inOctets: wide(view, at + 24),
      inPackets: packets(view, at + 32),
      inDiscards: narrow(view, at + 44),
      inErrors: narrow(view, at + 48),
      outOctets: wide(view, at + 56),
      outPackets: packets(view, at + 64),
      outDiscards: narrow(view, at + 76),
      outErrors: narrow(view, at + 80),
      receivedMs,
    });
  }

  values(): IterableIterator<InterfaceStats> {
    return this.byIndex.values();
  }

  release(): void {
    this.share.giveBack(this.byIndex.size);
    this.byIndex.clear();
  }
}

function wide(view: DataView, at: number): number {
  const high = view.getUint32(at);
  const low = view.getUint32(at + 4);
  return high === NONE && low === NONE ? -1 : high * 0x1_0000_0000 + low;
}

function narrow(view: DataView, at: number): number {
  const value = view.getUint32(at);
  return value === NONE ? -1 : value;
}

/** Unicast, multicast and broadcast packets together, of those that the device counts. */
function packets(view: DataView, at: number): number {
  const counted = [at, at + 4, at + 8].map((each) => narrow(view, each)).filter((value) => value >= 0);
  return counted.length === 0 ? -1 : counted.reduce((sum, value) => sum + value, 0);
}
