import { formatAddress } from '../../flow/address.ts';
import { jsonText } from '../../flow/json.ts';
import { wide } from '../../flow/u64.ts';
import type { Chunk } from '../chunk.ts';
import { formatMac } from '../filter/values.ts';
import { firewallEventName, flagsText, natEventName, protocolName } from '../names.ts';
import type { Order } from '../orders.ts';
import type { KeyForm, Statistic } from '../statistics.ts';
import { condense, cutName } from './address-cells.ts';
import type { Style } from './cells.ts';
import { writeDuration, writeSeconds } from './clock.ts';
import type { Format } from './format.ts';
import { addressFamily, writeAddressNumbers } from './legacy.ts';
import { octetsAPacket, oneDecimal, writeCounter } from './numbers.ts';
import type { Totals } from './summary.ts';
import type { TextBlock } from './text.ts';

/** One table of an element statistic. */
export interface StatisticTable {
  readonly statistic: Statistic;
  readonly byProtocol: boolean;
  readonly order: Order;
  /** 0: all rows. */
  readonly top: number;
  readonly totals: Totals;
}

const FORM_WIDTH = 17;
const LONG_V6_WIDTH = 43;
/** Of it for a name. */
const FORM_NAME = 16;
const LONG_V6_NAME = 39;
/** With countries (-G). */
const PLACE_WIDTH = 21;

function keyWidth({ form }: Statistic, { longV6, places }: Style): number {
  return longV6 && form === 'address' ? LONG_V6_WIDTH : places === undefined ? FORM_WIDTH : PLACE_WIDTH;
}

/** Title and header lines. */
export function openTable(out: TextBlock, table: StatisticTable, format: Format, style: Style, quiet: boolean): void {
  const { heading } = table.statistic;
  if (format.kind === 'csv' || format.kind === 'csv-legacy') {
    const letter = { in: 'i', out: 'o', both: '' }[table.order.side];
    const names = ['pkt', 'pktP', 'byt', 'bytP', 'pps', 'bps', 'bpp'].map((name) => letter + name);
    out.ascii(`ts,te,td,pr,val,fl,flP,${names.join(',')}\n`);
  } else if (format.kind === 'text' && !quiet) {
    const width = keyWidth(table.statistic, style);
    const count = table.top === 0 ? '' : `${table.top} `;
    out.ascii(`Top ${count}${heading} ordered by ${table.order.name}:\n`);
    out.ascii(`Date first seen             Duration     Proto ${heading.padStart(width)}`);
    out.ascii('    Flows(%)     Packets(%)       Bytes(%)         pps      bps   bpp\n');
  }
}

/** What follows the rows. */
export function closeTable(out: TextBlock, format: Format): void {
  if (format.kind === 'csv-legacy' || format.kind === 'pipe') out.byte(0x0a);
}

/** Writes the rows of one chunk of a table. */
export function bindTable(
  chunk: Chunk,
  table: StatisticTable,
  format: Format,
  style: Style,
): (out: TextBlock, row: number) => void {
  const read = bindRow(chunk, table, style);
  switch (format.kind) {
    case 'text':
      return (out, row) => writeText(out, read(row), table, style);
    case 'csv':
    case 'csv-legacy':
      return (out, row) => writeCsv(out, read(row), table, style);
    case 'pipe':
      return (out, row) => writePipe(out, read(row), chunk, row, table);
    case 'json':
    case 'ndjson':
      return (out, row) => writeJson(out, read(row), table, style);
    default:
      return () => undefined;
  }
}

interface Row {
  readonly key: string;
  /** Of an address, where -G names files. */
  readonly country: string | undefined;
  /** Of an AS number, where -G names files. */
  readonly organisation: string;
  /** Of an address, with --resolve; empty for none. */
  readonly host: string;
  readonly proto: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly flows: number;
  readonly packets: number;
  readonly octets: number;
  readonly pps: number;
  readonly bps: number;
  readonly bpp: number;
}

