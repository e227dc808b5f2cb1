/** What the collector remembers at most: its port is open to everybody. */
export interface Limits {
  readonly exporters: number;
  /** Observation domains (and protocol versions) of one exporter. */
  readonly streamsPerExporter: number;
  readonly streams: number;
  readonly templatesPerStream: number;
  /**
   * Fields of all templates together, each template counted as eight more. Of this and the next three no exporter gets so
   * much that nothing is left for others: see `Allowance`.
   */
  readonly templateFields: number;
  /** Samplers and unknown elements of all exporters together. */
  readonly optionEntries: number;
  /** sFlow data sources whose samples are counted, of all exporters together. */
  readonly sampleSources: number;
  /** Interfaces whose counters are kept, of all exporters together. */
  readonly interfaces: number;
  /** Exporters unheard of for so long give way to new ones when the table is full. */
  readonly idleMs: number;
  /** Data sets kept until their template comes: in all, of one stream, and for how long. 0 octets keeps none. */
  readonly pendingBytes: number;
  readonly pendingBytesPerStream: number;
  readonly pendingMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  exporters: 4096,
  streamsPerExporter: 1024,
  streams: 16_384,
  templatesPerStream: 4096,
  templateFields: 500_000,
  optionEntries: 200_000,
  sampleSources: 16_384,
  interfaces: 8192,
  idleMs: 600_000,
  pendingBytes: 4 << 20,
  pendingBytesPerStream: 64 << 10,
  pendingMs: 300_000,
};
