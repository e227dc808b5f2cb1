import { parseAddress } from '../flow/address.ts';
import { arrayOf, objectOf } from '../flow/json.ts';
import type { SavedElement } from '../wire/told-elements.ts';
import type { Exporters } from './exporters.ts';
import type { SavedStream } from './saved-stream.ts';

/** Grows when an older collector could not make sense of the text. */
const SCHEMA = 1;
/** What was said longer ago is not believed: exporters repeat their templates within minutes, and may have changed them. */
const MAX_AGE_MS = 3_600_000;

/**
 * Templates, sampling rates and boot times of all exporters as JSON, so that the next run of the collector decodes at
 * once. Template definitions are the octets that the exporter sent, in base64.
 */
export function saveState(exporters: Exporters): string {
  const saved = [...exporters.values()].map(({ address, streams, told }) => ({
    address,
    elements: told.save(),
    streams: streams
      // What came over a connection was said for that connection.
      .filter(({ isUdp }) => isUdp)
      .map(({ version, domain, lastSeenMs, uptimeFromMs, bootMs, templates, sampling }) => ({
        version,
        domain,
        lastSeenMs,
        uptimeFromMs,
        bootMs,
        templates: [...templates.values()].map(({ definition, isOptions }) => ({
          definition: Buffer.from(definition).toString('base64'),
          isOptions,
        })),
        sampling: sampling.save(),
      }))
      .filter(({ templates, sampling }) => templates.length + sampling.samplers.length + sampling.general > 0),
  }));
  return JSON.stringify({ schema: SCHEMA, exporters: saved.filter(({ streams }) => streams.length > 0) });
}

/**
 * Takes what `saveState` gave, as far as it is recent and there is room for it. Entries that make no sense are passed
 * over. Throws when the text as a whole is not ours.
 */
export function restoreState(exporters: Exporters, text: string, nowMs: number): void {
  const state = objectOf(JSON.parse(text));
  if (state['schema'] !== SCHEMA) throw new Error(`its schema is ${String(state['schema'])}, not ${SCHEMA}`);
  for (const entry of arrayOf(state['exporters']).map(objectOf)) {
    const words = typeof entry['address'] === 'string' ? parseAddress(entry['address']) : undefined;
    if (words === undefined) continue;
    const elements = arrayOf(entry['elements']).flatMap(savedElement);
    for (const stream of arrayOf(entry['streams'])) {
      const saved = savedStream(objectOf(stream));
      if (saved !== undefined && nowMs - saved.lastSeenMs <= MAX_AGE_MS) exporters.restore(words, saved, elements);
    }
  }
}

function savedStream(entry: Record<string, unknown>): SavedStream | undefined {
  const { version, domain, lastSeenMs, uptimeFromMs, bootMs } = entry;
  if (!isWord(version) || version > 0xffff || !isWord(domain)) return undefined;
  if (!isTime(lastSeenMs) || !isTime(uptimeFromMs) || !isTime(bootMs)) return undefined;
  const sampling = objectOf(entry['sampling']);
  return {
    version,
    domain,
    lastSeenMs,
    uptimeFromMs,
    bootMs,
    templates: arrayOf(entry['templates']).flatMap((item) => {
      const { definition, isOptions } = objectOf(item);
      if (typeof definition !== 'string' || typeof isOptions !== 'boolean') return [];
      return [{ definition: new Uint8Array(Buffer.from(definition, 'base64')), isOptions }];
    }),
    sampling: {
      general: isWord(sampling['general']) ? sampling['general'] : 0,
      samplers: arrayOf(sampling['samplers']).flatMap(ratePair),
      templates: arrayOf(sampling['templates']).flatMap(ratePair),
    },
  };
}

function savedElement(item: unknown): SavedElement[] {
  const [pen, id, type, name] = arrayOf(item);
  if (!isWord(pen) || !isWord(id) || !Number.isInteger(type) || typeof name !== 'string') return [];
  return [[pen, id, type as number, name]];
}

function ratePair(item: unknown): [number, number][] {
  const [id, rate] = arrayOf(item);
  // Sampler ids have up to 64 bits.
  return typeof id === 'number' && id >= 0 && isWord(rate) && rate > 0 ? [[id, rate]] : [];
}

function isWord(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff_ffff;
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
