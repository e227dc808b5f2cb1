import { type Column, columnByName, type FieldName, fieldByName } from '../flow/fields.ts';
import { VARIABLE_LENGTH, VERSION_V9 } from './protocol.ts';
import { isNetScaler, juniperSlot, quirksOf } from './quirks.ts';
import type { CompiledTemplate, FieldSpecifier, TemplateExtra } from './template.ts';
import { templateExtra } from './template-extra.ts';
import * as rules from './template-fields.ts';
import {
  type ColumnProgram,
  OP_8_TO_8,
  OP_8_TO_16,
  OP_8_TO_32,
  OP_8_WHERE_V6,
  OP_16_TO_16,
  OP_16_TO_32,
  OP_32_TO_32,
  OP_32_TO_64,
  OP_64_TO_64,
  OP_ANY_TO_8,
  OP_ANY_TO_16,
  OP_ANY_TO_32,
  OP_ANY_TO_64,
  OP_BELOW_MS,
  OP_DURATION,
  OP_EVENT_TIME,
  OP_EXCEPTION_CODE,
  OP_FAMILY,
  OP_ICMP,
  OP_MILLISECONDS,
  OP_SAMPLER,
  OP_SAMPLING,
  OP_TIME,
  OP_UPTIME,
  OP_V4_ADDRESS,
  OP_V6_ADDRESS,
  OP_V6_OR_V4,
  OP_V6_WHERE_V6,
  SAMPLING_COUNT,
  SAMPLING_INTERVAL,
  SAMPLING_POPULATION,
  SAMPLING_PROBABILITY,
} from './template-program.ts';
import { ToldElements } from './told-elements.ts';
import { planOf } from './transpose-plan.ts';

const NOTHING_TOLD = new ToldElements();

/** Field of a template that was chosen for a column. */
interface Choice {
  slot: number;
  rank: number;
}

interface TimeChoice extends Choice {
  kind: number;
}

/** Elements that programs look up by number; the first of repeated ones but for ipVersion, where the inner counts. */
type Slots = Map<number, number>;

/**
 * Compiles a template into the steps that decode its records.
 *
 * `fields` has its scopes (options templates) first, `scopeCount` of them. The caller has checked the number of fields
 * and that a record has at least one octet. `told` has what the exporter said of its own elements.
 */
export function compileTemplate(
  version: number,
  id: number,
  fields: readonly FieldSpecifier[],
  options: { isOptions: boolean; scopeCount: number; definition: Uint8Array },
  told: ToldElements = NOTHING_TOLD,
): CompiledTemplate {
  const count = fields.length;
  const offsets = new Int32Array(count);
  const lengths = new Int32Array(count);
  const declared = new Int32Array(count);
  const keys = new Float64Array(count);
  let recordLength = 0;
  let isVariable = false;
  fields.forEach((field, slot) => {
    offsets[slot] = recordLength;
    declared[slot] = field.length;
    const isScope = version === VERSION_V9 && slot < options.scopeCount;
    keys[slot] = isScope ? -field.element : rules.elementKey(field.pen, field.element);
    if (field.length === VARIABLE_LENGTH) {
      isVariable = true;
      recordLength += 1;
    } else {
      lengths[slot] = field.length;
      recordLength += field.length;
    }
  });
  const compiler = options.isOptions ? undefined : new Compiler(version, fields);
  const programs = compiler?.programs() ?? [];
  return {
    version,
    id,
    ...options,
    recordLength,
    isVariable,
    offsets,
    lengths,
    declared,
    keys,
    programs,
    plan: isVariable || options.isOptions ? undefined : planOf(programs, offsets, lengths),
    extra: compiler?.extra(told),
    toldRevision: told.revision,
    quirks: quirksOf(version, options.isOptions, fields),
    needsClock: programs.some(
      ({ op, more }) => op === OP_UPTIME || (op === OP_TIME && more[0] === rules.TIME_UPTIME && more[1] === -1),
    ),
  };
}

class Compiler {
  private readonly version: number;
  private readonly fields: readonly FieldSpecifier[];
  private readonly v4 = new Map<FieldName, Choice>();
  private readonly v6 = new Map<FieldName, Choice>();
  private readonly times = new Map<rules.TimeField, TimeChoice>();
  private readonly slots: Slots = new Map();
  private readonly out: ColumnProgram[] = [];
  /** Slots that some step reads, or that tell what another slot tells better. */
  private readonly used = new Set<number>();

  constructor(version: number, fields: readonly FieldSpecifier[]) {
    this.version = version;
    this.fields = fields;
  }

