import { UserError } from '../flow/user-error.ts';

/** Bits of ng_netflow's `setconfig`, by which weir accounts an interface. */
export const CONF_INGRESS = 1;
export const CONF_EGRESS = 2;
const CONF_ONCE = 4;
const CONF_THIS_ONCE = 8;
export const CONF_NO_SOURCE_LOOKUP = 16;
export const CONF_NO_DESTINATION_LOOKUP = 32;

const CONF_BOTH = CONF_INGRESS | CONF_EGRESS;
const CONF_ALL = 63;

/** An interface to capture from, and what is accounted of it. */
export interface CaptureInterface {
  /** Under the system's name; `any` for all. */
  readonly device: string;
  /** CONF_* bits. */
  readonly conf: number;
  /** ifIndex it is exported under, instead of the system's. */
  readonly index?: number;
  /** Name and description in options data, instead of the system's name. */
  readonly name?: string;
  readonly description?: string;
  /** BPF expression, on top of the one for all interfaces. */
  readonly filter?: string;
  readonly promiscuous?: boolean;
}

const words: Readonly<Record<string, number>> = {
  ingress: CONF_INGRESS,
  egress: CONF_EGRESS,
  both: CONF_BOTH,
  once: CONF_ONCE,
  thisonce: CONF_THIS_ONCE,
  nosrclookup: CONF_NO_SOURCE_LOOKUP,
  nodstlookup: CONF_NO_DESTINATION_LOOKUP,
};
const switches: Readonly<Record<string, boolean>> = { promiscuous: true, nopromiscuous: false };
const LONGEST_INDEX = 0x7fff_ffff;

const HELP =
  'ingress, egress, both, once, thisonce, nosrclookup, nodstlookup, conf=0 to conf=63, index=N, name=TEXT, ' +
  'description=TEXT, promiscuous, nopromiscuous, and last filter=BPF';

interface Settings {
  conf: number;
  index?: number;
  name?: string;
  description?: string;
  filter?: string;
  promiscuous?: boolean;
}

/**
 * Reads `NAME` or `NAME:WORD,WORD,...`. Both directions are accounted unless a word names one; `conf=` gives all bits at
 * once; `filter=` takes everything behind it. Throws a `UserError`.
 */
export function parseInterface(text: string): CaptureInterface {
  const colon = text.indexOf(':');
  const device = colon < 0 ? text : text.slice(0, colon);
  if (device === '') throw new UserError(`-i "${text}": the name of an interface is missing before the colon`);
  const settings: Settings = { conf: 0 };
  let mask: number | undefined;
  let rest = colon < 0 ? '' : text.slice(colon + 1);
  while (rest !== '') {
    const comma = rest.startsWith('filter=') ? -1 : rest.indexOf(',');
    const word = (comma < 0 ? rest : rest.slice(0, comma)).trim();
    rest = comma < 0 ? '' : rest.slice(comma + 1);
    if (word.startsWith('conf=')) mask = wholeOf(text, word, CONF_ALL);
    else apply(settings, text, word);
  }
  if (mask !== undefined && settings.conf !== 0) {
    throw new UserError(`-i ${text}: conf= has all bits already, give either it or words`);
  }
  const { conf, ...others } = settings;
  const directions = (conf & CONF_BOTH) === 0 ? CONF_BOTH : 0;
  return { device, conf: mask ?? conf | directions, ...others };
}

function apply(settings: Settings, text: string, word: string): void {
  const equals = word.indexOf('=');
  const key = equals < 0 ? word : word.slice(0, equals);
  const value = equals < 0 ? '' : word.slice(equals + 1).trim();
  const isText = key === 'name' || key === 'description' || key === 'filter';
  if (equals < 0 && Object.hasOwn(words, key)) settings.conf |= words[key]!;
  else if (equals < 0 && Object.hasOwn(switches, key)) settings.promiscuous = switches[key]!;
  else if (key === 'index') settings.index = wholeOf(text, word, LONGEST_INDEX, 1);
  else if (isText && value !== '') settings[key] = value;
  else throw new UserError(`-i ${text}: "${word}" is none of ${HELP}`);
}

function wholeOf(text: string, word: string, max: number, min = 0): number {
  const digits = word.slice(word.indexOf('=') + 1);
  const number = Number(digits);
  if (!/^\d{1,10}$/.test(digits) || number < min || number > max) {
    throw new UserError(`-i ${text}: "${word}" takes a whole number from ${min} to ${max}`);
  }
  return number;
}

/** Whether packets of the interface that were counted elsewhere are passed by, and the other way round. */
export function countsOnce({ conf }: CaptureInterface): boolean {
  return (conf & (CONF_ONCE | CONF_THIS_ONCE)) !== 0;
}

/** The words for a mask, in the order of its bits; empty for 0. */
export function confWords(conf: number): string[] {
  return Object.entries(words)
    .filter(([word, bits]) => word !== 'both' && (conf & bits) !== 0)
    .map(([word]) => word);
}
