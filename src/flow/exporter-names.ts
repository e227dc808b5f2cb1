import { Allowance, type Share } from './allowance.ts';

import { objectOf } from './json.ts';

/** What exporters give names to in their options data. */
const NAME_KINDS = ['interfaces', 'vrfs', 'applications', 'samplers'] as const;
export type NameKind = (typeof NAME_KINDS)[number];

export interface Named {
  readonly name: string;
  readonly description: string;
}

/** Grows when a member changes its meaning. */
const SCHEMA = 1;
/** Names kept of all exporters together: whoever can send a datagram can send names. */
const MOST_NAMES = 200_000;

type NameTable = Record<NameKind, Map<string, Named>> & { readonly share: Share };

/**
 * Names that exporters have told for numbers of theirs: interfaces by ifIndex, VRFs and samplers by id, applications by
 * `engine:number`. The last word counts.
 */
export class ExporterNames {
  /** Grows when a name changes. */
  revision = 0;
  private readonly allowance = new Allowance(MOST_NAMES);
  private readonly tables = new Map<string, NameTable>();

  /** An exporter, by its address, names something; passed over when there are too many names, or too many of its own. */
  learn(exporter: string, kind: NameKind, id: string, named: Named): void {
    if (named.name === '' && named.description === '') return;
    let table = this.tables.get(exporter);
    const known = table?.[kind].get(id);
    if (known?.name === named.name && known.description === named.description) return;
    if (table === undefined) {
      const share = this.allowance.share();
      table = { share, interfaces: new Map(), vrfs: new Map(), applications: new Map(), samplers: new Map() };
    }
    if (known === undefined && !table.share.take(1)) return;
    this.tables.set(exporter, table);
    table[kind].set(id, named);
    this.revision++;
  }

  /** The name, or what stands for it; empty when none was told. */
  name(exporter: string, kind: NameKind, id: string): string {
    const known = this.tables.get(exporter)?.[kind].get(id);
    return known === undefined ? '' : known.name || known.description;
  }

  get isEmpty(): boolean {
    return this.tables.size === 0;
  }

  /** Names of an exporter that there was no room for. */
  refused(exporter: string): number {
    return this.tables.get(exporter)?.share.refused ?? 0;
  }

  /** By exporter and kind, for people and programs. */
  toObject(): Record<string, Partial<Record<NameKind, Record<string, Named>>>> {
    return Object.fromEntries(
      [...this.tables].map(([exporter, table]) => [
        exporter,
        Object.fromEntries(
          NAME_KINDS.filter((kind) => table[kind].size > 0).map((kind) => [kind, Object.fromEntries(table[kind])]),
        ),
      ]),
    );
  }

  save(): string {
    return JSON.stringify({ schema: SCHEMA, exporters: this.toObject() });
  }

  /** Takes what `save` gave; entries that make no sense are passed over. Throws when the text as a whole is not ours. */
  restore(text: string): void {
    const saved = objectOf(JSON.parse(text));
    if (saved['schema'] !== SCHEMA) throw new Error(`its schema is ${String(saved['schema'])}, not ${SCHEMA}`);
    for (const [exporter, table] of Object.entries(objectOf(saved['exporters']))) {
      for (const kind of NAME_KINDS) {
        for (const [id, entry] of Object.entries(objectOf(objectOf(table)[kind]))) {
          const { name, description } = objectOf(entry);
          if (typeof name === 'string' && typeof description === 'string') {
            this.learn(exporter, kind, id, { name, description });
          }
        }
      }
    }
  }
}
