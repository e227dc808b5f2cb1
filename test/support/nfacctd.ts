import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { senderOf } from './nfdump.ts';
import { Daemon, sleep } from './process.ts';
import { drained, freeUdpPort, kernelQueue, sendDatagrams } from './udp.ts';

/** What nfacctd adds up its records by: columns as it prints them. */
const AGGREGATE = 'peer_src_ip,src_host,dst_host,src_port,dst_port,proto,tos,tcpflags';
const HEADER = 'PEER_SRC_IP;SRC_IP;DST_IP;SRC_PORT;DST_PORT;TCP_FLAGS;PROTOCOL;TOS;PACKETS;BYTES';

/** A line of nfacctd: records with the same key, added up. */
export interface Accounted {
  src: string;
  dst: string;
  srcPort: number;
  dstPort: number;
  tcpFlags: number;
  proto: number;
  tos: number;
  packets: number;
  octets: number;
}

/** Lets one nfacctd account many streams of datagrams, told apart by the address they come from; gives the lines of each. */
export async function accountWithNfacctd(
  streams: readonly (readonly Buffer[])[],
  directory: string,
): Promise<Accounted[][]> {
  const port = await freeUdpPort();
  const [config, out] = [join(directory, 'nfacctd.conf'), join(directory, 'accounted.csv')];
  const settings = {
    daemonize: 'false',
    nfacctd_ip: '127.0.0.1',
    nfacctd_port: port,
    nfacctd_pipe_size: 8_388_608,
    plugins: 'print',
    plugin_buffer_size: 102_400,
    plugin_pipe_size: 102_400_000,
    // Beyond that it prints what it has and begins anew.
    print_cache_entries: 262_147,
    print_output: 'csv',
    print_output_separator: ';',
    print_output_file: out,
    print_output_file_append: 'true',
    print_refresh_time: 3600,
    print_num_protos: 'true',
    aggregate: AGGREGATE,
  };
  writeFileSync(
    config,
    `${Object.entries(settings)
      .map(([key, value]) => `${key}: ${value}`)
      .join('\n')}\n`,
  );
  const daemon = new Daemon('nfacctd', ['-f', config]);
  await daemon.until('listening', () => kernelQueue(port).listeners > 0);
  for (const [i, datagrams] of streams.entries()) await sendDatagrams(datagrams, port, senderOf(i));
  await drained(port);
  const { drops } = kernelQueue(port);
  // What the core has read is on its way to the plugin.
  await sleep(1000);
  await daemon.stop('SIGINT');
  // The plugin prints when the core has gone.
  for (let waited = 0; !/Purging cache - END/.test(daemon.output) && waited < 10_000; waited += 50) await sleep(50);
  if (drops > 0) throw new Error(`the kernel dropped ${drops} datagrams on their way to nfacctd`);
  if (!existsSync(out)) throw new Error(`nfacctd has printed nothing:\n${daemon.output}`);
  const bySender = new Map<string, Accounted[]>();
  for (const line of readFileSync(out, 'utf8').trimEnd().split('\n')) {
    if (line === HEADER) continue;
    const cells = line.split(';');
    if (cells.length !== HEADER.split(';').length) throw new Error(`nfacctd prints other columns: ${line}`);
    const [sender, src, dst, ...numbers] = cells as [string, string, string, ...string[]];
    const [srcPort, dstPort, tcpFlags, proto, tos, packets, octets] = numbers.map(Number) as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const record = { src, dst, srcPort, dstPort, tcpFlags, proto, tos, packets, octets };
    bySender.set(sender, [...(bySender.get(sender) ?? []), record]);
  }
  return streams.map((_, i) => bySender.get(senderOf(i)) ?? []);
}
