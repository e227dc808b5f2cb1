import type { Share } from '../flow/allowance.ts';
import type { CompiledTemplate } from '../wire/template.ts';

/** A template without its fields takes about as much memory as so many fields. */
const FIELDS_FOR_TEMPLATE = 8;

/** What became of a template that was offered. */
export type TemplateOutcome = 'new' | 'changed' | 'refused';

/**
 * Templates of one stream. The newest definition of an id counts. Over UDP a withdrawal means nothing (RFC 7011 section
 * 8.4), so only streams of connections withdraw.
 */
export class TemplateStore {
  changed = 0;
  refreshed = 0;
  refused = 0;
  private readonly byId = new Map<number, CompiledTemplate>();
  /** Ids that an earlier run of the collector knew and that the exporter has not sent to this one. */
  private readonly provisional = new Set<number>();
  private readonly maxTemplates: number;
  private readonly share: Share;

  constructor(maxTemplates: number, share: Share) {
    this.maxTemplates = maxTemplates;
    this.share = share;
  }

  get(id: number): CompiledTemplate | undefined {
    return this.byId.get(id);
  }

  get size(): number {
    return this.byId.size;
  }

  values(): IterableIterator<CompiledTemplate> {
    return this.byId.values();
  }

  /** Templates of an earlier run that the exporter has not confirmed. */
  get unconfirmed(): number {
    return this.provisional.size;
  }

  /** Takes a template that an earlier run of the collector knew. */
  restore(template: CompiledTemplate): void {
    if (!this.byId.has(template.id) && this.define(template) === 'new') this.provisional.add(template.id);
  }

  /** The exporter sent the definition that is known. */
  confirm(template: CompiledTemplate): void {
    this.refreshed++;
    if (this.provisional.size > 0) this.provisional.delete(template.id);
  }

  /** Forgets what an earlier run knew and nothing has confirmed. */
  dropUnconfirmed(): void {
    for (const id of this.provisional) this.forget(this.byId.get(id)!);
  }

  /** Forgets a template, or all of a kind. */
  withdraw(id: number | undefined, isOptions: boolean): void {
    for (const template of id === undefined ? [...this.byId.values()] : [this.byId.get(id)]) {
      if (template?.isOptions === isOptions) this.forget(template);
    }
  }

  /** Whether there is room for a template of so many fields. If not, it is refused: that is counted. */
  admits(id: number, fields: number): boolean {
    const known = this.byId.get(id);
    const more = this.moreFor(known, fields);
    if ((known !== undefined || this.byId.size < this.maxTemplates) && (more <= 0 || this.share.has(more))) return true;
    this.refused++;
    // What the exporter sends under this id from now on has another shape than the one we know.
    if (known !== undefined) this.forget(known);
    return false;
  }

  define(template: CompiledTemplate): TemplateOutcome {
    const fields = template.declared.length;
    if (!this.admits(template.id, fields)) return 'refused';
    this.provisional.delete(template.id);
    const known = this.byId.get(template.id);
    const more = this.moreFor(known, fields);
    if (more > 0) this.share.take(more);
    else this.share.giveBack(-more);
    this.byId.set(template.id, template);
    if (known === undefined) return 'new';
    this.changed++;
    return 'changed';
  }

  /** Puts a template in the place of one with the same definition. */
  replace(template: CompiledTemplate): void {
    this.byId.set(template.id, template);
  }

  release(): void {
    for (const template of this.byId.values()) this.share.giveBack(costOf(template.declared.length));
    this.byId.clear();
    this.provisional.clear();
  }

  /** What one of so many fields takes in the place of the one that is known. */
  private moreFor(known: CompiledTemplate | undefined, fields: number): number {
    return costOf(fields) - (known === undefined ? 0 : costOf(known.declared.length));
  }

  private forget(template: CompiledTemplate): void {
    this.byId.delete(template.id);
    this.provisional.delete(template.id);
    this.share.giveBack(costOf(template.declared.length));
  }
}

/** What a template takes of the allowance: its fields, and as much as some fields for what each template has. */
function costOf(fields: number): number {
  return fields + FIELDS_FOR_TEMPLATE;
}