function bindRow(
  chunk: Chunk,
  { statistic, order }: StatisticTable,
  { plain, places, hosts }: Style,
): (row: number) => Row {
  const hi = chunk.words('hi');
  const lo = chunk.words('lo');
  const proto = chunk.narrow('proto');
  const flows = chunk.words('flows');
  const [inPackets, outPackets] = [chunk.words('packets'), chunk.words('out_packets')];
  const [inOctets, outOctets] = [chunk.words('octets'), chunk.words('out_octets')];
  const first = chunk.words('first');
  const last = chunk.words('last');
  const side = (inside: Uint32Array, outside: Uint32Array, row: number) =>
    (order.side === 'out' ? 0 : wide(inside, row)) + (order.side === 'in' ? 0 : wide(outside, row));
  return (row) => {
    const packets = side(inPackets, outPackets, row);
    const octets = side(inOctets, outOctets, row);
    const firstMs = wide(first, row);
    const lastMs = wide(last, row);
    const seconds = firstMs === 0 ? 0 : (lastMs - firstMs) / 1000;
    return {
      country: statistic.form === 'address' ? countryOf(places, hi, lo, row) : undefined,
      host: statistic.form === 'address' ? hostOf(hosts, hi, lo, row) : '',
      organisation: statistic.form === 'organisation' ? (places?.organisationOf(wide(lo, row)) ?? '') : '',
      key: keyText(statistic.form, hi, lo, row, plain),
      proto: statistic.ofProtocols ? wide(lo, row) : proto[row]!,
      firstMs,
      lastMs,
      flows: wide(flows, row),
      packets,
      octets,
      pps: perSecond(packets, seconds),
      bps: perSecond(8 * octets, seconds),
      bpp: octetsAPacket(octets, packets),
    };
  };
}

/** Tables divide by seconds as doubles (lines by milliseconds as integers), which differs in the last digit. */
function perSecond(count: number, seconds: number): number {
  return seconds <= 0 ? 0 : Math.floor(count / seconds);
}

function countryOf(places: Style['places'], hi: Uint32Array, lo: Uint32Array, row: number): string | undefined {
  const at = row * 2;
  return places && (places.find(hi[at + 1]!, hi[at]!, lo[at + 1]!, lo[at]!).country || '..');
}

function hostOf(hosts: Style['hosts'], hi: Uint32Array, lo: Uint32Array, row: number): string {
  const at = row * 2;
  return hosts?.find(hi[at + 1]!, hi[at]!, lo[at + 1]!, lo[at]!) ?? '';
}

function keyText(form: KeyForm, hi: Uint32Array, lo: Uint32Array, row: number, plain: boolean): string {
  const at = row * 2;
  const value = wide(lo, row);
  switch (form) {
    case 'address':
      return formatAddress(hi[at + 1]!, hi[at]!, lo[at + 1]!, lo[at]!);
    case 'number':
      return String(value);
    case 'mac':
      return formatMac(value);
    case 'mpls':
      return `${String(value >>> 4).padStart(8)}-${(value & 15) >> 1}-${value & 1}`;
    case 'flags':
      return plain ? `0x${value.toString(16)}` : flagsText(value);
    case 'hex':
      return `0x${value.toString(16)}`;
    case 'milliseconds':
      return `      ${(value / 1000).toFixed(3).padStart(9)}`;
    case 'organisation':
      return value === 0 ? '' : `AS${value}`;
    case 'country':
      return String.fromCharCode(value >> 8, value & 255);
    case 'application':
      return `${String(Math.floor(value / 2 ** 24)).padStart(2)}..${value % 2 ** 24}`;
    case 'firewallEvent':
      return firewallEventName(value);
    case 'natEvent':
      return natEventName(value);
  }
}

const ORGANISATION_WIDTH = 45;

function organisationKey({ key, organisation }: Row): string {
  const name = (organisation || 'unknown').slice(0, ORGANISATION_WIDTH).padStart(ORGANISATION_WIDTH);
  return `${name} ${key.padEnd(8)}`;
}

function percent(part: number, whole: number): string {
  return oneDecimal(whole === 0 ? 0 : (part * 100) / whole);
}

function protocolText({ proto }: Row, isSplit: boolean, plain: boolean): string {
  if (!isSplit) return 'any';
  // As wide in csv as in tables: nfdump never cuts it.
  return plain ? String(proto).padEnd(5) : protocolName(proto);
}

