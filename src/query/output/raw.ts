import type { ColumnName, FieldName } from '../../flow/fields.ts';
import type { Chunk } from '../chunk.ts';
import { formatMac } from '../filter/values.ts';
import { flagsText, protocolName } from '../names.ts';
import { address, type Style, writeMpls } from './cells.ts';
import { wide } from './numbers.ts';
import { TextBlock } from './text.ts';

/** Lines of one flow; each is left out if the files have no such column. */
type Line = readonly [
  name: string,
  needs: readonly ColumnName[],
  value: (chunk: Chunk, style: Style) => (row: number) => string,
];

const END_REASONS = ['', 'idle timeout', 'active timeout', 'end of Flow detected', 'forced end', 'lack of resources'];

const plain = (name: string, column: ColumnName, note?: (value: number) => string): Line => [
  name,
  [column],
  (chunk) => {
    const cells = chunk.narrow(column);
    return (row) => String(cells[row]).padStart(18) + (note === undefined ? '' : ` ${note(cells[row]!)}`);
  },
];

const wideLine = (name: string, column: ColumnName): Line => [
  name,
  [column],
  (chunk) => {
    const words = chunk.words(column);
    return (row) => String((BigInt(words[row * 2 + 1]!) << 32n) | BigInt(words[row * 2]!)).padStart(18);
  },
];

const timeLine = (name: string, column: ColumnName): Line => [
  name,
  [column],
  (chunk, { clock }) => {
    const words = chunk.words(column);
    const scratch = new TextBlock(64);
    return (row) => {
      scratch.length = 0;
      clock.write(scratch, wide(words, row));
      return `${String(wide(words, row)).padStart(18)} [${Buffer.from(scratch.bytes.subarray(0, scratch.length)).toString('latin1')}]`;
    };
  },
];

const addressLine = (name: string, field: FieldName): Line => [
  name,
  [`${field}Hi`, `${field}Lo`] as ColumnName[],
  (chunk, style) => {
    const scratch = new TextBlock(64);
    const write = address(field)({ ...style, csv: true, marker: '' }).bind(chunk, 0);
    return (row) => {
      scratch.length = 0;
      write(scratch, row);
      return Buffer.from(scratch.bytes.subarray(0, scratch.length)).toString('latin1').padStart(18);
    };
  },
];

const macLine = (name: string, column: ColumnName): Line => [
  name,
  [column],
  (chunk) => {
    const words = chunk.words(column);
    return (row) => ` ${formatMac(wide(words, row))}`;
  },
];

const mplsLine = (index: number): Line => {
  const column = `mpls${index}` as ColumnName;
  return [
    `MPLS Lbl ${String(index).padStart(2)}`,
    [column],
    (chunk) => {
      const cells = chunk.narrow(column);
      const scratch = new TextBlock(64);
      return (row) => {
        if (cells[row] === 0) return '';
        scratch.length = 0;
        writeMpls(scratch, cells[row]!, 14);
        return Buffer.from(scratch.bytes.subarray(0, scratch.length)).toString('latin1');
      };
    },
  ];
};

const lines: readonly Line[] = [
  timeLine('first', 'firstMs'),
  timeLine('last', 'lastMs'),
  timeLine('received at', 'receivedMs'),
  plain('proto', 'proto', protocolName),
  [
    'tcp flags',
    ['tcpFlags', 'proto'],
    (chunk) => {
      const flags = chunk.narrow('tcpFlags');
      const proto = chunk.narrow('proto');
      return (row) => {
        const value = proto[row] === 6 ? flags[row]! & 255 : 0;
        return `${`0x${value.toString(16).padStart(2, '0')}`.padStart(18)} ${flagsText(value)}`;
      };
    },
  ],
  plain('src port', 'srcPort'),
  plain('dst port', 'dstPort'),
  plain('src tos', 'tos'),
  plain('fwd status', 'forwardingStatus'),
  wideLine('in packets', 'packets'),
  wideLine('in bytes', 'octets'),
  addressLine('src addr', 'srcAddr'),
  addressLine('dst addr', 'dstAddr'),
  plain('input', 'inIf'),
  plain('output', 'outIf'),
  plain('src mask', 'srcMask'),
  plain('dst mask', 'dstMask'),
  plain('dst tos', 'dstTos'),
  plain('direction', 'direction'),
  plain('end reason', 'endReason', (reason) => END_REASONS[reason] ?? 'undef'),
  wideLine('out packets', 'outPackets'),
  wideLine('out bytes', 'outOctets'),
  wideLine('aggr flows', 'flows'),
  plain('src vlan', 'srcVlan'),
  plain('dst vlan', 'dstVlan'),
  plain('src as', 'srcAs'),
  plain('dst as', 'dstAs'),
  addressLine('bgp next hop', 'bgpNextHop'),
  addressLine('ip next hop', 'nextHop'),
  addressLine('ip exporter', 'exporter'),
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(mplsLine),
  macLine('in src mac', 'inSrcMac'),
  macLine('out dst mac', 'outDstMac'),
  macLine('in dst mac', 'inDstMac'),
  macLine('out src mac', 'outSrcMac'),
  plain('bgp next as', 'nextAs'),
  plain('bgp prev as', 'prevAs'),
  plain('ip minTTL', 'minTtl'),
  plain('ip maxTTL', 'maxTtl'),
  addressLine('src xlt ip', 'natSrcAddr'),
  addressLine('dst xlt ip', 'natDstAddr'),
  plain('src xlt port', 'natSrcPort'),
  plain('dst xlt port', 'natDstPort'),
  plain('observ domain', 'domain'),
];

/** The lines for files that have the columns `stored`, core columns included. */
export function rawLines(stored: (name: ColumnName) => boolean): readonly Line[] {
  return lines.filter(([, needs]) => needs.every(stored));
}

/** Writes a block of lines a flow. */
export function bindRaw(
  chosen: readonly Line[],
  chunk: Chunk,
  style: Style,
  firstRow: number,
): (out: TextBlock, row: number) => void {
  const values = chosen.map(([name, , bind]) => [name.padEnd(12), bind(chunk, style)] as const);
  return (out, row) => {
    out.ascii(`\nFlow Record: \n  RecordCount  = ${String(firstRow + row + 1).padStart(18)}\n`);
    for (const [name, value] of values) {
      const text = value(row);
      if (text !== '') out.ascii(`  ${name} = ${text}\n`);
    }
  };
}
