import { type CaptureInterface, countsOnce, parseInterface } from '../capture/interface.ts';
import { PACKET_SOURCES } from '../capture/open.ts';
import { flagOption, keyed, listOption, type OptionTable, valueOption } from '../config/option.ts';
import { type OptionValues, wholeNumber } from '../config/option-values.ts';
import type { SamplingOptions } from '../export/options.ts';
import { type Prefix, parsePrefix } from '../flow/prefix.ts';
import { UserError } from '../flow/user-error.ts';
import type { ExportOptions } from '../pipeline/export/options.ts';
import { parseSpeed } from './speed.ts';

const DEDUP_WINDOW_MS = 10;

/** Where packets come from. */
export const inputOptions: OptionTable = {
  r: keyed(
    'captures',
    listOption('read packets from a capture file, also gzip or zstd; - standard input, DIR all its files'),
  ),
  i: keyed(
    'interfaces',
    listOption('capture from an interface, or any: all at once; NAME:WORD,... says what is accounted of it'),
  ),
  'local-mac': listOption('MAC address on this side of a mirrored link: packets from it are egress, to it ingress'),
  'local-net': listOption('the same by addresses: ADDRESS/LENGTH'),
  'local-vlan': listOption('the same by the VLAN id that a tap gives packets from this side'),
  filter: valueOption('BPF filter, where it does not stand behind the options'),
  source: valueOption('packet reader: native, pcap or cap (npm packages)', 'native'),
  snaplen: valueOption('octets captured of each packet on an interface', '256'),
  'capture-buffer': valueOption('MiB of packets that the system holds for each interface while weir is busy', '64'),
  'capture-wait': valueOption('milliseconds that packets may gather before they are metered, 1 for at once', '100'),
  promiscuous: flagOption('take packets that are not for this host (interfaces)', true),
  speed: valueOption('replay at N times the speed of the capture, 1 as captured, 0 without pause', '0'),
  decap: flagOption('meter packets inside of tunnels: GRE, IP in IP, VXLAN, Geneve, GTP-U, MPLS, Teredo'),
  dedup: flagOption('leave out packets seen before, with the same TTL: for mirror ports that deliver twice'),
  'dedup-window': valueOption('milliseconds between a packet and its duplicate at most', `${DEDUP_WINDOW_MS}`),
  sampling: valueOption('meter one packet of N: N takes the first of each, N:random any', '1'),
};

type Inputs = Pick<
  ExportOptions,
  | 'files'
  | 'interfaces'
  | 'localMacs'
  | 'localNets'
  | 'localVlans'
  | 'filter'
  | 'source'
  | 'snapLength'
  | 'captureBufferMib'
  | 'captureWaitMs'
  | 'promiscuous'
  | 'speed'
  | 'sampling'
  | 'decap'
  | 'dedupMs'
>;

/** @param operands what stands on the command line without an option: the BPF filter */
export function parseInputs(values: OptionValues, operands: readonly string[]): Inputs {
  const files = values.list('r');
  const interfaces = values.list('i').map(parseInterface);
  if (files.length === 0 && interfaces.length === 0) {
    throw new UserError('nothing to read: give -r FILE or -i INTERFACE; see weir export --help');
  }
  if (files.length > 0 && interfaces.length > 0) throw new UserError('-r and -i exclude each other: give one of them');
  checkInterfaces(interfaces);
  const sides = ['local-mac', 'local-net', 'local-vlan'].filter((name) => values.list(name).length > 0);
  if (sides.length > 1) throw new UserError(`--${sides.join(' and --')} exclude each other: give one of them`);
  const speed = parseSpeed(values.text('speed'));
  if (speed > 0 && files.length === 0) throw new UserError('--speed is for capture files (-r)');
  const sampling = samplingOf(values.text('sampling'));
  if (values.flag('dedup') && sampling.rate > 1) {
    throw new UserError('--dedup needs to see every packet: it does not go with --sampling');
  }
  const dedupMs = values.whole('dedup-window', 1, 10_000);
  if (!values.flag('dedup') && dedupMs !== DEDUP_WINDOW_MS)
    throw new UserError('--dedup-window is about --dedup: give both');
  if (interfaces.some(countsOnce) && sampling.rate > 1) {
    throw new UserError('once needs to see every packet: it does not go with --sampling');
  }
  const filter = operands.join(' ').trim() || (values.text('filter') ?? '').trim();
  return {
    files,
    interfaces,
    localMacs: values.list('local-mac').map(localMacOf),
    localNets: values.list('local-net').map(localNetOf),
    localVlans: values.list('local-vlan').map((text) => wholeNumber('--local-vlan', text, 1, 4094)),
    ...(filter === '' ? {} : { filter }),
    source: values.choice('source', PACKET_SOURCES),
    snapLength: values.whole('snaplen', 64, 262_144),
    captureBufferMib: values.whole('capture-buffer', 1, 2047),
    captureWaitMs: values.whole('capture-wait', 1, 100),
    promiscuous: values.flag('promiscuous'),
    speed,
    sampling,
    decap: values.flag('decap'),
    ...(values.flag('dedup') ? { dedupMs } : {}),
  };
}

function checkInterfaces(interfaces: readonly CaptureInterface[]): void {
  const devices = interfaces.map(({ device }) => device);
  const twice = devices.find((device, i) => devices.indexOf(device) !== i);
  if (twice !== undefined) throw new UserError(`-i ${twice} is given twice: its packets would count twice`);
  if (devices.includes('any') && devices.length > 1) {
    throw new UserError('-i any has all interfaces: another -i would count its packets twice');
  }
}

function localMacOf(text: string): string {
  if (!/^[0-9a-f]{1,2}([:-][0-9a-f]{1,2}){5}$/i.test(text)) {
    throw new UserError(`--local-mac takes six octets, for example 02:00:5e:10:00:01, not "${text}"`);
  }
  return text.replaceAll('-', ':');
}

function localNetOf(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) {
    throw new UserError(`--local-net takes ADDRESS/LENGTH, for example 192.0.2.0/24, not "${text}"`);
  }
  return prefix;
}

function samplingOf(text: string | undefined): SamplingOptions {
  const match = /^(\d+)(:random)?$/.exec(text ?? '');
  const rate = Number(match?.[1]);
  if (match === null || rate < 1 || rate > 0xffff_ffff) {
    throw new UserError(`--sampling takes N or N:random with N from 1 to 4294967295, not "${text}"`);
  }
  return { rate, random: match[2] !== undefined };
}
