import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { add, rowCollector } from '../support/collect-rows.ts';
import { collectWithNfacctd, type Sums } from '../support/nfacctd.ts';
import { collectWithNfcapd } from '../support/nfdump.ts';
import { readUdp } from '../support/pcap-udp.ts';
import { describeWith, SHARED_DATA, tempDir } from '../support/process.ts';

/** The same datagrams to nfcapd, nfacctd and weir: packets and octets of each capture. */

interface Capture {
  file: string;
  exportPackets: Record<string, number>;
}

/** Why a peer's sums are not ours. A departure that does not happen fails the test as much as one not listed. */
type Departures = Record<string, { sums: Sums; reason: string }>;
const nfcapdDepartures: Departures = {
  'v5-juniper-mx80': {
    sums: { packets: 31_000, octets: 3_989_000 },
    reason: 'multiplied by the rate, 1000, as it is stored',
  },
  'ak-v9-asr9k': {
    sums: { packets: 120_000, octets: 175_440_000 },
    reason: 'multiplied by the rate, 30 000, as it is stored',
  },
  'tg-issue-14370': {
    sums: { packets: 2, octets: 512 },
    reason:
      'the length of the message ends inside the second record; each record is counted anyway, though one alone is in the message',
  },
};
const nfacctdDepartures: Departures = {
  'v9-cisco-wlc': {
    sums: { packets: 0, octets: 0 },
    reason: 'records of stations, without IP addresses, are no traffic to it',
  },
  'tg-issue-14370': nfcapdDepartures['tg-issue-14370']!,
};
/** Captures in which nfacctd 1.7.7 loops for ever. */
const HANGS_NFACCTD: ReadonlySet<string> = new Set(['ln9-malformed_1', 'ln9-malformed_5']);

function ownSums(datagrams: ReturnType<typeof readUdp>): Sums {
  // Nothing is held back until its template comes: the others do not, either.
  const { collector, rows } = rowCollector({ limits: { pendingBytes: 0 } });
  for (const { payload, timeMs, sourcePort } of datagrams) add(collector, { payload, timeMs, sourcePort });
  collector.flush();
  return rows.reduce<Sums>(
    (sum, row) => ({ packets: sum.packets + Number(row['packets']), octets: sum.octets + Number(row['octets']) }),
    { packets: 0, octets: 0 },
  );
}

function differences(names: readonly string[], ours: readonly Sums[], theirs: readonly Sums[], known: Departures) {
  return names.flatMap((name, i) => {
    const departure = known[name];
    const due = departure?.sums ?? ours[i]!;
    const { packets, octets } = theirs[i]!;
    const isSame = packets === due.packets && octets === due.octets;
    const isNoDeparture = departure !== undefined && due.packets === ours[i]!.packets && due.octets === ours[i]!.octets;
    if (isSame && !isNoDeparture) return [];
    return [
      `${name}: theirs ${packets}/${octets}, due ${due.packets}/${due.octets}, ours ${ours[i]!.packets}/${ours[i]!.octets}`,
    ];
  });
}

describeWith(
  ['nfcapd', 'nfdump', 'nfacctd', 'shared captures'],
  'the same captures to nfcapd, nfacctd and weir',
  () => {
    let names: string[];
    let streams: Buffer[][];
    let ours: Sums[];

    beforeAll(() => {
      const captures: Record<string, Capture> = JSON.parse(
        readFileSync(join(SHARED_DATA, 'flows/expected.json'), 'utf8'),
      ).captures;
      const chosen = Object.entries(captures).filter(([, { exportPackets }]) => !('sFlow v5' in exportPackets));
      names = chosen.map(([name]) => name);
      const datagrams = chosen.map(([, { file }]) => readUdp(readFileSync(join(SHARED_DATA, 'flows', file))));
      streams = datagrams.map((each) => each.map(({ payload }) => Buffer.from(payload)));
      ours = datagrams.map(ownSums);
      expect(ours.reduce((sum, { packets }) => sum + packets, 0)).toBeGreaterThan(10_000);
    });

    it('nfcapd counts the same packets and octets', { timeout: 120_000 }, async () => {
      const collected = await collectWithNfcapd(streams, tempDir('differential-nfcapd'));
      const theirs = collected.map(({ flows }) =>
        flows.reduce<Sums>(
          (sum, { packets, octets }) => ({ packets: sum.packets + packets, octets: sum.octets + octets }),
          { packets: 0, octets: 0 },
        ),
      );
      expect(differences(names, ours, theirs, nfcapdDepartures)).toEqual([]);
    });

    it('nfacctd counts the same packets and octets', { timeout: 120_000 }, async () => {
      const isTaken = (_: unknown, i: number) => !HANGS_NFACCTD.has(names[i]!);
      const theirs = await collectWithNfacctd(streams.filter(isTaken), tempDir('differential-nfacctd'));
      expect(differences(names.filter(isTaken), ours.filter(isTaken), theirs, nfacctdDepartures)).toEqual([]);
    });
  },
);