function writeText(out: TextBlock, row: Row, { statistic, byProtocol, totals }: StatisticTable, style: Style): void {
  const { clock, longV6, marker, plain } = style;
  const counter = (value: number, whole: number) => {
    out.byte(0x20);
    writeCounter(out, value, 8, plain);
    out.ascii(`(${percent(value, whole).padStart(4)})`);
  };
  clock.write(out, row.firstMs);
  out.byte(0x20);
  // Of flows that end before they begin.
  const durationMs = Math.max(row.lastMs - row.firstMs, 0);
  if (plain) writeSeconds(out, durationMs, 16);
  else writeDuration(out, durationMs);
  out.byte(0x20);
  out.left(protocolText(row, byProtocol || statistic.ofProtocols === true, plain), 5);
  out.byte(0x20);
  const isAddress = statistic.form === 'address';
  if (isAddress) out.ascii(marker);
  const name = cutName(row.host, longV6 ? LONG_V6_NAME : FORM_NAME);
  const key = name || (isAddress && !longV6 ? condense(row.key) : row.key);
  if (statistic.form === 'organisation') out.text(organisationKey(row));
  else out.right(row.country === undefined ? key : `${key}(${row.country})`, keyWidth(statistic, style));
  counter(row.flows, totals.flows);
  counter(row.packets, totals.packets);
  counter(row.octets, totals.octets);
  out.byte(0x20);
  writeCounter(out, row.pps, 8, plain);
  out.byte(0x20);
  writeCounter(out, row.bps, 8, plain);
  out.byte(0x20);
  out.uint(row.bpp, 5);
  out.byte(0x0a);
}

function writeCsv(
  out: TextBlock,
  row: Row,
  { statistic, byProtocol, totals }: StatisticTable,
  { clock, plain }: Style,
): void {
  clock.write(out, row.firstMs, 'seconds');
  out.byte(0x2c);
  clock.write(out, row.lastMs, 'seconds');
  out.byte(0x2c);
  writeSeconds(out, Math.max(row.lastMs - row.firstMs, 0));
  const proto = protocolText(row, byProtocol || statistic.ofProtocols === true, plain);
  const counters = [
    [row.flows, totals.flows],
    [row.packets, totals.packets],
    [row.octets, totals.octets],
  ] as const;
  const cells = counters.map(([value, whole]) => `${value},${percent(value, whole)}`);
  out.ascii(`,${proto},${row.host || row.key || 'unknown'},${cells.join(',')},${row.pps},${row.bps},${row.bpp}\n`);
}

/** Numbers between bars; addresses as four of them. */
function writePipe(out: TextBlock, row: Row, chunk: Chunk, index: number, table: StatisticTable): void {
  const { statistic, byProtocol } = table;
  const [hi, lo] = [chunk.words('hi'), chunk.words('lo')];
  const isAddress = statistic.form === 'address';
  out.ascii(
    `${isAddress ? addressFamily(hi, lo, index) : 0}|${row.firstMs}|${row.lastMs}|${byProtocol ? row.proto : 0}|`,
  );
  if (isAddress) writeAddressNumbers(out, hi, lo, index);
  else out.ascii(`${wide(lo, index)}|`);
  out.ascii(`${row.flows}|${row.packets}|${row.octets}|${row.pps}|${row.bps}|${row.bpp}\n`);
}

function writeJson(out: TextBlock, row: Row, { statistic }: StatisticTable, { clock }: Style): void {
  out.ascii('{ "first" : "');
  clock.writeRfc3339(out, row.firstMs);
  out.ascii('", "last" : "');
  clock.writeRfc3339(out, row.lastMs);
  out.ascii(`", "proto" : ${row.proto}, "${statistic.name}" : "${row.key || 'unknown'}", `);
  if (row.host !== '') out.ascii(`"host" : "${row.host}", `);
  if (row.organisation !== '') out.text(`"organisation" : ${jsonText(row.organisation)}, `);
  if (row.country !== undefined) out.text(`"geo" : ${jsonText(row.country)}, `);
  out.ascii(`"flows" : ${row.flows}, `);
  out.ascii(
    `"packets" : ${row.packets}, "bytes" : ${row.octets}, "pps" : ${row.pps}, "bps" : ${row.bps}, "bpp" : ${row.bpp}}\n`,
  );
}
