/** Reading numbers of any width off the wire. All take a position whose bytes the caller has checked. */

/** Unsigned integer of 0 to 4 bytes. */
export function readWord(view: DataView, at: number, width: number): number {
  switch (width) {
    case 0:
      return 0;
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at);
    case 3:
      return (view.getUint16(at) << 8) | view.getUint8(at + 2);
    default:
      return view.getUint32(at);
  }
}

/** Low 32 bits of an unsigned integer of any width. */
export function readLow(view: DataView, at: number, width: number): number {
  return width <= 4 ? readWord(view, at, width) : view.getUint32(at + width - 4);
}

/** Bits 32 to 63 of an unsigned integer of any width. */
export function readHigh(view: DataView, at: number, width: number): number {
  if (width <= 4) return 0;
  return width <= 8 ? readWord(view, at, width - 4) : view.getUint32(at + width - 8);
}

/** Unsigned integer of any width as a double: exact up to 2^53. */
export function readNumber(view: DataView, at: number, width: number): number {
  return readHigh(view, at, width) * 0x1_0000_0000 + readLow(view, at, width);
}