  programs(): ColumnProgram[] {
    this.fields.forEach((field, slot) => {
      if (field.length > 0) this.choose(field, slot);
    });
    for (const [field, fallback] of rules.counterFallbacks) {
      const choice = this.v4.get(fallback);
      if (this.v4.has(field) || choice === undefined) continue;
      this.v4.set(field, choice);
      this.v4.delete(fallback);
    }
    for (const [name, { slot }] of this.v4) this.copy(name, slot);
    for (const [field, choice] of this.times) this.time(field, choice);
    this.addSecondFamily();
    this.addIcmp();
    this.addTimesFromOthers();
    this.addSampling();
    this.addForwardingStatus();
    return this.out;
  }

  /** What no step has used; after `programs`. */
  extra(told: ToldElements): TemplateExtra | undefined {
    return templateExtra(this.version, this.fields, (slot) => this.used.has(slot), told);
  }

  private choose(field: FieldSpecifier, slot: number): void {
    const key = rules.elementKey(field.pen, field.element);
    if (!this.slots.has(key) || key === rules.IE_IP_VERSION) this.slots.set(key, slot);
    const time = rules.timeTargetOf(key);
    if (time !== undefined) {
      this.used.add(slot);
      const known = this.times.get(time.field);
      if (known === undefined || time.rank < known.rank) {
        this.times.set(time.field, { slot, rank: time.rank, kind: time.kind });
      }
      return;
    }
    const target = rules.targetOf(this.version, key);
    if (target === undefined || !fits(target, field.length)) return;
    const choices = target.family === 6 ? this.v6 : this.v4;
    const known = choices.get(target.field);
    if (
      known === undefined ||
      target.rank < known.rank ||
      (target.rank === known.rank && rules.takesLast(target.field))
    ) {
      choices.set(target.field, { slot, rank: target.rank });
    }
  }

  /** `slots` are those that the step reads besides `slot`. */
  private add(op: number, column: number, slot: number, more: readonly number[] = [], slots = more): void {
    this.out.push({ op, column, slot, more });
    this.used.add(slot);
    for (const each of slots) this.used.add(each);
  }

  private copy(name: FieldName, slot: number): void {
    const column = firstColumn(name);
    if (fieldByName(name).type === 'addr') this.add(OP_V4_ADDRESS, column.index, slot);
    else this.add(copyOp(column.type, this.fields[slot]!.length), column.index, slot);
  }

  private time(field: rules.TimeField, choice: TimeChoice): void {
    const { slot } = choice;
    const isOfNetScaler = choice.kind === rules.TIME_NTP_MICROSECONDS && isNetScaler(this.fields);
    const kind = isOfNetScaler ? rules.TIME_NETSCALER : choice.kind;
    const column = columnByName.get(field)!.index;
    const { length } = this.fields[slot]!;
    // A v9 header has the uptime; in IPFIX the start of the exporter may stand in the record itself.
    const init = this.version === VERSION_V9 ? undefined : this.slots.get(rules.IE_SYSTEM_INIT_MS);
    if (kind === rules.TIME_UPTIME && length === 4 && init === undefined) this.add(OP_UPTIME, column, slot);
    else if (kind === rules.TIME_MILLISECONDS && length === 8) this.add(OP_MILLISECONDS, column, slot);
    else {
      const initSlot = kind === rules.TIME_UPTIME ? (init ?? -1) : -1;
      this.add(OP_TIME, column, slot, [kind, initSlot], [initSlot]);
    }
    const below = rules.belowMilliseconds(field, kind, length);
    if (below !== undefined) this.add(OP_BELOW_MS, columnByName.get(below)!.index, slot, [kind], []);
  }

  /** Fields that have an IPv6 twin: the only one, or chosen per record where a template carries both families. */
  private addSecondFamily(): void {
    const both = [...this.v6.keys()].filter((name) => this.v4.has(name));
    if (both.length > 0) {
      const slotOf = (choices: Map<FieldName, Choice>, name: FieldName) => choices.get(name)?.slot ?? -1;
      const src4 = slotOf(this.v4, 'srcAddr');
      const dst4 = slotOf(this.v4, 'dstAddr');
      const src6 = slotOf(this.v6, 'srcAddr');
      const dst6 = slotOf(this.v6, 'dstAddr');
      const version = this.slots.get(rules.IE_IP_VERSION) ?? -1;
      // Both families used and no version told: a tunnel, whose inner header comes later.
      const otherwise = Math.max(src6, dst6) > Math.max(src4, dst4) ? 6 : 4;
      this.add(OP_FAMILY, -1, -1, [src4, dst4, src6, dst6, version, otherwise], [version]);
    }
    for (const [name, { slot }] of this.v6) {
      const column = firstColumn(name).index;
      const isAddress = fieldByName(name).type === 'addr';
      const twin = this.v4.get(name);
      if (twin === undefined) {
        if (isAddress) this.add(OP_V6_ADDRESS, column, slot);
        else this.copy(name, slot);
      } else if (!isAddress) {
        this.add(OP_8_WHERE_V6, column, slot);
      } else if (name === 'srcAddr' || name === 'dstAddr') {
        this.add(OP_V6_WHERE_V6, column, slot);
      } else {
        this.add(OP_V6_OR_V4, column, slot, [twin.slot]);
      }
    }
  }

