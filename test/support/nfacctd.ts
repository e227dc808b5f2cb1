import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { senderOf } from './nfdump.ts';
import { Daemon, sleep } from './process.ts';
import { drained, freeUdpPort, kernelQueue, sendDatagrams } from './udp.ts';

/** What a collector counted of one exporter. */
export interface Sums {
  packets: number;
  octets: number;
}

/** A line of nfacctd: records with the same key, added up. */
export interface Accounted extends Sums {
  src: string;
  dst: string;
  srcPort: number;
  dstPort: number;
  tcpFlags: number;
  proto: number;
  tos: number;
}

/** Of events it prints neither packets nor octets. */
interface Printed {
  peer_ip_src: string;
  packets?: number;
  bytes?: number;
}

interface PrintedFlow extends Printed {
  ip_src: string;
  ip_dst: string;
  port_src: number;
  port_dst: number;
  tcp_flags: string;
  ip_proto: string;
  tos: number;
}

/** Lets one nfacctd (pmacct) collect streams of datagrams, each from an address of its own; gives the sums of each. */
export async function collectWithNfacctd(streams: readonly (readonly Buffer[])[], directory: string): Promise<Sums[]> {
  const printed = await print<Printed>(streams, directory, 'peer_src_ip');
  return printed.map((lines) => {
    const sum: Sums = { packets: 0, octets: 0 };
    for (const { packets = 0, bytes = 0 } of lines) {
      sum.packets += packets;
      sum.octets += bytes;
    }
    return sum;
  });
}

/** The same by key of flows. */
export async function accountWithNfacctd(
  streams: readonly (readonly Buffer[])[],
  directory: string,
): Promise<Accounted[][]> {
  const key = 'peer_src_ip,src_host,dst_host,src_port,dst_port,proto,tos,tcpflags';
  const printed = await print<PrintedFlow>(streams, directory, key);
  return printed.map((lines) =>
    lines.map((line) => ({
      src: line.ip_src,
      dst: line.ip_dst,
      srcPort: line.port_src,
      dstPort: line.port_dst,
      tcpFlags: Number(line.tcp_flags),
      proto: Number(line.ip_proto),
      tos: line.tos,
      packets: line.packets ?? 0,
      octets: line.bytes ?? 0,
    })),
  );
}

/** What nfacctd prints of each stream in the end, by `aggregate`, which has the sender. */
async function print<Line extends Printed>(
  streams: readonly (readonly Buffer[])[],
  directory: string,
  aggregate: string,
): Promise<Line[][]> {
  const port = await freeUdpPort();
  const [config, output] = [join(directory, 'nfacctd.conf'), join(directory, 'flows.json')];
  const settings = {
    daemonize: 'false',
    nfacctd_ip: '127.0.0.1',
    nfacctd_port: port,
    nfacctd_pipe_size: 8_388_608,
    plugins: 'print',
    plugin_buffer_size: 102_400,
    plugin_pipe_size: 102_400_000,
    // Beyond that it prints what it has and begins anew.
    print_cache_entries: 65_537,
    print_output: 'json',
    print_output_file: output,
    print_output_file_append: 'true',
    print_refresh_time: 3600,
    print_num_protos: 'true',
    aggregate,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}: ${value}\n`);
  writeFileSync(config, lines.join(''));
  const daemon = new Daemon('nfacctd', ['-f', config]);
  await daemon.until('listening', () => kernelQueue(port).listeners > 0);
  // It misses the signal to end, and all before, while it makes its tables.
  await daemon.until('ready', () => daemon.output.includes('JSON: setting object handlers'));
  for (const [i, datagrams] of streams.entries()) await sendDatagrams(datagrams, port, senderOf(i));
  await drained(port);
  const { drops } = kernelQueue(port);
  // The print plugin gets what is in the pipe before the signal, and writes as it ends.
  await sleep(1500);
  await daemon.stop('SIGINT');
  if (drops > 0) throw new Error(`the kernel dropped ${drops} datagrams on their way to nfacctd`);
  if (!existsSync(output)) throw new Error(`nfacctd has printed nothing:\n${daemon.output}`);
  const bySender = new Map(streams.map((_, i): [string, Line[]] => [senderOf(i), []]));
  for (const line of readFileSync(output, 'utf8').split('\n')) {
    if (line === '') continue;
    const record = JSON.parse(line) as Line;
    bySender.get(record.peer_ip_src)?.push(record);
  }
  return [...bySender.values()];
}
