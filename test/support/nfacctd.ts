import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { senderOf } from './nfdump.ts';
import { Daemon } from './process.ts';
import { drained, freeUdpPort, kernelQueue, sendDatagrams } from './udp.ts';

/** What a collector counted of one exporter. */
export interface Sums {
  packets: number;
  octets: number;
}

interface Printed {
  peer_ip_src: string;
  packets?: number;
  bytes?: number;
}

/** Lets one nfacctd (pmacct) collect streams of datagrams, each from an address of its own; gives the sums of each. */
export async function collectWithNfacctd(streams: readonly (readonly Buffer[])[], directory: string): Promise<Sums[]> {
  const port = await freeUdpPort();
  const output = join(directory, 'flows.json');
  const config = join(directory, 'nfacctd.conf');
  writeFileSync(
    config,
    [
      'daemonize: false',
      'nfacctd_ip: 127.0.0.1',
      `nfacctd_port: ${port}`,
      'plugins: print',
      'aggregate: peer_src_ip',
      'print_output: json',
      `print_output_file: ${output}`,
      'print_output_file_append: true',
      'print_refresh_time: 3600',
      'plugin_buffer_size: 102400',
      'plugin_pipe_size: 10240000',
      '',
    ].join('\n'),
  );
  const daemon = new Daemon('nfacctd', ['-f', config]);
  await daemon.until('listening', () => kernelQueue(port).listeners > 0);
  for (const [i, datagrams] of streams.entries()) await sendDatagrams(datagrams, port, senderOf(i));
  await drained(port);
  const { drops } = kernelQueue(port);
  // The print plugin gets what is in the pipe before the signal, and writes as it ends.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await daemon.stop('SIGINT');
  if (drops > 0) throw new Error(`the kernel dropped ${drops} datagrams on their way to nfacctd`);
  const sums = streams.map((): Sums => ({ packets: 0, octets: 0 }));
  const byAddress = new Map(streams.map((_, i) => [senderOf(i), sums[i]!]));
  for (const line of readFileSync(output, 'utf8').split('\n')) {
    if (line === '') continue;
    // Of events it prints neither packets nor octets.
    const { peer_ip_src, packets = 0, bytes = 0 } = JSON.parse(line) as Printed;
    const sum = byAddress.get(peer_ip_src);
    if (sum === undefined) continue;
    sum.packets += packets;
    sum.octets += bytes;
  }
  return sums;
}
