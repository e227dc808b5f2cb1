/** Templates and options: what is to be announced, and when again. */
import { type RecordField, RecordLayout } from '../wire/encode-record.ts';
import {
  type FieldSpec,
  type OptionsTable,
  optionsDataSet,
  optionsTemplateSet,
  templateId,
  templateSet,
} from '../wire/encode-template.ts';
import { VERSION_V9 } from '../wire/protocol.ts';
import type { ControlSet } from './open-datagram.ts';
import {
  type ExportCounts,
  flowKeyTable,
  type InterfaceName,
  interfaceTables,
  type ProcessCounts,
  processTables,
  type SamplingOptions,
  samplingTables,
  startTable,
  statisticsTable,
} from './options.ts';
import { flowClass, otherFamily } from './row-classes.ts';
import { knownTemplateId, type TemplateSelection, templateFields } from './templates.ts';

export interface AnnouncerOptions {
  readonly version: number;
  readonly template: TemplateSelection;
  readonly domain: number;
  readonly sampling: SamplingOptions;
  readonly interfaces: readonly InterfaceName[];
  readonly keyFields: readonly RecordField['value'][];
  readonly refreshMs: number;
  readonly refreshDatagrams: number;
}

export interface FlowTemplate {
  readonly id: number;
  readonly layout: RecordLayout;
}

/** Options data is cut into sets of about this length, so that any datagram can take any set. */
const MAX_OPTIONS_SET_BYTES = 400;

export class Announcer {
  private readonly options: AnnouncerOptions;
  private selection: TemplateSelection;
  private readonly templates = new Map<number, FlowTemplate>();
  /** Numbers given out, by what they stand for: the same fields always have the same. */
  private readonly ids = new Map<string, number>();
  /** What does not change is made once: a replay announces some hundred times a second. */
  private readonly templateSets = new Map<number, ControlSet>();
  private samplingSets: readonly ControlSet[] | undefined;
  private asked = true;
  private announcedMs = 0;
  private datagrams = 0;

  constructor(options: AnnouncerOptions) {
    this.options = options;
    this.selection = options.template;
  }

  /** Template of a class of flows. Both families of a class are announced as soon as one is in use. */
  template(rowClass: number): FlowTemplate {
    const known = this.templates.get(rowClass);
    if (known !== undefined) return known;
    this.addTemplate(rowClass & ~1);
    this.addTemplate(otherFamily(rowClass & ~1));
    this.asked = true;
    return this.templates.get(rowClass)!;
  }

  /**
   * Flows from now on have other fields. Gives the numbers of the templates that were in use; other fields never get one of
   * them.
   */
  changeTemplate(selection: TemplateSelection): number[] {
    const ids = new Set([...this.templates.values()].map(({ id }) => id));
    this.templates.clear();
    this.selection = selection;
    this.asked = true;
    return [...ids];
  }

  get hasTemplates(): boolean {
    return this.templates.size > 0;
  }

  /** Announce with the next datagram: after a restart, a new connection or on command. */
  ask(): void {
    this.asked = true;
  }

  /** A datagram went out. */
  countDatagram(): void {
    this.datagrams++;
  }

  isDue(nowMs: number): boolean {
    const { refreshMs, refreshDatagrams } = this.options;
    return this.asked || this.datagrams >= refreshDatagrams || nowMs - this.announcedMs >= refreshMs;
  }

  /** Everything to announce, templates first; starts the next interval. */
  announce(nowMs: number, bootMs: number, counts: ExportCounts, process?: ProcessCounts): ControlSet[] {
    this.asked = false;
    this.announcedMs = nowMs;
    this.datagrams = 0;
    const { version, domain, sampling, interfaces, keyFields } = this.options;
    // Two classes may have the same template: fields that are alike for both families.
    const flowTemplates = new Map([...this.templates.values()].map(({ id, layout }) => [id, layout.fields]));
    const templates = [...flowTemplates].map(([id, fields]) => this.templateSet(id, fields));
    this.samplingSets ??= this.optionsSets(samplingTables(version, domain, sampling));
    const tables = this.statistics(counts, process);
    if (version !== VERSION_V9) tables.push(startTable(domain, bootMs), flowKeyTable(flowTemplates, keyFields));
    tables.push(...interfaceTables(version, interfaces));
    return [...templates, ...this.samplingSets, ...this.optionsSets(tables)];
  }

  /** Counters alone, for the end: nothing else has changed. */
  announceCounts(counts: ExportCounts, process?: ProcessCounts): ControlSet[] {
    return this.optionsSets(this.statistics(counts, process));
  }

  private statistics(counts: ExportCounts, process: ProcessCounts | undefined): OptionsTable[] {
    const { version, domain } = this.options;
    const table = statisticsTable(version, domain, counts);
    return process === undefined ? [table] : [table, ...processTables(version, domain, process)];
  }

  private addTemplate(rowClass: number): void {
    const { version } = this.options;
    const flows = flowClass(rowClass);
    const fields = templateFields(this.selection, version, flows);
    const id = this.idOf([], fields, knownTemplateId(this.selection, version, flows));
    this.templates.set(rowClass, { id, layout: new RecordLayout(fields, flows.family) });
  }

  private templateSet(id: number, fields: readonly RecordField[]): ControlSet {
    let set = this.templateSets.get(id);
    if (set === undefined) {
      set = { bytes: templateSet(this.options.version, id, fields), records: 1, dataRecords: 0 };
      this.templateSets.set(id, set);
    }
    return set;
  }

  private optionsSets(tables: readonly OptionsTable[]): ControlSet[] {
    const sets: ControlSet[] = [];
    for (const table of tables) {
      const id = this.idOf(table.scopes, table.fields);
      sets.push({ bytes: optionsTemplateSet(this.options.version, id, table), records: 1, dataRecords: 0 });
      addRows(id, table, sets);
    }
    return sets;
  }

  private idOf(scopes: readonly FieldSpec[], fields: readonly FieldSpec[], known?: number): number {
    const key = JSON.stringify(
      [scopes, fields].map((specs) => specs.map(({ element, length, pen }) => [element, length, pen])),
    );
    const id = this.ids.get(key);
    if (id !== undefined) return id;
    const taken = new Set(this.ids.values());
    // Two presets may have the same number for different fields, and the template may change from the one to the other.
    const made = known === undefined || taken.has(known) ? templateId(scopes, fields, taken) : known;
    this.ids.set(key, made);
    return made;
  }
}

function addRows(id: number, table: OptionsTable, sets: ControlSet[]): void {
  const { rows } = table;
  const bytes = optionsDataSet(id, table);
  if (bytes.length <= MAX_OPTIONS_SET_BYTES || rows.length === 1) {
    sets.push({ bytes, records: rows.length, dataRecords: rows.length });
    return;
  }
  const half = rows.length >> 1;
  addRows(id, { ...table, rows: rows.slice(0, half) }, sets);
  addRows(id, { ...table, rows: rows.slice(half) }, sets);
}
