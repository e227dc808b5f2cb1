/** Sorts the rows of a batch by the template they need. */
import { V4_MAPPED_WORD } from '../flow/address.ts';
import type { FlowBatch } from '../flow/batch.ts';
import { DIRECTION_UNKNOWN } from '../flow/fields.ts';
import { PROTO_ICMP, PROTO_ICMP6 } from '../flow/ip-protocols.ts';
import type { FlowClass } from './template-rows.ts';

/** Classes are small numbers made of these bits. */
const IS_V6 = 1;
const HAS_DIRECTION = 2;
const IS_ICMP = 4;
const HAS_REVERSE = 8;
export const ROW_CLASSES = 16;

export function flowClass(rowClass: number): FlowClass {
  return {
    family: (rowClass & IS_V6) === 0 ? 4 : 6,
    directionKnown: (rowClass & HAS_DIRECTION) !== 0,
    icmp: (rowClass & IS_ICMP) !== 0,
    reverse: (rowClass & HAS_REVERSE) !== 0,
  };
}

export function isV6(rowClass: number): boolean {
  return (rowClass & IS_V6) !== 0;
}

/** The same kind of flow in the other family. */
export function otherFamily(rowClass: number): number {
  return rowClass ^ IS_V6;
}

const none = new Uint32Array(0);

export class RowClasses {
  private readonly usesDirection: boolean;
  private readonly usesIcmp: boolean;
  private readonly usesReverse: boolean;
  /** Stands for an address column that the batch lacks. */
  private zeros = none;
  private srcHi = none;
  private srcLo = none;
  private dstHi = none;
  private dstLo = none;
  private direction: Uint8Array | undefined;
  private proto: Uint8Array | undefined;
  private reverseFirstMs: Float64Array | undefined;

  constructor(usesDirection: boolean, usesIcmp: boolean, usesReverse: boolean) {
    this.usesDirection = usesDirection;
    this.usesIcmp = usesIcmp;
    this.usesReverse = usesReverse;
  }

  bind(batch: FlowBatch): void {
    if (this.zeros.length < batch.capacity * 2) this.zeros = new Uint32Array(batch.capacity * 2);
    this.srcHi = batch.get('srcAddrHi') ?? this.zeros;
    this.srcLo = batch.get('srcAddrLo') ?? this.zeros;
    this.dstHi = batch.get('dstAddrHi') ?? this.zeros;
    this.dstLo = batch.get('dstAddrLo') ?? this.zeros;
    this.direction = this.usesDirection ? batch.get('direction') : undefined;
    this.proto = this.usesIcmp ? batch.get('proto') : undefined;
    this.reverseFirstMs = this.usesReverse ? batch.get('reverseFirstMs') : undefined;
  }

  classOf(row: number): number {
    let rowClass = this.isV6Row(row * 2) ? IS_V6 : 0;
    if (this.direction !== undefined && this.direction[row] !== DIRECTION_UNKNOWN) rowClass |= HAS_DIRECTION;
    if (this.proto !== undefined) {
      const icmp = (rowClass & IS_V6) === 0 ? PROTO_ICMP : PROTO_ICMP6;
      if (this.proto[row] === icmp) rowClass |= IS_ICMP;
    }
    if (this.reverseFirstMs !== undefined && this.reverseFirstMs[row] !== 0) rowClass |= HAS_REVERSE;
    return rowClass;
  }

  /**
   * A flow is IPv6 when either address is: so :: to ff02::1 is IPv6, and a flow of which one or both addresses are
   * missing is not.
   */
  private isV6Row(word: number): boolean {
    const { srcHi, srcLo, dstHi, dstLo } = this;
    if ((srcHi[word]! | srcHi[word + 1]! | dstHi[word]! | dstHi[word + 1]!) !== 0) return true;
    return isLowV6(srcLo[word]!, srcLo[word + 1]!) || isLowV6(dstLo[word]!, dstLo[word + 1]!);
  }
}

/** Of an address whose upper half is zero: neither v4-mapped nor missing. */
function isLowV6(low: number, high: number): boolean {
  return high !== V4_MAPPED_WORD && (high | low) !== 0;
}
