import { readLow, readNumber } from './decode-bytes.ts';
import type { OptionsRecord } from './decode-context.ts';
import type { Decoding } from './decoding.ts';
import { applicationText } from './extra-values.ts';
import { ENTERPRISE_BIT, V9_SCOPE_INTERFACE, V9_SCOPE_TEMPLATE } from './protocol.ts';
import { type CompiledTemplate, locateFields } from './template.ts';
import { readFloat, samplingRate } from './template-derived.ts';
import * as rules from './template-fields.ts';
import { SAMPLING_COUNT, SAMPLING_INTERVAL, SAMPLING_POPULATION, SAMPLING_PROBABILITY } from './template-program.ts';

const IE_INGRESS_INTERFACE = 10;
const IE_EGRESS_INTERFACE = 14;
const IE_EXPORTED_OCTETS = 40;
const IE_EXPORTED_MESSAGES = 41;
const IE_EXPORTED_RECORDS = 42;
const IE_INTERFACE_NAME = 82;
const IE_INTERFACE_DESCRIPTION = 83;
const IE_SAMPLER_NAME = 84;
const IE_APPLICATION_DESCRIPTION = 94;
const IE_APPLICATION_ID = 95;
const IE_APPLICATION_NAME = 96;
const IE_INGRESS_VRF = 234;
const IE_EGRESS_VRF = 235;
const IE_VRF_NAME = 236;
const IE_INFORMATION_ELEMENT_ID = 303;
const IE_SELECTOR_NAME = 335;
const IE_INFORMATION_ELEMENT_TYPE = 339;
const IE_INFORMATION_ELEMENT_NAME = 341;
const IE_PRIVATE_ENTERPRISE_NUMBER = 346;
/** Longest name that is kept; what is longer is cut. */
const MAX_NAME_BYTES = 255;

const record: OptionsRecord = emptyRecord();
const decoder = new TextDecoder();

function emptyRecord(): OptionsRecord {
  return {
    samplerId: -1,
    templateId: -1,
    samplingRate: 0,
    interfaceIndex: -1,
    interfaceName: '',
    interfaceDescription: '',
    vrfId: -1,
    vrfName: '',
    applicationId: '',
    applicationName: '',
    applicationDescription: '',
    samplerName: '',
    elementPen: -1,
    elementId: -1,
    elementType: -1,
    elementName: '',
    bootMs: 0,
    exportedOctets: -1,
    exportedMessages: -1,
    exportedRecords: -1,
  };
}

/** Values of a record that only together make a rate. */
interface Rates {
  interval: number;
  random: number;
  packets: number;
  space: number;
  size: number;
  population: number;
  probability: number;
}

/**
 * Reads the options records from `start` to `end` (a set without its header) and gives each to the stream. Returns
 * their number. RFC 3954 section 6.1, RFC 7011 section 3.4.2.2.
 */
export function decodeOptions(
  decoding: Decoding,
  template: CompiledTemplate,
  view: DataView,
  start: number,
  end: number,
): number {
  const { context, counters } = decoding;
  let count = 0;
  let at = start;
  while (end - at >= template.recordLength) {
    const length = template.isVariable ? locateFields(template, view, at, end) : template.recordLength;
    if (length < 0) {
      counters.truncated++;
      break;
    }
    readRecord(template, view, at);
    context.stream.options(record, template);
    at += length;
    count++;
  }
  counters.optionsRecords += count;
  return count;
}

function readRecord(template: CompiledTemplate, view: DataView, start: number): void {
  Object.assign(record, EMPTY);
  const rates: Rates = { interval: 0, random: 0, packets: 0, space: -1, size: 0, population: 0, probability: 0 };
  const { keys, offsets, lengths } = template;
  for (let slot = 0; slot < keys.length; slot++) {
    // Some exporters send fields, scopes above all, of length 0.
    if (lengths[slot] === 0) continue;
    readField(keys[slot]!, view, start + offsets[slot]!, lengths[slot]!, rates);
  }
  record.samplingRate = rateOf(rates);
}

const EMPTY: Readonly<OptionsRecord> = emptyRecord();

