import { inPairs } from './captures.ts';
import { canonical, type Flow } from './flow.ts';
import { Daemon, runOk } from './process.ts';
import { drained, freeUdpPort, kernelQueue, sendDatagrams } from './udp.ts';

/** A record in nfdump's JSON, of which this is what tests look at. */
interface NfdumpRecord {
  first: string;
  last: string;
  in_packets: number;
  in_bytes: number;
  proto: number;
  tcp_flags?: string;
  src_port?: number;
  dst_port?: number;
  icmp_type?: number;
  icmp_code?: number;
  src_tos: number;
  src4_addr?: string;
  src6_addr?: string;
  dst4_addr?: string;
  dst6_addr?: string;
}

/** All flows in a directory of nfdump files, read by the nfdump that is installed. */
export async function readWithNfdump(directory: string): Promise<Flow[]> {
  const text = (await runOk('nfdump', ['-R', directory, '-o', 'json'])).trim();
  // Where there are no flows, it says so instead, some versions behind a bracket.
  if (!/^\[\s*\{/.test(text)) return [];
  const records = JSON.parse(text) as NfdumpRecord[];
  return records.map((record) => ({
    src: canonical(record.src4_addr ?? record.src6_addr ?? ''),
    dst: canonical(record.dst4_addr ?? record.dst6_addr ?? ''),
    proto: record.proto,
    srcPort: record.src_port ?? 0,
    dstPort: record.dst_port ?? (record.icmp_type ?? 0) * 256 + (record.icmp_code ?? 0),
    tos: record.src_tos,
    tcpFlags: flagBits(record.tcp_flags ?? ''),
    packets: record.in_packets,
    octets: record.in_bytes,
    firstMs: Date.parse(`${record.first}Z`),
    lastMs: Date.parse(`${record.last}Z`),
  }));
}

/** `...AP.SF`: a letter for a set flag, CWR first. */
function flagBits(text: string): number {
  return [...text].reduce((bits, letter) => bits * 2 + (letter === '.' ? 0 : 1), 0);
}

export interface Collected {
  flows: Flow[];
  /** What nfcapd says about the stream. */
  sequenceErrors: number;
  badPackets: number;
}

/** Runs nfcapd (or sfcapd) until it has taken these streams of datagrams, each from an address of its own. */
export async function throughNfcapd(
  streams: readonly (readonly Buffer[])[],
  args: readonly string[],
  program: 'nfcapd' | 'sfcapd' = 'nfcapd',
): Promise<Daemon> {
  const port = await freeUdpPort();
  const limits = ['-t', '86400', '-B', '4000000'];
  const daemon = new Daemon(program, ['-b', '127.0.0.1', '-p', String(port), ...args, ...limits]);
  await daemon.until('listening', () => kernelQueue(port).listeners > 0);
  for (const [i, datagrams] of streams.entries()) await sendDatagrams(datagrams, port, senderOf(i));
  await drained(port);
  const { drops } = kernelQueue(port);
  // A signal between its look at the flag and the next wait for a datagram goes unnoticed; one more ends that wait.
  const again = setInterval(() => daemon.child.kill('SIGTERM'), 1000);
  await daemon.stop();
  clearInterval(again);
  if (drops > 0) throw new Error(`the kernel dropped ${drops} datagrams on their way to ${program}`);
  return daemon;
}

/**
 * Lets one nfcapd (or sfcapd) collect many streams of datagrams, told apart by the address they come from; gives the flows
 * of each. The kernel's drop counter is looked at: a loss is an error of the test, not a result.
 */
export async function collectWithNfcapd(
  streams: readonly (readonly Buffer[])[],
  directory: string,
  program: 'nfcapd' | 'sfcapd' = 'nfcapd',
): Promise<Collected[]> {
  const daemon = await throughNfcapd(streams, ['-M', directory], program);
  return inPairs(streams, async (_, i) => {
    const ident = senderOf(i).replaceAll('.', '-');
    const said = daemon.output.match(new RegExp(`Ident: '${ident}'.*Sequence Errors: (\\d+), Bad Packets: (\\d+)`));
    const flows = said === null ? [] : await readWithNfdump(`${directory}/${ident}`);
    return { flows, sequenceErrors: Number(said?.[1] ?? 0), badPackets: Number(said?.[2] ?? 0) };
  });
}

/** The loopback address that stands for stream `i`. */
export function senderOf(i: number): string {
  return `127.9.${Math.floor(i / 250)}.${(i % 250) + 1}`;
}