  private addIcmp(): void {
    if (!this.v4.has('proto')) return;
    const more = [
      rules.IE_ICMP_TYPE_V4,
      rules.IE_ICMP_CODE_V4,
      rules.IE_ICMP_TYPE_CODE_V4,
      rules.IE_ICMP_TYPE_V6,
      rules.IE_ICMP_CODE_V6,
      rules.IE_ICMP_TYPE_CODE_V6,
    ].map((element) => this.slots.get(element) ?? -1);
    if (more.some((slot) => slot >= 0) || this.v4.has('srcPort')) this.add(OP_ICMP, -1, -1, more);
  }

  private addTimesFromOthers(): void {
    const hasOneEnd = this.times.has('firstMs') !== this.times.has('lastMs');
    const milliseconds = this.slots.get(rules.IE_DURATION_MS);
    const microseconds = this.slots.get(rules.IE_DURATION_US);
    // Both ends tell the duration.
    if (this.times.has('firstMs') || this.times.has('lastMs')) {
      for (const slot of [milliseconds, microseconds]) if (slot !== undefined) this.used.add(slot);
    }
    if (hasOneEnd && milliseconds !== undefined) {
      const isFine = this.out.some(({ op }) => op === OP_BELOW_MS);
      this.add(OP_DURATION, -1, milliseconds, [1, isFine ? 1 : 0], []);
    } else if (hasOneEnd && microseconds !== undefined) {
      this.add(OP_DURATION, -1, microseconds, [1000, 1], []);
    }
    if (this.times.has('eventMs')) this.add(OP_EVENT_TIME, -1, -1);
  }

  private addForwardingStatus(): void {
    const slot = juniperSlot(this.fields);
    if (slot < 0) return;
    this.add(OP_EXCEPTION_CODE, columnByName.get('forwardingStatus')!.index, slot);
    // The reason has no column.
    this.used.delete(slot);
  }

  /** The sampler's rate first, so that a rate in the record itself has the last word. */
  private addSampling(): void {
    const { slots } = this;
    const sampler = slots.get(rules.IE_SAMPLER_ID) ?? slots.get(rules.IE_SELECTOR_ID);
    if (sampler !== undefined) this.add(OP_SAMPLER, -1, sampler);
    // The rate has a column, but not who took the sample.
    if (sampler !== undefined) this.used.delete(sampler);
    const probability = slots.get(rules.IE_SAMPLING_PROBABILITY);
    if (probability !== undefined) this.add(OP_SAMPLING, -1, probability, [SAMPLING_PROBABILITY, -1], []);
    const packets = slots.get(rules.IE_SAMPLING_PACKET_INTERVAL);
    const space = slots.get(rules.IE_SAMPLING_PACKET_SPACE) ?? -1;
    if (packets !== undefined) this.add(OP_SAMPLING, -1, packets, [SAMPLING_COUNT, space], [space]);
    const size = slots.get(rules.IE_SAMPLING_SIZE);
    const population = slots.get(rules.IE_SAMPLING_POPULATION);
    if (size !== undefined && population !== undefined) {
      this.add(OP_SAMPLING, -1, size, [SAMPLING_POPULATION, population], [population]);
    }
    for (const element of [rules.IE_SAMPLER_RANDOM_INTERVAL, rules.IE_SAMPLING_INTERVAL]) {
      const slot = slots.get(element);
      if (slot !== undefined) this.add(OP_SAMPLING, -1, slot, [SAMPLING_INTERVAL, -1], []);
    }
  }
}

function firstColumn(name: FieldName): Column {
  const isAddress = fieldByName(name).type === 'addr';
  return columnByName.get(isAddress ? `${name}Hi` : name)!;
}

/** An address has one possible length; a number any, told by the template or by the record. */
function fits(target: rules.FieldTarget, length: number): boolean {
  if (fieldByName(target.field).type !== 'addr') return true;
  return length === (target.family === 6 ? 16 : 4);
}

function copyOp(type: Column['type'], length: number): number {
  switch (type) {
    case 'u8':
      return length === 1 ? OP_8_TO_8 : OP_ANY_TO_8;
    case 'u16':
      return length === 2 ? OP_16_TO_16 : length === 1 ? OP_8_TO_16 : OP_ANY_TO_16;
    case 'u32':
      if (length === 4) return OP_32_TO_32;
      return length === 2 ? OP_16_TO_32 : length === 1 ? OP_8_TO_32 : OP_ANY_TO_32;
    case 'u64':
      return length === 8 ? OP_64_TO_64 : length === 4 ? OP_32_TO_64 : OP_ANY_TO_64;
    case 'timeMs':
    case 'text':
      throw new Error(`${type} has steps of its own`);
  }
}
