/** What stands in a column of a report. `classes` are bits: see `CLASS_NAMES`; `hosts` are counted, not measured. */
export type ReportForm = 'time' | 'address' | 'hosts' | 'count' | 'percent' | 'scan' | 'classes';

export interface ReportColumn {
  /** In csv and JSON, and of the SQL; an address is two columns, `hi` and `lo`. */
  readonly name: string;
  readonly heading: string;
  readonly form: ReportForm;
}

export type ReportName = 'scan' | 'roles' | 'behaviour' | 'new';

/** A question about hosts whose answer is a table of its own, asked for by `-s NAME[:NUMBER]`. */
export interface Report {
  readonly name: ReportName;
  readonly title: string;
  readonly columns: readonly ReportColumn[];
  /** What the number stands for, and what it is when there is none. */
  readonly parameter: { readonly means: string; readonly standard: number } | undefined;
  readonly needsBaseline?: true;
  /** Time series print all their rows unless -n is given. */
  readonly allRows?: true;
}

/** Bits of the classes of a host, and a letter for each. */
export const CLASS_NAMES = ['traffic', 'responder', 'connector'] as const;
const first: ReportColumn = { name: 'first', heading: 'Date first seen', form: 'time' };
const ip: ReportColumn = { name: 'ip', heading: 'IP Addr', form: 'address' };
const flows: ReportColumn = { name: 'flows', heading: 'Flows', form: 'count' };
const bytes: ReportColumn = { name: 'bytes', heading: 'Bytes', form: 'count' };
const hosts = (name: string, heading: string): ReportColumn => ({ name, heading, form: 'hosts' });
const peersParameter = { means: 'peers that make a responder or a connector', standard: 10 };

const rows: readonly Report[] = [
  {
    name: 'scan',
    title: 'scan candidates by destinations and ports',
    columns: [
      first,
      ip,
      { name: 'scan', heading: 'Scan', form: 'scan' },
      hosts('hosts', 'Hosts'),
      hosts('ports', 'Ports'),
      { name: 'small', heading: 'Small', form: 'percent' },
      flows,
      bytes,
    ],
    parameter: { means: 'destinations or ports that make a candidate', standard: 25 },
  },
  {
    name: 'roles',
    title: 'hosts by traffic, with their classes',
    columns: [
      first,
      ip,
      { name: 'classes', heading: 'Classes', form: 'classes' },
      hosts('answered', 'Answered'),
      hosts('contacted', 'Contacted'),
      flows,
      bytes,
    ],
    parameter: peersParameter,
  },
  {
    name: 'behaviour',
    title: 'hosts of each class over time',
    columns: [
      { name: 'slot', heading: 'Slot', form: 'time' },
      hosts('hosts', 'Hosts'),
      hosts('traffic', 'Traffic'),
      hosts('responder', 'Respond'),
      hosts('connector', 'Connect'),
      hosts('traffic_responder', 'T+R'),
      hosts('traffic_connector', 'T+C'),
      hosts('responder_connector', 'R+C'),
      hosts('all_classes', 'T+R+C'),
    ],
    parameter: peersParameter,
    allRows: true,
  },
  {
    name: 'new',
    title: 'new talkers by bytes',
    columns: [first, ip, hosts('peers', 'Peers'), hosts('ports', 'Ports'), flows, bytes],
    parameter: undefined,
    needsBaseline: true,
  },
];

export const reportByName: ReadonlyMap<string, Report> = new Map<string, Report>([
  ...rows.map((row) => [row.name, row] as const),
  ['behavior', rows.find(({ name }) => name === 'behaviour')!],
]);
