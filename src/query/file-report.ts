import { wide } from '../flow/u64.ts';
import type { QueryEngine } from './engine.ts';
import { checkPages } from './flow-files.ts';
import { parseOrders } from './orders.ts';
import { addressWriter } from './output/address-cells.ts';
import { Clock } from './output/clock.ts';
import type { TextBlock } from './output/text.ts';
import type { JobOf, Plan } from './plan.ts';
import { statisticByName } from './statistics.ts';

/** What a flow file is called and when its slot began, milliseconds since 1970, where its name tells. */
export interface FileIdentity {
  readonly ident: string;
  readonly startMs: number | undefined;
  /** Sequence errors that the file's statistics have. */
  readonly sequenceErrors: number;
}

const CLASSES = ['tcp', 'udp', 'icmp', 'other'] as const;
type Class = (typeof CLASSES)[number];
const CLASS_OF_PROTOCOL: ReadonlyMap<number, Class> = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [1, 'icmp'],
  [58, 'icmp'],
]);

interface Counters {
  flows: number;
  packets: number;
  bytes: number;
}

/** Flows, packets and bytes of files in all and by class of protocol. */
export interface FileSums {
  readonly total: Counters;
  readonly classes: Readonly<Record<Class, Counters>>;
  readonly firstMs: number;
  readonly lastMs: number;
}

const JOB: JobOf<'statistic'> = {
  kind: 'statistic',
  statistic: statisticByName.get('proto')!,
  byProtocol: true,
  orders: parseOrders('flows', 'element'),
  top: 0,
  limits: [],
};

/** The question whose answer `sumFile` reads. */
const SUMS_PLAN: Plan = {
  selection: { filter: { kind: 'any' }, window: undefined, limit: undefined, counters: 'scaled' },
  jobs: [JOB],
};

/** Sums over the flows of an engine that was opened for `SUMS_PLAN`. */
async function sumFile(engine: QueryEngine): Promise<FileSums> {
  const none = (): Counters => ({ flows: 0, packets: 0, bytes: 0 });
  const total = none();
  const classes = { tcp: none(), udp: none(), icmp: none(), other: none() };
  const tables = await engine.statistic(JOB);
  for await (const chunk of tables.rows(JOB.orders[0])) {
    const protocols = chunk.narrow('proto');
    const of = (name: string) => chunk.words(name);
    const [flows, packets, octets] = [of('flows'), of('packets'), of('octets')];
    const [outPackets, outOctets] = [of('out_packets'), of('out_octets')];
    for (let row = 0; row < chunk.rows; row++) {
      for (const sums of [total, classes[CLASS_OF_PROTOCOL.get(protocols[row]!) ?? 'other']]) {
        sums.flows += wide(flows, row);
        sums.packets += wide(packets, row) + wide(outPackets, row);
        sums.bytes += wide(octets, row) + wide(outOctets, row);
      }
    }
  }
  const { first, last } = await engine.span();
  return { total, classes, firstMs: first, lastMs: last };
}

/** The block of -I, as front ends parse it. */
function writeStatistics(out: TextBlock, identities: readonly FileIdentity[], sums: FileSums): void {
  const ident = identities[0]!.ident;
  const failures = identities.reduce((sum, { sequenceErrors }) => sum + sequenceErrors, 0);
  out.text(`Ident: ${ident}\n`);
  for (const name of ['flows', 'packets', 'bytes'] as const) {
    const title = name[0]!.toUpperCase() + name.slice(1);
    out.ascii(`${title}: ${sums.total[name]}\n`);
    for (const one of CLASSES) out.ascii(`${title}_${one}: ${sums.classes[one][name]}\n`);
  }
  const { firstMs, lastMs } = sums;
  out.ascii(`First: ${Math.floor(firstMs / 1000)}\nLast: ${Math.floor(lastMs / 1000)}\n`);
  out.ascii(`msec_first: ${firstMs % 1000}\nmsec_last: ${lastMs % 1000}\nSequence failures: ${failures}\n`);
}

const GNUPLOT_HEADER = '# yyyy-mm-dd HH:MM:SS,flows,packets,bytes\n';

