import { flagOption, keyed, listOption, type OptionTable, valueOption } from '../config/option.ts';
import { type OptionValues, wholeNumber } from '../config/option-values.ts';
import { parseTemplateFields } from '../export/compose-template.ts';
import { type Collector, formatDestination, parseCollector } from '../export/destination.ts';
import { MAX_RECORDS } from '../export/exporter-options.ts';
import type { InterfaceName } from '../export/options.ts';
import { type TemplateSelection, templatePresets } from '../export/templates.ts';
import { UserError } from '../flow/user-error.ts';
import type { SendingOptions } from '../pipeline/export/options.ts';
import { MAX_DATAGRAM_BYTES } from '../wire/protocol.ts';
import { parseTls, tlsOptions } from './export-tls.ts';

/** What is sent to collectors, and how. */
export const sendingOptions: OptionTable = {
  n: keyed(
    'collectors',
    listOption('send flows to HOST:PORT over UDP, or to tcp:// or tls://HOST:PORT; each gets all flows'),
  ),
  balance: flagOption('each destination gets a share of the flows'),
  v: keyed(
    'export-version',
    valueOption('export version: 5, 9 or 10 (IPFIX) [default: 9; with tcp://, tls:// or --biflow 10]'),
  ),
  template: valueOption(`fields sent (v9, IPFIX): ${templatePresets.join(', ')}`, 'default'),
  fields: valueOption(
    'fields sent, NAME[:LENGTH],...: IANA element names, names of weir or numbers; not with --template',
  ),
  'refresh-seconds': valueOption('seconds after which templates and options are sent again', '60'),
  'refresh-packets': valueOption('datagrams after which they are sent again', '256'),
  domain: valueOption('v9 source id, IPFIX domain, v5 engine', '0'),
  mtu: valueOption('largest datagram payload in octets [default: 1472, IPv6 1452]'),
  'max-records4': valueOption('flows of IPv4 in one message at most [default: as many as fit]'),
  'max-records6': valueOption('and of IPv6'),
  rate: valueOption('datagrams sent a second at most, 0 without limit', '0'),
  'source-address': valueOption('address of this host to send from'),
  dscp: valueOption('DiffServ code point of datagrams, 0 to 63'),
  ttl: valueOption('time to live of datagrams, also of multicast [default: the system decides, multicast 1]'),
  'multicast-interface': valueOption('interface that multicast leaves by [default: by the routes]'),
  'if-name': listOption('INDEX=NAME: name of an interface in options data [default: the system names them]'),
  ...tlsOptions,
};

export async function parseSending(values: OptionValues): Promise<SendingOptions> {
  const destinations = values.list('n');
  const collectors = destinations.map(parseCollector);
  const ways = new Set(collectors.map(({ transport }) => transport));
  const isConnected = ways.has('tcp') || ways.has('tls');
  const biflow = values.flag('biflow');
  const version = wholeNumber('-v', values.text('v') ?? (isConnected || biflow ? '10' : '9'), 5, 10);
  if (version !== 5 && version !== 9 && version !== 10) {
    throw new UserError(`-v takes 5, 9 or 10 (IPFIX), not ${version}`);
  }
  if (biflow && version !== 10 && destinations.length > 0) {
    throw new UserError('NetFlow v5 and v9 know no flows of both ways: use -v 10 (IPFIX) with --biflow');
  }
  if (isConnected && version === 5) {
    throw new UserError('NetFlow v5 goes over UDP only: use -v 10 or 9 with tcp:// and tls://');
  }
  const balance = values.flag('balance');
  if (balance && destinations.length < 2) throw new UserError('--balance shares flows among several -n HOST:PORT');
  if (!balance) refuseTwice(collectors);
  const datagrams = datagramSettings(values, destinations.length === 0 || ways.has('udp'));
  const maxRecords4 = values.wholeIfGiven('max-records4', 1, MAX_RECORDS);
  const maxRecords6 = values.wholeIfGiven('max-records6', 1, MAX_RECORDS);
  const tls = await parseTls(values, ways.has('tls'));
  const mtu = values.wholeIfGiven('mtu', 576, MAX_DATAGRAM_BYTES);
  const sourceAddress = values.text('source-address');
  return {
    destinations,
    balance,
    version,
    template: templateOf(values, version),
    refreshSeconds: values.whole('refresh-seconds', 1, 86_400),
    refreshDatagrams: values.whole('refresh-packets', 1, 0xffff_ffff),
    domain: values.whole('domain', 0, 0xffff_ffff),
    ...(mtu === undefined ? {} : { mtu }),
    datagramsPerSecond: values.whole('rate', 0, 10_000_000),
    ...(sourceAddress === undefined ? {} : { sourceAddress }),
    ...datagrams,
    ...(maxRecords4 === undefined ? {} : { maxRecords4 }),
    ...(maxRecords6 === undefined ? {} : { maxRecords6 }),
    ...(tls === undefined ? {} : { tls }),
    interfaceNames: values.list('if-name').map(interfaceNameOf),
  };
}

/** With --balance it would mean something: two shares. */
function refuseTwice(collectors: readonly Collector[]): void {
  const texts = collectors.map(({ transport, ...destination }) => `${transport}://${formatDestination(destination)}`);
  const twice = texts.find((text, i) => texts.indexOf(text) !== i);
  if (twice !== undefined) throw new UserError(`-n ${twice} is given twice: it would get every flow twice`);
}

function datagramSettings(
  values: OptionValues,
  hasUdp: boolean,
): Pick<SendingOptions, 'dscp' | 'ttl' | 'multicastInterface'> {
  const dscp = values.wholeIfGiven('dscp', 0, 63);
  const ttl = values.wholeIfGiven('ttl', 1, 255);
  const multicastInterface = values.text('multicast-interface');
  if (!hasUdp && (dscp ?? ttl ?? multicastInterface) !== undefined) {
    throw new UserError('--dscp, --ttl and --multicast-interface are for datagrams: there is no -n that goes over UDP');
  }
  return {
    ...(dscp === undefined ? {} : { dscp }),
    ...(ttl === undefined ? {} : { ttl }),
    ...(multicastInterface === undefined ? {} : { multicastInterface }),
  };
}

function templateOf(values: OptionValues, version: number): TemplateSelection {
  const preset = values.choice('template', templatePresets);
  const fields = values.text('fields');
  if (fields === undefined) return preset;
  if (preset !== 'default') throw new UserError('--fields and --template both say what is sent: give one of them');
  if (version === 5) throw new UserError('NetFlow v5 has fixed fields: use -v 9 or 10 with --fields');
  return parseTemplateFields(fields);
}

function interfaceNameOf(text: string): InterfaceName {
  const [, index = '', name = ''] = /^(\d+)=(.+)$/s.exec(text) ?? [];
  if (index === '' || Number(index) > 0xffff_ffff) {
    throw new UserError(`--if-name takes INDEX=NAME, for example 2=uplink, not "${text}"`);
  }
  return { index: Number(index), name };
}
