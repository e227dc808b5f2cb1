import { V4_MAPPED_WORD } from '../flow/address.ts';
/** What a file says of the exporters that its records name by a number. */
export interface NfcapdExporter {
  /** Four words of the address, most significant first. */
  readonly address: readonly [number, number, number, number];
  /** v9 source id, IPFIX domain, v5 engine. */
  readonly domain: number;
  /** 1, 5, 7, 9, 10, or 105 for sFlow; 0 unknown. */
  readonly version: number;
}

const RECORD_BYTES = 32;
const AF_INET = 2;
const AF_INET6 = 10;
/** Version that nfdump gives sFlow, and what weir calls it. */
const SFLOW = 9999;
export const SFLOW_VERSION = 105;

/** Exporters of one file by number. */
export class NfcapdExporters {
  private readonly byNumber = new Map<number, NfcapdExporter>();

  get(number: number): NfcapdExporter | undefined {
    return this.byNumber.get(number);
  }

  /** Takes a record of `size` octets at `at`; one that is too short says nothing. */
  add(view: DataView, at: number, size: number): void {
    if (size < RECORD_BYTES) return;
    const version = view.getUint32(at + 4, true);
    this.byNumber.set(view.getUint16(at + 26, true), {
      address: addressOf(view, at + 8, view.getUint16(at + 24, true)),
      domain: view.getUint32(at + 28, true),
      version: version === SFLOW ? SFLOW_VERSION : version <= 255 ? version : 0,
    });
  }
}

/** Sixteen octets in network order; before 1.7.3 with a family, as numbers of this machine. */
function addressOf(view: DataView, at: number, family: number): [number, number, number, number] {
  const word = (offset: number, little: boolean) => view.getUint32(at + offset, little);
  if (family === AF_INET) return [0, 0, V4_MAPPED_WORD, word(8, true)];
  if (family === AF_INET6) return [word(4, true), word(0, true), word(12, true), word(8, true)];
  return [word(0, false), word(4, false), word(8, false), word(12, false)];
}
