import { hashOf } from '../flow/text-pool.ts';
import type { BatchTarget } from './batch-target.ts';
import { isEmptyValue, OCTET_ROOM, putValue, VALUE_ROOM } from './extra-values.ts';
import type { CompiledTemplate, TemplateExtra } from './template.ts';
import { EXTRA_COLUMN } from './template-extra.ts';

/** Octets of records that are remembered, and how many of them; a power of two. */
const REMEMBERED_BYTES = 1 << 20;
const REMEMBERED = 1 << 14;
const PROBES = 16;

const OPEN = 0x7b;
const CLOSE = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const COMMA = 0x2c;

/**
 * Fills the column `extra`. Devices repeat these elements (applications, names, classes) from record to record: what
 * stood in a record is looked up by its octets, and written as JSON only when the batch has not seen it.
 */
export class ExtraDecoder {
  private readonly target: BatchTarget;
  /** Octets of records seen: their slots one behind the other, each of variable length behind its length. */
  private readonly seen = new Uint8Array(REMEMBERED_BYTES);
  private seenLength = 0;
  private count = 0;
  private readonly slots = new Uint16Array(REMEMBERED * 2);
  private readonly ends = new Uint32Array(REMEMBERED);
  private readonly hashes = new Uint32Array(REMEMBERED);
  private readonly texts = new Uint32Array(REMEMBERED);
  private readonly owners: (TemplateExtra | undefined)[] = new Array(REMEMBERED);
  /** `target.filling` that `texts` are numbers in. */
  private filling = -1;
  private view: DataView = new DataView(new ArrayBuffer(0));
  /** The memory of `view`. */
  private bytes: Uint8Array = new Uint8Array(0);

  constructor(target: BatchTarget) {
    this.target = target;
  }

  /** As `runPrograms`, for the fields without a column; `extra` is `template.extra`. */
  run(
    extra: TemplateExtra,
    template: CompiledTemplate,
    view: DataView,
    base: number,
    stride: number,
    count: number,
  ): void {
    const { target } = this;
    if (view !== this.view) {
      this.view = view;
      this.bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    }
    const to = target.whole(EXTRA_COLUMN, count) as Uint32Array;
    const row = target.batch.rows;
    for (let i = 0, at = base; i < count; i++, at += stride) to[row + i] = this.textOf(extra, template, at);
  }

  private textOf(extra: TemplateExtra, template: CompiledTemplate, record: number): number {
    if (this.filling !== this.target.filling) this.forget();
    const size = this.gather(extra, template, record);
    if (size < 0) return this.write(extra, template, record);
    const start = this.seenLength;
    const hash = hashOf(this.seen, start, start + size);
    const mask = this.slots.length - 1;
    let slot = hash & mask;
    for (let probe = 0; probe < PROBES; probe++) {
      const entry = this.slots[slot]!;
      if (entry === 0) {
        const text = this.write(extra, template, record);
        this.slots[slot] = ++this.count;
        this.hashes[this.count - 1] = hash;
        this.ends[this.count - 1] = start + size;
        this.texts[this.count - 1] = text;
        this.owners[this.count - 1] = extra;
        this.seenLength = start + size;
        return text;
      }
      if (this.hashes[entry - 1] === hash && this.owners[entry - 1] === extra && this.isSame(entry - 1, start, size)) {
        return this.texts[entry - 1]!;
      }
      slot = (slot + 1) & mask;
    }
    return this.write(extra, template, record);
  }

  /** Copies a record's fields behind what is remembered; how many octets, -1 when there are too many. */
  private gather(extra: TemplateExtra, template: CompiledTemplate, record: number): number {
    const { offsets, lengths, isVariable } = template;
    let size = 0;
    for (let i = 0; i < extra.slots.length; i++) size += lengths[extra.slots[i]!]! + 2;
    if (size > REMEMBERED_BYTES / 4) return -1;
    if (this.seenLength + size > REMEMBERED_BYTES || this.count === REMEMBERED - 1) this.forget();
    const { seen, bytes } = this;
    let to = this.seenLength;
    for (let i = 0; i < extra.slots.length; i++) {
      const slot = extra.slots[i]!;
      const length = lengths[slot]!;
      if (isVariable) {
        seen[to++] = length >> 8;
        seen[to++] = length;
      }
      for (let at = record + offsets[slot]!, end = at + length; at < end; at++) seen[to++] = bytes[at]!;
    }
    return to - this.seenLength;
  }

  private isSame(entry: number, start: number, size: number): boolean {
    const { seen } = this;
    const from = entry === 0 ? 0 : this.ends[entry - 1]!;
    if (this.ends[entry]! - from !== size) return false;
    for (let i = 0; i < size; i++) if (seen[from + i] !== seen[start + i]) return false;
    return true;
  }

  private forget(): void {
    this.filling = this.target.filling;
    this.seenLength = 0;
    this.count = 0;
    this.slots.fill(0);
    this.owners.fill(undefined);
  }

  /** Adds the object of a record to the batch's texts; its number, 0 when no element has a value. */
  private write(extra: TemplateExtra, template: CompiledTemplate, record: number): number {
    const { texts } = this.target.batch;
    const { lengths } = template;
    let room = 2;
    for (const { key, slots } of extra.elements) {
      room += key.length + 3;
      for (const slot of slots) room += VALUE_ROOM + lengths[slot]! * OCTET_ROOM;
    }
    texts.reserve(room);
    const out = texts.bytes;
    let to = texts.length;
    out[to++] = OPEN;
    for (const element of extra.elements) {
      const end = this.writeMember(element, template, record, to);
      if (end === to) continue;
      to = end;
      out[to++] = COMMA;
    }
    if (to === texts.length + 1) return 0;
    out[to - 1] = CLOSE;
    return texts.commit(to);
  }

  /** Writes one element's key and value from `to` on; gives where it ends, `to` when there is no value. */
  private writeMember(
    { key, type, slots }: TemplateExtra['elements'][number],
    template: CompiledTemplate,
    record: number,
    to: number,
  ): number {
    const { bytes, view } = this;
    const { texts } = this.target.batch;
    const start = to;
    texts.bytes.set(key, to);
    to += key.length;
    if (slots.length > 1) texts.bytes[to++] = OPEN_ARRAY;
    const values = to;
    for (const slot of slots) {
      const at = record + template.offsets[slot]!;
      const length = template.lengths[slot]!;
      if (isEmptyValue(type, bytes, at, length)) continue;
      to = putValue(texts, to, type, view, bytes, at, length);
      texts.bytes[to++] = COMMA;
    }
    if (to === values) return start;
    if (slots.length === 1) return to - 1;
    texts.bytes[to - 1] = CLOSE_ARRAY;
    return to;
  }
}
