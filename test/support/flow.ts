/** A flow as tests compare it: what every peer can tell. */
export interface Flow {
  src: string;
  dst: string;
  proto: number;
  /** 0 without ports. */
  srcPort: number;
  /** ICMP: type * 256 + code. */
  dstPort: number;
  tos: number;
  tcpFlags: number;
  packets: number;
  octets: number;
  firstMs: number;
  lastMs: number;
}

export interface Totals {
  flows: number;
  packets: number;
  octets: number;
}

/** One line a flow, sorted: two sets of flows are equal when these are, and a difference reads well. */
export function flowLines(flows: readonly Flow[]): string[] {
  return flows
    .map((flow) => {
      const ends = `${flow.src}:${flow.srcPort} > ${flow.dst}:${flow.dstPort}`;
      const counters = `${flow.packets} packets ${flow.octets} octets`;
      return `${flow.proto} ${ends} tos ${flow.tos} flags ${flow.tcpFlags} ${counters} ${flow.firstMs} .. ${flow.lastMs}`;
    })
    .sort();
}

/** Flows, packets and octets by protocol number. */
export function totalsByProtocol(flows: readonly Flow[]): Record<number, Totals> {
  const totals: Record<number, Totals> = {};
  for (const flow of flows) {
    const sum = totals[flow.proto] ?? { flows: 0, packets: 0, octets: 0 };
    totals[flow.proto] = sum;
    sum.flows += 1;
    sum.packets += flow.packets;
    sum.octets += flow.octets;
  }
  return totals;
}

/** An address in the one form that RFC 5952 gives it, so that texts of different programs compare. */
export function canonical(address: string): string {
  if (!address.includes(':')) return address;
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}

/** Lines that only one of two sets has, `-` wanted and missing, `+` there and not wanted; equal sets have none. */
export function lineDifferences(name: string, got: readonly string[], wanted: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of got) counts.set(line, (counts.get(line) ?? 0) + 1);
  for (const line of wanted) counts.set(line, (counts.get(line) ?? 0) - 1);
  return [...counts]
    .flatMap(([line, count]) => (count === 0 ? [] : [`${name}: ${count < 0 ? '-' : '+'} ${line}`]))
    .sort();
}
