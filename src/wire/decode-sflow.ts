import { isV4, V4_MAPPED_WORD } from '../flow/address.ts';
import { columnIndex } from './batch-target.ts';
import { type DatagramOrigin, type DecodeStream, newOrigin } from './decode-context.ts';
import { type FrameDecoder, SampledHeaders } from './decode-sflow-headers.ts';
import { addressLength } from './decode-sflow-records.ts';
import { padded, SampleRecords, TAG_BYTES } from './decode-sflow-sample.ts';
import type { Decoding } from './decoding.ts';
import { VERSION_SFLOW } from './protocol.ts';
import { quirkNumber } from './quirks.ts';

const RECEIVED = columnIndex('receivedMs');
const FIRST = columnIndex('firstMs');
const LAST = columnIndex('lastMs');
const EXPORTER = columnIndex('exporterHi');
const DOMAIN = columnIndex('domain');
const VERSION = columnIndex('exportVersion');
const SAMPLING = columnIndex('sampling');
const PACKETS = columnIndex('packets');
const IN_IF = columnIndex('inIf');
const OUT_IF = columnIndex('outIf');
const DIRECTION = columnIndex('direction');
const FORWARDING = columnIndex('forwardingStatus');

const AGENT = quirkNumber('sflow-agent');
const HIGH_RATE = quirkNumber('sflow-high-rate');

/** Version, address of no family, sub-agent, sequence, uptime, number of samples. */
const MIN_DATAGRAM_BYTES = 24;
/** Samples of one datagram; a datagram on Ethernet has room for about twenty. */
const MAX_SAMPLES = 256;

/** Kinds of samples, all of enterprise 0. */
const FLOW_SAMPLE = 1;
const COUNTER_SAMPLE = 2;
const EXPANDED_FLOW_SAMPLE = 3;
const EXPANDED_COUNTER_SAMPLE = 4;
const DISCARDED_PACKET = 5;

const FLOW_SAMPLE_BYTES = 32;
const EXPANDED_FLOW_SAMPLE_BYTES = 44;
const COUNTER_SAMPLE_BYTES = 12;
const EXPANDED_COUNTER_SAMPLE_BYTES = 16;
const DISCARDED_PACKET_BYTES = 32;

/** Type of a data source that is an ifIndex. */
const SOURCE_INTERFACE = 0;

/** What an interface number of a sample means: its top two bits, or a word of its own in an expanded sample. */
const INTERFACE_INDEX = 0;
const INTERFACE_DISCARDED = 1;

/** Sampling rates above do occur by mistake, and hardly otherwise: an 800 Gbit/s port needs a tenth of it. */
const HIGHEST_USUAL_RATE = 1_000_000;

/**
 * forwardingStatus (IANA 89) of a packet that was not sent on: `reason` is the code of an ICMP unreachable message up to
 * 255, and one of sFlow's own beyond.
 */
function forwardingStatusOf(reason: number): number {
  switch (reason) {
    case 9: // network, host, or communication administratively prohibited
    case 10:
    case 13:
    case 258: // access list
      return 129;
    case 0: // network or host unreachable, or unknown
    case 1:
    case 6:
    case 7:
      return 131;
    case 4: // fragmentation needed
    case 262:
      return 133;
    case 257: // time to live exceeded
      return 137;
    case 261: // rate limiting
      return 138;
    case 260: // random early detection
      return 139;
    default:
      return 128;
  }
}

/**
 * sFlow version 5 (sflow.org/sflow_version_5.txt): each flow sample becomes a row of one packet, as the rate of its
 * sampling stands beside it. Other samples are walked through and counted.
 *
 * Every length is checked against what it stands in before anything is written. A sample that contradicts itself costs
 * that sample alone.
 */
export class SflowDecoder {
  readonly headers: SampledHeaders;
  private readonly decoding: Decoding;
  /** Who the rows of a datagram are from. */
  private readonly agent = newOrigin();
  private readonly contents: SampleRecords;

  constructor(decoding: Decoding, openFrames: (linkType: number) => FrameDecoder) {
    this.decoding = decoding;
    this.headers = new SampledHeaders(decoding, openFrames);
    this.contents = new SampleRecords(decoding, this.headers);
    decoding.target.owed.push(() => this.headers.settle());
  }