function readField(key: number, view: DataView, at: number, length: number, rates: Rates): void {
  switch (key) {
    case rules.IE_SAMPLER_ID:
    case rules.IE_SELECTOR_ID:
      record.samplerId = readNumber(view, at, length);
      break;
    case rules.IE_TEMPLATE_ID:
    case -V9_SCOPE_TEMPLATE:
      record.templateId = readLow(view, at, length);
      break;
    case IE_INGRESS_INTERFACE:
    case IE_EGRESS_INTERFACE:
    case -V9_SCOPE_INTERFACE:
      record.interfaceIndex = readLow(view, at, length);
      break;
    case IE_INTERFACE_NAME:
      record.interfaceName = readText(view, at, length);
      break;
    case IE_INTERFACE_DESCRIPTION:
      record.interfaceDescription = readText(view, at, length);
      break;
    case IE_INGRESS_VRF:
    case IE_EGRESS_VRF:
      record.vrfId = readLow(view, at, length);
      break;
    case IE_VRF_NAME:
      record.vrfName = readText(view, at, length);
      break;
    case IE_APPLICATION_ID:
      record.applicationId = applicationText(view, at, length) ?? '';
      break;
    case IE_APPLICATION_NAME:
      record.applicationName = readText(view, at, length);
      break;
    case IE_APPLICATION_DESCRIPTION:
      record.applicationDescription = readText(view, at, length);
      break;
    case IE_SAMPLER_NAME:
    case IE_SELECTOR_NAME:
      record.samplerName = readText(view, at, length);
      break;
    case IE_PRIVATE_ENTERPRISE_NUMBER:
      record.elementPen = readLow(view, at, length);
      break;
    case IE_INFORMATION_ELEMENT_ID:
      // As it stands in a template, with the bit that says that an enterprise follows, or without.
      record.elementId = readLow(view, at, length) & ~ENTERPRISE_BIT;
      break;
    case IE_INFORMATION_ELEMENT_TYPE:
      record.elementType = readLow(view, at, length);
      break;
    case IE_INFORMATION_ELEMENT_NAME:
      record.elementName = readText(view, at, length);
      break;
    case rules.IE_SYSTEM_INIT_MS:
      record.bootMs = readNumber(view, at, length);
      break;
    case IE_EXPORTED_OCTETS:
      record.exportedOctets = readNumber(view, at, length);
      break;
    case IE_EXPORTED_MESSAGES:
      record.exportedMessages = readNumber(view, at, length);
      break;
    case IE_EXPORTED_RECORDS:
      record.exportedRecords = readNumber(view, at, length);
      break;
    case rules.IE_SAMPLING_INTERVAL:
      rates.interval = readNumber(view, at, length);
      break;
    case rules.IE_SAMPLER_RANDOM_INTERVAL:
      rates.random = readNumber(view, at, length);
      break;
    case rules.IE_SAMPLING_PACKET_INTERVAL:
      rates.packets = readNumber(view, at, length);
      break;
    case rules.IE_SAMPLING_PACKET_SPACE:
      rates.space = readNumber(view, at, length);
      break;
    case rules.IE_SAMPLING_SIZE:
      rates.size = readNumber(view, at, length);
      break;
    case rules.IE_SAMPLING_POPULATION:
      rates.population = readNumber(view, at, length);
      break;
    case rules.IE_SAMPLING_PROBABILITY:
      rates.probability = readFloat(view, at, length);
      break;
  }
}

function rateOf(rates: Rates): number {
  return (
    samplingRate(SAMPLING_INTERVAL, rates.interval, 0, false) ||
    samplingRate(SAMPLING_INTERVAL, rates.random, 0, false) ||
    samplingRate(SAMPLING_POPULATION, rates.size, rates.population, true) ||
    samplingRate(SAMPLING_COUNT, rates.packets, rates.space, rates.space >= 0) ||
    samplingRate(SAMPLING_PROBABILITY, rates.probability, 0, false)
  );
}

/** Text up to the first NUL; what is no UTF-8 becomes the replacement character. */
function readText(view: DataView, at: number, length: number): string {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, Math.min(length, MAX_NAME_BYTES));
  const nul = bytes.indexOf(0);
  return decoder.decode(nul < 0 ? bytes : bytes.subarray(0, nul));
}
