import type { ElementType } from './elements.ts';
import type { ColumnProgram } from './template-program.ts';
import type { TransposePlan } from './transpose-plan.ts';

/** One field of a template as sent: `length` 65535 stands for a length carried in each record. */
export interface FieldSpecifier {
  readonly element: number;
  /** Enterprise number, 0 for IANA's elements. */
  readonly pen: number;
  readonly length: number;
}

/** Fields a template may have; more is refused. */
export const MAX_TEMPLATE_FIELDS = 1024;

/** One member of the object in `extra`; of several slots an array. */
export interface ExtraElement {
  /** `"name":` */
  readonly key: Uint8Array;
  /** Undefined: not known, so text where it is readable, else octets. */
  readonly type: ElementType | undefined;
  readonly slots: readonly number[];
}

/** What of a template has no column. */
export interface TemplateExtra {
  readonly elements: readonly ExtraElement[];
  /** All slots of `elements`. */
  readonly slots: Int32Array;
  /** Elements that weir knows nothing of, as `elementLabel` has them. */
  readonly unknown: readonly string[];
}

/**
 * A template made ready for decoding: which bytes of a record go to which columns.
 *
 * Programs name fields by slot (position in the template) and find them through `offsets` and `lengths`. For records
 * of fixed length both are constants; for records of variable length they are rewritten for each record.
 */
export interface CompiledTemplate {
  readonly id: number;
  readonly isOptions: boolean;
  /** Fields before the first that is not a scope; 0 for a data template. */
  readonly scopeCount: number;
  readonly version: number;
  /** Length of a record; of a variable one the least it can have. Never 0. */
  readonly recordLength: number;
  readonly isVariable: boolean;
  readonly offsets: Int32Array;
  readonly lengths: Int32Array;
  /** Length of each field as declared, 65535 where it is variable. */
  readonly declared: Int32Array;
  /** `elementKey` of each field; v9 scopes are negative. */
  readonly keys: Float64Array;
  readonly programs: readonly ColumnProgram[];
  /** How the addon carries out the programs; undefined where it cannot. */
  readonly plan: TransposePlan | undefined;
  /** Numbers of the quirks (`quirks.ts`) that the template shows. */
  readonly quirks: readonly number[];
  /** Fields without a column; undefined when there are none, as in options templates. */
  readonly extra: TemplateExtra | undefined;
  /** Start or end of its records is told in uptime, so a clock must be known from elsewhere. */
  readonly needsClock: boolean;
  /** `ToldElements.revision` that names and types in `extra` are of. */
  readonly toldRevision: number;
  /** The definition as received, from the template id on: an equal one is a refresh and is not compiled again. */
  readonly definition: Uint8Array;
}

/**
 * Finds the fields of the variable-length record at `start`: fills `offsets` (from `start`) and `lengths`. Returns the
 * length of the record, -1 when it would run beyond `end`.
 */
export function locateFields(template: CompiledTemplate, view: DataView, start: number, end: number): number {
  const { declared, offsets, lengths } = template;
  let at = start;
  for (let slot = 0; slot < declared.length; slot++) {
    let length = declared[slot]!;
    if (length === 0xffff) {
      if (at >= end) return -1;
      length = view.getUint8(at);
      at += 1;
      if (length === 255) {
        if (at + 2 > end) return -1;
        length = view.getUint16(at);
        at += 2;
      }
    }
    offsets[slot] = at - start;
    lengths[slot] = length;
    at += length;
    if (at > end) return -1;
  }
  return at - start;
}
