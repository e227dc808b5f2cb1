import { filesAsStored } from '../flow-files.ts';
import type { Selection } from '../plan.ts';
import type { ReportName } from '../reports.ts';
import { comparedSql, whereSql } from './scan.ts';
import type { Schema } from './schema.ts';

/** What the rows of a report are made of. */
export interface ReportInput {
  /** FROM clause with the selected flows. */
  readonly selected: string;
  readonly selection: Selection;
  /** Number behind the name of the report (`-s scan:100`). */
  readonly parameter: number;
  /** Files of --baseline, at least one where the report needs them. */
  readonly baseline: readonly string[];
  readonly baselineSchema: Schema;
}

const TRAFFIC_OCTETS = 1_000_000;

const SLOT_MS = 300_000;

const SRC = '(src_addr_hi::UHUGEINT * 18446744073709551616 + src_addr_lo)';
const DST = '(dst_addr_hi::UHUGEINT * 18446744073709551616 + dst_addr_lo)';
/**
 * Flows of who began the conversation: a SYN that nobody acknowledged, an echo request, else the higher port. A server's
 * answers to many clients would look like a scan without it.
 */
const BEGINS = `CASE WHEN proto = 6 AND tcp_flags & 18 = 2 THEN TRUE
  WHEN proto IN (1, 58) THEN dst_port IN (2048, 32768) ELSE src_port >= dst_port END`;
const ANSWERS = `CASE WHEN proto = 6 AND tcp_flags & 18 = 2 THEN FALSE
  WHEN proto IN (1, 58) THEN dst_port IN (0, 33024) ELSE src_port < dst_port END`;

const octetsSql = (sum: string) => `least(coalesce(${sum}, 0), 18446744073709551615)::UBIGINT`;

/** Both ends of each flow: the host, its peer, how the flow counts for it. */
function endsSql(selected: string): string {
  const common = 'octets, packets, epoch_ms(first) AS start, epoch_ms(last) AS stop';
  return `(SELECT src_addr_hi AS hi, src_addr_lo AS lo, ${DST} AS peer, ${BEGINS} AS begins, ${ANSWERS} AS answers, ${common} FROM ${selected}
    UNION ALL SELECT dst_addr_hi, dst_addr_lo, ${SRC}, FALSE, FALSE, ${common} FROM ${selected})`;
}

function classesSql(selected: string, peers: number, slotMs: number | undefined): string {
  const slot = slotMs === undefined ? '' : `start - start % ${slotMs} AS slot, `;
  return `SELECT ${slot}hi, lo, ${octetsSql('sum(octets)')} AS octets, count(*)::UBIGINT AS flows, min(start) AS first, max(stop) AS last,
    count(DISTINCT peer) FILTER (answers)::UBIGINT AS answered, count(DISTINCT peer) FILTER (begins)::UBIGINT AS contacted,
    ((${octetsSql('sum(octets)')} >= ${TRAFFIC_OCTETS})::UBIGINT + 2::UBIGINT * (answered >= ${peers})::UBIGINT
      + 4::UBIGINT * (contacted >= ${peers})::UBIGINT)::UBIGINT AS classes
    FROM ${endsSql(selected)} WHERE hi <> 0 OR lo <> 0 GROUP BY ${slot === '' ? '' : 'slot, '}hi, lo`;
}

/**
 * The rows of each report, in the order of printing, without LIMIT: all columns UBIGINT but times, which are BIGINT
 * milliseconds.
 */
export const reportSql: Readonly<Record<ReportName, (input: ReportInput) => string>> = {
  scan: ({
    selected,
    parameter,
  }) => `SELECT *, ((hosts >= ${parameter})::UTINYINT + 2 * (ports >= ${parameter})::UTINYINT)::UBIGINT AS scan FROM
      (SELECT epoch_ms(min(first)) AS first, src_addr_hi AS hi, src_addr_lo AS lo, count(DISTINCT ${DST})::UBIGINT AS hosts,
      count(DISTINCT (proto::UINTEGER << 16 | dst_port)) FILTER (proto NOT IN (1, 58))::UBIGINT AS ports,
      (100 * count(*) FILTER (packets <= 3) // count(*))::UBIGINT AS small, count(*)::UBIGINT AS flows, ${octetsSql('sum(octets)')} AS bytes
      FROM (SELECT * FROM ${selected}) WHERE ${BEGINS} GROUP BY src_addr_hi, src_addr_lo)
      WHERE hosts >= ${parameter} OR ports >= ${parameter} ORDER BY greatest(hosts, ports) DESC, hi, lo`,
  roles: ({ selected, parameter }) =>
    `SELECT *, octets AS bytes FROM (${classesSql(selected, parameter, undefined)}) WHERE classes <> 0 ORDER BY octets DESC, hi, lo`,
  behaviour: ({ selected, parameter }) => {
    const with_ = (bits: number) => `count(*) FILTER (classes & ${bits} = ${bits})::UBIGINT`;
    return `SELECT slot, count(*)::UBIGINT AS hosts, ${with_(1)} AS traffic, ${with_(2)} AS responder, ${with_(4)} AS connector,
        ${with_(3)} AS traffic_responder, ${with_(5)} AS traffic_connector, ${with_(6)} AS responder_connector, ${with_(7)} AS all_classes
        FROM (${classesSql(selected, parameter, SLOT_MS)}) GROUP BY slot ORDER BY slot`;
  },
  new: ({ selected, selection, baselineSchema, baseline }) => {
    const where = whereSql({ ...selection, window: undefined, limit: undefined }, baselineSchema);
    // Whether they were sampled is of no matter where no filter compares counters.
    const files = { ...filesAsStored(baseline), sampled: selection.filter.kind !== 'any' };
    const known = `${comparedSql(files, selection.counters, baselineSchema)}${where}`;
    return `SELECT * FROM (SELECT epoch_ms(min(first)) AS first, src_addr_hi AS hi, src_addr_lo AS lo, count(DISTINCT ${DST})::UBIGINT AS peers,
        count(DISTINCT dst_port)::UBIGINT AS ports, count(*)::UBIGINT AS flows, ${octetsSql('sum(octets)')} AS bytes
        FROM ${selected} GROUP BY src_addr_hi, src_addr_lo)
        ANTI JOIN (SELECT DISTINCT src_addr_hi AS hi, src_addr_lo AS lo FROM ${known}) USING (hi, lo) ORDER BY bytes DESC, hi, lo`;
  },
};