  /**
   * Decodes the datagram of `length` octets at `offset`. The rows lack what is in sampled headers until
   * `headers.settle`, before which `bytes` must not change.
   */
  decode(bytes: Uint8Array, view: DataView, offset: number, length: number, origin: DatagramOrigin): void {
    const { agent, decoding } = this;
    const { context, counters } = decoding;
    const end = offset + length;
    counters.sflowDatagrams++;
    const addressBytes = addressLength(view, offset + 4, end);
    if (length < 4 + addressBytes + 16 || length < MIN_DATAGRAM_BYTES) {
      counters.tooShort++;
      return;
    }
    let at = offset + 4 + addressBytes;
    const samples = addressBytes < 0 ? 0 : view.getUint32(at + 12);
    if (addressBytes < 0 || samples > MAX_SAMPLES) {
      counters.badHeader++;
      return;
    }
    const isNamed = readAgent(agent, view, offset + 4, origin);
    context.version = VERSION_SFLOW;
    context.domain = view.getUint32(at);
    // The header tells no time of day.
    context.exportMs = 0;
    context.uptimeMs = view.getUint32(at + 8);
    context.hasUptime = true;
    context.headerRate = 0;
    context.stream = decoding.directory.stream(agent, VERSION_SFLOW, context.domain);
    const { stream } = context;
    if (!isNamed) stream.quirk(AGENT, 1);
    const sequence = view.getUint32(at + 4);
    at += 16;
    let records = 0;
    for (let i = 0; i < samples; i++) {
      const size = end - at < TAG_BYTES ? -1 : view.getUint32(at + 4);
      const start = at + TAG_BYTES;
      if (size < 0 || size > end - start) {
        counters.truncated++;
        break;
      }
      if (this.sample(bytes, view, view.getUint32(at), start, start + size, stream)) records++;
      at = start + padded(size);
    }
    counters.records += records;
    stream.account(sequence, -1, records, context);
  }

  /** One sample from `start` to `end`, behind its tag; true when it became a row. */
  private sample(
    bytes: Uint8Array,
    view: DataView,
    type: number,
    start: number,
    end: number,
    stream: DecodeStream,
  ): boolean {
    const { counters } = this.decoding;
    switch (type) {
      case FLOW_SAMPLE:
        return this.flowSample(bytes, view, start, end, stream, false);
      case EXPANDED_FLOW_SAMPLE:
        return this.flowSample(bytes, view, start, end, stream, true);
      case COUNTER_SAMPLE:
        if (this.contents.locate(view, start, end, COUNTER_SAMPLE_BYTES)) this.counterSample(view, stream);
        return false;
      case EXPANDED_COUNTER_SAMPLE:
        if (this.contents.locate(view, start, end, EXPANDED_COUNTER_SAMPLE_BYTES)) this.counterSample(view, stream);
        return false;
      case DISCARDED_PACKET:
        if (this.contents.locate(view, start, end, DISCARDED_PACKET_BYTES)) counters.discardSamples++;
        return false;
      default:
        counters.unknownSamples++;
        return false;
    }
  }

  private counterSample(view: DataView, stream: DecodeStream): void {
    this.decoding.counters.counterSamples++;
    const start = this.contents.interfaceCounters();
    if (start !== 0) stream.interfaceCounters(view, start);
  }

