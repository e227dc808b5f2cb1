import { putV6 } from '../../flow/address.ts';

const ZERO = 0x30;
const BLANK = 0x20;
const encoder = new TextEncoder();

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Room that is always left behind the last full row: the longest row must fit. */
const ROW_ROOM = 32_768;
/** Longer texts get room of their own. */
const LONG_TEXT = 1024;
/** Up to so many octets a loop is sooner done than the call of what copies any number. */
const SHORT_TEXT = 64;
const BILLION = 1_000_000_000;

/**
 * ASCII text that is written again and again, laid out to be written eight octets at a time: as doubles, for there is no
 * other store of that size. None of them is a NaN, of which a store may change the bits: that takes octets beyond ASCII.
 */
export class Label {
  readonly doubles: Float64Array;
  readonly length: number;

  constructor(text: string) {
    const octets = new Uint8Array(Math.ceil(text.length / 8) * 8);
    for (let at = 0; at < text.length; at++) octets[at] = text.charCodeAt(at) & 0x7f;
    this.doubles = new Float64Array(octets.buffer);
    this.length = text.length;
  }
}

/**
 * Output under construction: ASCII bytes written straight into one block, since strings that are built and encoded a
 * row at a time cost several times as much. Writers do not check for room; whoever starts a row asks `isFull` first.
 */
export class TextBlock {
  bytes: Uint8Array<ArrayBuffer>;
  length = 0;
  private view: DataView;
  private readonly fullAt: number;

  constructor(size = 262_144) {
    this.bytes = new Uint8Array(size + ROW_ROOM);
    this.view = new DataView(this.bytes.buffer);
    this.fullAt = size;
  }

  get isFull(): boolean {
    return this.length >= this.fullAt;
  }

  byte(code: number): void {
    this.bytes[this.length++] = code;
  }

  /** Any text; `ascii` is faster where it is known to be ASCII, and short. */
  text(text: string): void {
    const { bytes } = this;
    let at = this.length;
    const isShort = text.length <= LONG_TEXT;
    for (let i = 0; isShort && i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) break;
      bytes[at++] = code;
    }
    if (at - this.length === text.length) this.length = at;
    else this.copy(encoder.encode(text));
  }

  ascii(text: string): void {
    const { bytes } = this;
    let at = this.length;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.length = at;
  }

  /** What stands behind the label is not kept. */
  label({ doubles, length }: Label): void {
    const { view } = this;
    let at = this.length;
    this.length = at + length;
    for (let i = 0; i < doubles.length; i++, at += 8) view.setFloat64(at, doubles[i]!, IS_LITTLE_ENDIAN);
  }

  copy(text: Uint8Array): void {
    if (text.length > SHORT_TEXT) {
      if (text.length > LONG_TEXT) this.grow(text.length);
      this.bytes.set(text, this.length);
      this.length += text.length;
      return;
    }
    const { bytes } = this;
    let at = this.length;
    for (let i = 0; i < text.length; i++) bytes[at++] = text[i]!;
    this.length = at;
  }

  /** Room for a long text besides that for the rest of its row. */
  private grow(more: number): void {
    if (this.length + more + ROW_ROOM <= this.bytes.length) return;
    const grown = new Uint8Array(this.length + more + ROW_ROOM);
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
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
    const { bytes } = this;
    let at = this.length;
    for (const end = at + count; at < end; ) bytes[at++] = BLANK;
    this.length = at;
  }

  /** A whole number from 0 to 2^53 - 1, right-aligned. */
  uint(value: number, width = 0): void {
    if (width > 1) this.blanks(width - digitsOf(value));
    if (value < BILLION) this.small(value);
    else {
      const millions = Math.floor(value / 1_000_000);
      if (millions < BILLION) this.small(millions);
      else this.uint(millions);
      const rest = (value - millions * 1_000_000) | 0;
      const thousands = (rest / 1000) | 0;
      this.three(thousands);
      this.three(rest - thousands * 1000);
    }
  }

  /** A number below 10^9. */
  private small(value: number): void {
    if (value < 1000) {
      this.digits(value);
      return;
    }
    const thousands = (value / 1000) | 0;
    if (value < 1_000_000) this.digits(thousands);
    else {
      const millions = (thousands / 1000) | 0;
      this.digits(millions);
      this.three(thousands - millions * 1000);
    }
    this.three(value - thousands * 1000);
  }

  /** A number below 1000. */
  private digits(value: number): void {
    this.view.setUint32(this.length, DIGITS[value]!, IS_LITTLE_ENDIAN);
    this.length += value >= 100 ? 3 : value >= 10 ? 2 : 1;
  }

  /** Aligns to the right what stands from `start` on: blanks go before it. */
  alignFrom(start: number, width: number): void {
    const missing = width - (this.length - start);
    if (missing <= 0) return;
    this.bytes.copyWithin(start + missing, start, this.length);
    this.bytes.fill(BLANK, start, start + missing);
    this.length += missing;
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
    const at = this.length;
    this.bytes[at] = ZERO + tens;
    this.bytes[at + 1] = ZERO + value - tens * 10;
    this.length = at + 2;
  }

  three(value: number): void {
    this.view.setUint32(this.length, THREE_DIGITS[value]!, IS_LITTLE_ENDIAN);
    this.length += 3;
  }

  /** a.b.c.d, right-aligned. */
  v4(word: number, width = 0): void {
    const a = word >>> 24;
    const b = (word >>> 16) & 255;
    const c = (word >>> 8) & 255;
    const d = word & 255;
    if (width > 0) this.blanks(width - (digitsOf(a) + digitsOf(b) + digitsOf(c) + digitsOf(d) + 3));
    this.octet(a);
    this.octet(b);
    this.octet(c);
    this.octet(d);
    this.length--;
  }

  /** An IPv6 address, not aligned. */
  v6(w0: number, w1: number, w2: number, w3: number): void {
    this.length = putV6(this.bytes, this.length, w0, w1, w2, w3);
  }

  /** An octet and a point. */
  private octet(value: number): void {
    this.view.setUint32(this.length, DIGITS[value]!, IS_LITTLE_ENDIAN);
    this.length += value >= 100 ? 4 : value >= 10 ? 3 : 2;
  }
}

/** Texts of the numbers below 1000 as words of four octets: as they are, with a point behind them, and with leading zeros. */
const DIGITS = texts((value) => `${value}.`);
const THREE_DIGITS = texts((value) => String(value).padStart(3, '0'));

function texts(text: (value: number) => string): Uint32Array {
  // One write for all of them: a thousand take four milliseconds of every start.
  const all = Array.from({ length: 1000 }, (_, value) => text(value).padEnd(4, '\0')).join('');
  return new Uint32Array(Uint8Array.from(Buffer.from(all, 'latin1')).buffer);
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
  return value < BILLION ? 9 : 9 + digitsOf(Math.floor(value / BILLION));
}
