const ZERO = 0x30;
const BLANK = 0x20;
const encoder = new TextEncoder();

/** Room that is always left behind the last full row: the longest row must fit. */
const ROW_ROOM = 32_768;
/** Longer texts get room of their own. */
const LONG_TEXT = 1024;

/**
 * Output under construction: ASCII bytes written straight into one block, since strings that are built and encoded a
 * row at a time cost several times as much. Writers do not check for room; whoever starts a row asks `isFull` first.
 */
export class TextBlock {
  bytes: Uint8Array<ArrayBuffer>;
  length = 0;
  private readonly fullAt: number;

  constructor(size = 262_144) {
    this.bytes = new Uint8Array(size + ROW_ROOM);
    this.fullAt = size;
  }

  get isFull(): boolean {
    return this.length >= this.fullAt;
  }

  byte(code: number): void {
    this.bytes[this.length++] = code;
  }

  /** Any text; `ascii` is faster where it is known to be ASCII. */
  text(text: string): void {
    this.copy(encoder.encode(text));
  }

  ascii(text: string): void {
    for (let i = 0; i < text.length; i++) this.bytes[this.length++] = text.charCodeAt(i);
  }

  copy(bytes: Uint8Array): void {
    if (bytes.length > LONG_TEXT) this.grow(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Room for a long text besides that for the rest of its row. */
  private grow(more: number): void {
    if (this.length + more + ROW_ROOM <= this.bytes.length) return;
    const grown = new Uint8Array(this.length + more + ROW_ROOM);
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  right(text: string, width: number): void {
    this.blanks(width - text.length);
    this.ascii(text);
  }

  left(text: string, width: number): void {
    this.ascii(text);
    this.blanks(width - text.length);
  }

  blanks(count: number): void {
    for (let i = 0; i < count; i++) this.bytes[this.length++] = BLANK;
  }

  /** A whole number from 0 to 2^53 - 1, right-aligned. */
  uint(value: number, width = 0): void {
    if (value > 0x7fff_ffff) {
      this.right(String(value), width);
      return;
    }
    const digits = digitsOf(value);
    this.blanks(width - digits);
    let at = this.length + digits;
    this.length = at;
    let rest = value | 0;
    do {
      const tenth = (rest / 10) | 0;
      this.bytes[--at] = ZERO + rest - tenth * 10;
      rest = tenth;
    } while (rest > 0);
  }

  /** A whole number left-aligned. */
  uintLeft(value: number, width: number): void {
    const start = this.length;
    this.uint(value);
    this.blanks(width - (this.length - start));
  }

  /** A number below 100 or 1000 with leading zeros. */
  two(value: number): void {
    const tens = (value / 10) | 0;
    this.bytes[this.length++] = ZERO + tens;
    this.bytes[this.length++] = ZERO + value - tens * 10;
  }

  three(value: number): void {
    const hundreds = (value / 100) | 0;
    this.bytes[this.length++] = ZERO + hundreds;
    this.two(value - hundreds * 100);
  }

  /** a.b.c.d, right-aligned. */
  v4(word: number, width = 0): void {
    const a = word >>> 24;
    const b = (word >>> 16) & 255;
    const c = (word >>> 8) & 255;
    const d = word & 255;
    this.blanks(width - (octetDigits(a) + octetDigits(b) + octetDigits(c) + octetDigits(d) + 3));
    this.octet(a);
    this.bytes[this.length++] = 0x2e;
    this.octet(b);
    this.bytes[this.length++] = 0x2e;
    this.octet(c);
    this.bytes[this.length++] = 0x2e;
    this.octet(d);
  }

  private octet(value: number): void {
    let rest = value;
    if (rest >= 100) {
      const hundreds = (rest / 100) | 0;
      this.bytes[this.length++] = ZERO + hundreds;
      rest -= hundreds * 100;
      this.two(rest);
    } else if (rest >= 10) this.two(rest);
    else this.bytes[this.length++] = ZERO + rest;
  }
}

function octetDigits(value: number): number {
  return value >= 100 ? 3 : value >= 10 ? 2 : 1;
}

function digitsOf(value: number): number {
  if (value < 10) return 1;
  if (value < 100) return 2;
  if (value < 1000) return 3;
  if (value < 10_000) return 4;
  if (value < 100_000) return 5;
  if (value < 1_000_000) return 6;
  if (value < 10_000_000) return 7;
  if (value < 100_000_000) return 8;
  return value < 1_000_000_000 ? 9 : 10;
}
