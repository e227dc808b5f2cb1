/**
 * So many doubles in memory that never moves. V8 keeps small typed arrays in its heap, where the collector moves them; only of
 * others it can put the address into the code of who uses them (docs/decisions/0284).
 */
export function fixedDoubles(length: number): Float64Array<ArrayBuffer> {
  return new Float64Array(new ArrayBuffer(length * Float64Array.BYTES_PER_ELEMENT));
}