/** The line of -g for one file: when its slot began, else its first flow. */
function writeGnuplot(out: TextBlock, { startMs }: FileIdentity, { total, firstMs }: FileSums): void {
  new Clock().write(out, startMs ?? firstMs, 'seconds');
  out.ascii(`,${total.flows},${total.packets},${total.bytes}\n`);
}

export interface FileReportSurroundings {
  readonly identify: (path: string) => Promise<FileIdentity>;
}

/** Prints what -I, -g or -E ask about files. */
export async function reportOnFiles(
  action: string,
  files: readonly string[],
  surroundings: FileReportSurroundings,
  out: TextBlock,
  open: (files: readonly string[], plan: Plan) => Promise<QueryEngine>,
): Promise<void> {
  const sumsOf = (paths: readonly string[]) => using(open(paths, SUMS_PLAN), sumFile);
  switch (action) {
    case 'statistics':
      writeStatistics(out, await Promise.all(files.map(surroundings.identify)), await sumsOf(files));
      return;
    case 'gnuplot':
      out.ascii(GNUPLOT_HEADER);
      for (const path of files) writeGnuplot(out, await surroundings.identify(path), await sumsOf([path]));
      return;
    case 'exporters':
      await using(open(files, EXPORTERS_PLAN), (engine) => writeExporters(out, engine));
  }
}

async function using<E extends QueryEngine, T>(opening: Promise<E>, use: (engine: E) => Promise<T>): Promise<T> {
  const engine = await opening;
  try {
    return await use(engine);
  } finally {
    engine.close();
  }
}

const EXPORTER_JOB: JobOf<'groups'> = {
  kind: 'groups',
  grouping: {
    keys: [{ address: 'exporter', v4: 32, v6: 128 }, { column: 'exportVersion' }, { column: 'domain' }],
    others: 'first',
    tags: [],
  },
  orders: parseOrders('tstart:a', 'record'),
  top: 0,
  titled: false,
  limits: [],
  resultFilter: undefined,
};
const EXPORTERS_PLAN: Plan = { ...SUMS_PLAN, jobs: [EXPORTER_JOB] };
const VERSIONS: ReadonlyMap<number, string> = new Map([
  [0, 'weir'],
  [9, 'netflow v9'],
  [10, 'ipfix v10'],
  [105, 'sflow v5'],
]);

/** A line for each exporter, by what its flows say; what datagrams say is with the collector (`weir exporters`). */
async function writeExporters(out: TextBlock, engine: QueryEngine): Promise<void> {
  const wanted = ['exporterHi', 'exporterLo', 'exportVersion', 'domain', 'flows', 'sampling'] as const;
  const tables = await engine.groups(EXPORTER_JOB, wanted);
  out.ascii('Exporters:\n');
  let number = 0;
  for await (const chunk of tables.rows(EXPORTER_JOB.orders[0])) {
    const write = addressWriter(chunk, 'exporter');
    const [versions, domains, samplings] = [
      chunk.narrow('exportVersion'),
      chunk.narrow('domain'),
      chunk.narrow('sampling'),
    ];
    const flows = chunk.words('flows');
    for (let row = 0; row < chunk.rows; row++) {
      const version = VERSIONS.get(versions[row]!) ?? `netflow v${versions[row]}`;
      out.ascii(`SysID: ${++number}, IP: `);
      write(out, row, 16, false);
      out.ascii(`, version: ${version}, ID: ${String(domains[row]).padStart(2)}, flows: ${wide(flows, row)}\n`);
      if (samplings[row]! > 1) out.ascii(`\tSampler: Packet interval: ${samplings[row]}\n`);
    }
  }
}

/** Reads every cell of a file, and says so: -v. */
export async function verifyFile(path: string, { identify }: FileReportSurroundings, out: TextBlock): Promise<void> {
  const { readAll } = await import('./duckdb-engine.ts');
  const { ident } = await identify(path);
  const unsure = await checkPages([path]);
  const rows = await readAll([path]);
  const status = unsure.length === 0 ? 'every page read' : 'every page read, not all have checksums';
  out.text(`File       : ${path}\nIdent      : ${ident}\nRecords    : ${rows}\nStatus     : ${status}\n`);
}
