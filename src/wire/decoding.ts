import type { FlowBatch } from '../flow/batch.ts';
import { BatchTarget } from './batch-target.ts';
import { type DecodeCounters, SetContext, type StreamDirectory } from './decode-context.ts';
import { ExtraDecoder } from './decode-extra.ts';
import { RecordRun } from './record-run.ts';
import { type Transpose, TransposeQueue } from './transpose-queue.ts';

/** State shared by the decoders of all versions. */
export class Decoding {
  readonly target: BatchTarget;
  readonly directory: StreamDirectory;
  readonly context = new SetContext();
  readonly run: RecordRun;
  readonly queue: TransposeQueue;
  readonly extra: ExtraDecoder;
  readonly counters: DecodeCounters = {
    datagrams: 0,
    records: 0,
    optionsRecords: 0,
    templates: 0,
    tooShort: 0,
    unknownVersion: 0,
    badHeader: 0,
    truncated: 0,
    badSet: 0,
    unknownSets: 0,
    setsWithoutTemplate: 0,
    templatesRefused: 0,
    templatesWithdrawn: 0,
    withdrawalsIgnored: 0,
    zeroTails: 0,
    recordsWithoutClock: 0,
    sflowDatagrams: 0,
    counterSamples: 0,
    discardSamples: 0,
    unknownSamples: 0,
    badSamples: 0,
    badSampleRecords: 0,
    unknownHeaders: 0,
    headersWithoutIp: 0,
    unusualRates: 0,
  };

  constructor(
    first: FlowBatch,
    exchange: (full: FlowBatch) => FlowBatch,
    directory: StreamDirectory,
    transpose: Transpose | undefined,
  ) {
    this.target = new BatchTarget(first, exchange);
    this.run = new RecordRun(this.target, this.context);
    this.queue = new TransposeQueue(this.target, this.context, transpose);
    this.extra = new ExtraDecoder(this.target);
    this.directory = directory;
  }
}
