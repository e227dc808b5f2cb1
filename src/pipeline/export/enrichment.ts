import { CONF_NO_DESTINATION_LOOKUP, CONF_NO_SOURCE_LOOKUP } from '../../capture/interface.ts';
import { AsnColumns } from '../../enrich/asn-columns.ts';
import type { AsnDatabase } from '../../enrich/asn-database.ts';
import { readHostRoutes } from '../../enrich/host-routes.ts';
import {
  LOOK_UP_DESTINATION,
  LOOK_UP_SOURCE,
  type LookUps,
  ROUTE_FIELDS,
  RouteColumns,
} from '../../enrich/route-columns.ts';
import { describeTemplates } from '../../export/describe-templates.ts';
import type { FlowBatch } from '../../flow/batch.ts';
import type { FieldName } from '../../flow/fields.ts';
import { UserError } from '../../flow/user-error.ts';
import type { Log } from '../daemon/log.ts';
import { exportedIndex } from './interface-names.ts';
import type { ExportOptions } from './options.ts';

const RELOAD_MS = 60_000;

/** What is added to flows after metering: routes of this host, AS numbers. */
export class Enrichment {
  readonly #fills: { fill(batch: FlowBatch): void }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #readRoutes: (() => void) | undefined;

  /** Opens what the options ask for; throws a `UserError` when it is not to be had. */
  static async open(options: ExportOptions, warn: Log): Promise<Enrichment> {
    const enrichment = new Enrichment();
    const fields = routeFields(options);
    try {
      if (fields.size > 0) await enrichment.#openRoutes(options, fields, warn);
      const asn = await openAsn(options);
      if (asn !== undefined) enrichment.#fills.push(new AsnColumns(asn));
    } catch (error) {
      enrichment.close();
      throw error;
    }
    return enrichment;
  }

  /** Fills in columns of a batch and gives it back. */
  fill(batch: FlowBatch): FlowBatch {
    for (const one of this.#fills) one.fill(batch);
    return batch;
  }

  /** Interfaces have other numbers now. */
  interfacesChanged(): void {
    this.#readRoutes?.();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #openRoutes(options: ExportOptions, fields: ReadonlySet<FieldName>, warn: Log): Promise<void> {
    const { interfaces, routes } = options;
    const indexOf = exportedIndex(interfaces);
    let columns: RouteColumns;
    try {
      columns = new RouteColumns(await readHostRoutes(indexOf), {
        fields,
        // Without a known direction the packet was for none of this host's addresses: a mirror port.
        onlyKnownDirection: routes !== true,
      });
      columns.lookUps = lookUpsOf(options, indexOf);
    } catch (error) {
      if (routes === true || !(error instanceof UserError)) throw error;
      warn(`${error.message}: flows go without masks, next hops and output interfaces`);
      return;
    }
    this.#fills.push(columns);
    if (interfaces.length === 0) return;
    this.#readRoutes = async () => {
      try {
        const indexOf = exportedIndex(interfaces);
        columns.table = await readHostRoutes(indexOf);
        columns.lookUps = lookUpsOf(options, indexOf);
      } catch (error) {
        warn(`${(error as Error).message}: those of a minute ago stay in use`);
      }
    };
    this.#timer = setInterval(this.#readRoutes, RELOAD_MS).unref();
  }
}

/** The database of AS numbers; numbers that nobody gets to see are a mistake. Rejects with a `UserError`. */
export async function openAsn(options: ExportOptions): Promise<AsnDatabase | undefined> {
  const { asnFile, directory, print, template } = options;
  if (asnFile === undefined) return undefined;
  const sent = sentFields(options);
  if (directory === undefined && print === undefined && !sent.has('srcAs') && !sent.has('dstAs')) {
    throw new UserError(`--asn: template ${template} has no AS numbers: use --template nfdump or full, or -w`);
  }
  const { AsnDatabase: Database } = await import('../../enrich/asn-database.ts');
  return new Database(asnFile);
}

/**
 * Fields that routes are looked up for: with `--routes` all, without a word about it those that are sent of what an
 * interface captures, but not on a mirror port, whose packets go other ways than this host's.
 */
export function routeFields(options: ExportOptions): ReadonlySet<FieldName> {
  const { interfaces, localMacs, localNets, localVlans, routes } = options;
  if (routes === true) return new Set(ROUTE_FIELDS);
  const isMirror = localMacs.length + localNets.length + localVlans.length > 0;
  if (routes === false || interfaces.length === 0 || isMirror) return new Set();
  const sent = sentFields(options);
  return new Set(ROUTE_FIELDS.filter((field) => sent.has(field)));
}

/** Names of all values that the templates of a run have. */
function sentFields({ version, template }: ExportOptions): ReadonlySet<string> {
  return new Set(describeTemplates(version, template).flatMap(({ fields }) => fields.map(({ value }) => value)));
}

function lookUpsOf({ interfaces }: ExportOptions, indexOf: (device: string) => number): LookUps {
  const bits = (conf: number) =>
    ((conf & CONF_NO_SOURCE_LOOKUP) === 0 ? LOOK_UP_SOURCE : 0) |
    ((conf & CONF_NO_DESTINATION_LOOKUP) === 0 ? LOOK_UP_DESTINATION : 0);
  const [only] = interfaces;
  if (only?.device === 'any') return { ofAll: bits(only.conf) };
  return { byIndex: new Map(interfaces.map(({ device, conf }) => [indexOf(device), bits(conf)])) };
}