  private flowSample(
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    stream: DecodeStream,
    isExpanded: boolean,
  ): boolean {
    const fixedBytes = isExpanded ? EXPANDED_FLOW_SAMPLE_BYTES : FLOW_SAMPLE_BYTES;
    if (!this.contents.locate(view, start, end, fixedBytes)) return false;
    const { agent } = this;
    const { target, counters, context } = this.decoding;
    const source = view.getUint32(start + 4);
    const sourceType = isExpanded ? source & 0xff : source >>> 24;
    const sourceIndex = isExpanded ? view.getUint32(start + 8) : source & 0xff_ffff;
    const rest = isExpanded ? start + 12 : start + 8;
    stream.sample(sourceType * 2 ** 32 + sourceIndex, view.getUint32(start), view.getUint32(rest + 8), context);
    target.room();
    const { rows: row } = target.batch;
    (target.column(RECEIVED) as Float64Array)[row] = agent.receivedMs;
    (target.column(FIRST) as Float64Array)[row] = agent.receivedMs;
    (target.column(LAST) as Float64Array)[row] = agent.receivedMs;
    const high = target.column(EXPORTER) as Uint32Array;
    const low = target.column(EXPORTER + 1) as Uint32Array;
    high[row * 2] = agent.hiLow;
    high[row * 2 + 1] = agent.hiHigh;
    low[row * 2] = agent.loLow;
    low[row * 2 + 1] = agent.loHigh;
    (target.column(DOMAIN) as Uint32Array)[row] = context.domain;
    (target.column(VERSION) as Uint8Array)[row] = VERSION_SFLOW;
    const rate = view.getUint32(rest);
    if (rate > HIGHEST_USUAL_RATE) {
      counters.unusualRates++;
      stream.quirk(HIGH_RATE, 1);
    }
    const isTold = rate > 0 && !stream.samplingFixed;
    (target.column(SAMPLING) as Uint32Array)[row] = isTold ? rate : stream.samplingRate(-1, 0);
    (target.column(PACKETS) as Uint32Array)[row * 2] = 1;
    // Other types of sources are VLANs and parts of the device.
    const port = sourceType === SOURCE_INTERFACE ? sourceIndex : 0;
    const input = view.getUint32(rest + 12);
    if (isExpanded) {
      const inputValue = view.getUint32(rest + 16);
      this.interfaces(row, input, inputValue, view.getUint32(rest + 20), view.getUint32(rest + 24), port);
    } else {
      const output = view.getUint32(rest + 16);
      this.interfaces(row, input >>> 30, input & 0x3fff_ffff, output >>> 30, output & 0x3fff_ffff, port);
    }
    this.contents.read(bytes, view, row, agent.receivedMs);
    target.commit(1);
    return true;
  }

  /**
   * An index is kept as it is: 0 not known, 0x3fffffff the device itself. A packet sent out of several interfaces has no
   * output, and one that was not sent has a status that says why.
   */
  private interfaces(
    row: number,
    inFormat: number,
    inValue: number,
    outFormat: number,
    outValue: number,
    port: number,
  ): void {
    const { target } = this.decoding;
    const input = inFormat === INTERFACE_INDEX ? inValue : 0;
    const output = outFormat === INTERFACE_INDEX ? outValue : 0;
    (target.column(IN_IF) as Uint32Array)[row] = input;
    (target.column(OUT_IF) as Uint32Array)[row] = output;
    if (outFormat === INTERFACE_DISCARDED) {
      (target.column(FORWARDING) as Uint8Array)[row] = forwardingStatusOf(outValue);
    }
    // A sampler that sits on one of the two interfaces alone saw the packet coming in or going out.
    if (port !== 0 && (input === port) !== (output === port)) {
      (target.column(DIRECTION) as Uint8Array)[row] = input === port ? 0 : 1;
    }
  }
}

/**
 * The agent as it names itself; where that is nothing, or an address that every host has, the sender, and the answer is
 * false.
 */
function readAgent(agent: DatagramOrigin, view: DataView, at: number, origin: DatagramOrigin): boolean {
  const family = view.getUint32(at);
  let hiHigh = 0;
  let hiLow = 0;
  let loHigh = V4_MAPPED_WORD;
  let loLow = 0;
  if (family === 1) {
    loLow = view.getUint32(at + 4);
  } else if (family === 2) {
    hiHigh = view.getUint32(at + 4);
    hiLow = view.getUint32(at + 8);
    loHigh = view.getUint32(at + 12);
    loLow = view.getUint32(at + 16);
  }
  const saysNothing = isV4(hiHigh, hiLow, loHigh)
    ? loLow === 0 || loLow >>> 24 === 127
    : hiHigh === 0 && hiLow === 0 && loHigh === 0 && loLow <= 1;
  agent.receivedMs = origin.receivedMs;
  agent.hiHigh = saysNothing ? origin.hiHigh : hiHigh;
  agent.hiLow = saysNothing ? origin.hiLow : hiLow;
  agent.loHigh = saysNothing ? origin.loHigh : loHigh;
  agent.loLow = saysNothing ? origin.loLow : loLow;
  agent.port = origin.port;
  return !saysNothing;
}
