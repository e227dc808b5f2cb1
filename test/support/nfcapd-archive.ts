import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { readUdp } from './pcap-udp.ts';
import { Daemon, findTool, run, SHARED_DATA } from './process.ts';
import { drained, freeUdpPort, kernelQueue, sendDatagrams } from './udp.ts';

/** An installation of nfdump: its programs, and the ways it packs files. */
export interface NfdumpInstallation {
  readonly version: string;
  /** Full path of one of its programs. */
  tool(name: string): string;
  /** Options of nfcapd by what they do. */
  readonly compressions: Readonly<Record<string, readonly string[]>>;
}

/** The nfdump in PATH, and those in the directories of WEIR_TEST_NFDUMP (separated as PATH is). */
export async function nfdumpInstallations(): Promise<NfdumpInstallation[]> {
  const first = findTool('nfcapd');
  const more = (process.env['WEIR_TEST_NFDUMP'] ?? '').split(delimiter).filter((directory) => directory !== '');
  const directories = [...(first === undefined ? [] : [dirname(first)]), ...more];
  return Promise.all(directories.filter((directory) => existsSync(join(directory, 'nfcapd'))).map(installationIn));
}

async function installationIn(directory: string): Promise<NfdumpInstallation> {
  const tool = (name: string) => join(directory, name);
  const help = (await run(tool('nfcapd'), ['-h'])).stdout;
  const version = /Version: (\S+)/.exec((await run(tool('nfdump'), ['-V'])).stdout)?.[1] ?? 'unknown';
  const compressions = help.includes('-z=zstd')
    ? { none: [], lzo: ['-z=lzo'], lz4: ['-z=lz4'], bz2: ['-z=bz2'], zstd: ['-z=zstd'] }
    : { none: [], lzo: ['-z'], lz4: ['-y'], bz2: ['-j'] };
  return { version, tool, compressions };
}

/** Datagrams of every exporter whose captures are there, without those of sFlow, which nfcapd does not take. */
export function capturedDatagrams(): Buffer[] {
  const { captures } = JSON.parse(readFileSync(join(SHARED_DATA, 'flows/expected.json'), 'utf8')) as {
    captures: Record<string, { file: string; exportPackets: Record<string, number> }>;
  };
  return Object.values(captures)
    .filter(({ exportPackets }) => !('sFlow v5' in exportPackets))
    .flatMap(({ file }) => readUdp(readFileSync(join(SHARED_DATA, 'flows', file))))
    .map(({ payload }) => Buffer.from(payload));
}

/** Collects datagrams into files below `directory`, which gets the ident `site`; gives the files with flows. */
export async function writeArchive(
  { tool }: NfdumpInstallation,
  datagrams: readonly Buffer[],
  directory: string,
  options: readonly string[],
): Promise<string[]> {
  const port = await freeUdpPort();
  const limits = ['-t', '86400', '-B', '4000000', '-I', 'site'];
  const daemon = new Daemon(tool('nfcapd'), [
    '-b',
    '127.0.0.1',
    '-p',
    String(port),
    '-w',
    directory,
    ...limits,
    ...options,
  ]);
  await daemon.until('listening', () => kernelQueue(port).listeners > 0);
  await sendDatagrams(datagrams, port);
  await drained(port);
  const { drops } = kernelQueue(port);
  // A signal between its look at the flag and the next wait for a datagram goes unnoticed; one more ends that wait.
  const again = setInterval(() => daemon.child.kill('SIGTERM'), 1000);
  await daemon.stop();
  clearInterval(again);
  if (drops > 0) throw new Error(`the kernel dropped ${drops} datagrams on their way to nfcapd`);
  return readdirSync(directory)
    .filter((name) => /^nfcapd\.\d+$/.test(name))
    .sort()
    .map((name) => join(directory, name));
}

/** A flow as nfdump and weir dump print it with -o json. */
export type JsonFlow = Record<string, string | number>;

export function parseJsonFlows(text: string): JsonFlow[] {
  const trimmed = text.trim();
  return /^\[\s*\{/.test(trimmed) ? JSON.parse(trimmed) : [];
}

/** Keys that tell the file's name, the number, the class or a word for a value that another key has. */
const SAID_TWICE = [
  'ident',
  'cnt',
  'type',
  'export_sysid',
  'src_net',
  'dst_net',
  'event',
  'xevent',
  'nat_event',
  'sampled',
  't_event',
];
/** Keys of nfdump for what no column of weir has; the import counts and names them. */
const WITHOUT_COLUMN = [
  /latency$/,
  /^(in|out)_payload$/,
  /acl$/,
  /^user_name$/,
  /^pblock_/,
  /tun/,
  /^observation/,
  /^nbar|^app/,
  /^label$/,
  /^pf_/,
  /customer|vxlan|^phys|^ip_?version$/i,
  /^nat_?pool/i,
  /serviceID|natString/i,
  /frag/,
  /^biflow|^flow_?end/i,
];
/** Stored, but printed neither by weir dump -o json nor by every version of nfdump. */
const NOT_PRINTED = /^(connect_id|flowID)$/;
/** Other names for the same thing. */
const RENAMED: Readonly<Record<string, string>> = {
  vlanID: 'src_vlan',
  postVlanID: 'dst_vlan',
  vlan_id: 'src_vlan',
  post_vlan_id: 'dst_vlan',
  etherType: 'ethertype',
};

/** What differs between a flow of nfdump and the same flow of weir, which may leave out what is zero. */
export function jsonDifferences(theirs: JsonFlow, ours: JsonFlow): string[] {
  const kept = (flow: JsonFlow) =>
    new Map(
      Object.entries(flow)
        .filter(
          ([key]) =>
            !SAID_TWICE.includes(key) && !NOT_PRINTED.test(key) && !WITHOUT_COLUMN.some((pattern) => pattern.test(key)),
        )
        .map(([key, value]): [string, string] => [RENAMED[key] ?? key, plainValue(key, value)])
        .map(([key, value]): [string, string] =>
          value.startsWith('::ffff:') ? [key.replace('6', '4'), value.slice(7)] : [key, value],
        )
        .filter(([, value]) => value !== ''),
    );
  const [left, right] = [kept(theirs), kept(ours)];
  // A template with room for both families: the records have both, and some versions print one within the other.
  for (const end of ['src', 'dst']) {
    const [four, six] = [`${end}4_addr`, `${end}6_addr`];
    if (left.has(four)) left.delete(six);
    // 1.7.1 prints the zeros of the one over the other.
    else if (four in theirs && six in theirs && !left.has(six)) right.delete(six);
  }
  const keys = new Set([...left.keys(), ...right.keys()]);
  return [...keys]
    .filter((key) => left.get(key) !== right.get(key))
    .map((key) => `${key}: nfdump ${left.get(key) ?? 'nothing'}, weir ${right.get(key) ?? 'nothing'}`);
}

/** Numbers stand between quotes and times without a zone in some versions; '' is what may as well be left out. */
function plainValue(key: string, value: string | number): string {
  const text = String(value).replace(/(?<=T.*)Z$/, '');
  if (key === 'direction' && text === '255') return '';
  if (key === 'aggr_flows' && text === '1') return '';
  return /^(0|0\.0\.0\.0|::|0-0-0|00:00:00:00:00:00)$/.test(text) ? '' : text;
}
