import type { ColumnName } from '../../flow/fields.ts';
import { extendedEventName, firewallEventName, natEventName } from '../names.ts';
import { address, addressPort, asNumber, dstPort, location, network, place } from './address-cells.ts';
import {
  bytesAPacket,
  type Cell,
  type CellMaker,
  computed,
  constant,
  counter,
  duration,
  integer,
  label,
  mac,
  millisecondsCell,
  mplsEntry,
  mplsStack,
  protocol,
  rateOf,
  tcpFlags,
  time,
} from './cells.ts';
import { application, exporterName } from './exporter-name.ts';
import {
  applicationId,
  applicationName,
  egressAcl,
  extraNumber,
  extraObject,
  extraText,
  fileIdent,
  fragmentText,
  ingressAcl,
  latency,
  observationDomain,
  observationPoint,
} from './extra-cells.ts';
import { writeWide } from './numbers.ts';
import type { TextBlock } from './text.ts';

/** One `%tag` of -o fmt: and csv:. */
export interface Tag {
  readonly name: string;
  /** Heading of text output, exactly as wide as nfdump prints it. */
  readonly heading: string;
  /** Heading of CSV output; undefined where CSV has no such column. */
  readonly csv: string | undefined;
  /** With -6 the heading grows as the addresses do. */
  readonly isAddress: boolean;
  readonly cell: CellMaker;
}

export const tagByName = new Map<string, Tag>();

function tag(names: string, heading: string, csv: string | undefined, cell: CellMaker, isAddress = false): void {
  for (const name of names.split(' ')) tagByName.set(name, { name, heading, csv, isAddress, cell });
}

// Record.
tag(
  '%nfv',
  'Ver',
  'version',
  label('exportVersion', (version, { csv }) => (version === 0 ? 'FLO' : `${csv ? 'netflowV' : 'Nv'}${version}`)),
);
tag('%cnt', 'Count', 'count', ({ csv }) => ({
  needs: [],
  bind: (_chunk, firstRow) => (out, row) => out.uint(firstRow + row + 1, csv ? 0 : 5),
}));
tag('%idt', 'Ident       ', 'Ident', fileIdent);
tag('%eng', ' engine', 'engine', ({ csv }) => ({
  needs: ['domain', 'exportVersion'],
  bind: (chunk) => {
    const domains = chunk.narrow('domain');
    const versions = chunk.narrow('exportVersion');
    return (out, row) => {
      const word = versions[row]! <= 9 ? domains[row]! : 0;
      out.uint((word >> 8) & 255, csv ? 0 : 3);
      out.byte(0x2f);
      out.uintLeft(word & 255, csv ? 0 : 3);
    };
  },
}));
tag('%exp', 'Exp ID', 'exporterID', constant('     0', '0'));

// Times.
tag('%ts %tfs', 'Date first seen        ', 'firstSeen', time('firstMs', 'local'));
tag('%tsr', 'First seen raw', 'firstSeen', time('firstMs', 'raw'));
tag('%tsg', 'First seen GMT         ', 'firstSeen', time('firstMs', 'utc'));
tag('%te', 'Date last seen         ', 'lastSeen', time('lastMs', 'local'));
tag('%ter', 'Last seen raw ', 'lastSeen', time('lastMs', 'raw'));
tag('%teg', 'Last seen GMT          ', 'lastSeen', time('lastMs', 'utc'));
tag('%tr', 'Date flow received     ', 'received', time('receivedMs', 'local'));
tag('%trr', 'Received raw  ', 'received', time('receivedMs', 'raw'));
tag('%trg', 'Date flow received GMT ', 'received', time('receivedMs', 'utc'));
tag('%td', 'Duration        ', 'duration', duration());
tag('%tds', 'Duration        ', 'duration', duration('seconds'));
tag('%tevt', 'Event time             ', 'eventTime', time('eventMs', 'local'));
tag('%msec', '   Event Time', 'eventTime', millisecondsCell('eventMs', 13));

// Counters.
tag('%pkt', ' Packets', 'packets', counter('packets'));
tag('%ipkt', '  In Pkt', 'inPackets', counter('packets'));
tag('%opkt', ' Out Pkt', 'outPackets', counter('outPackets'));
tag('%byt', '   Bytes', 'bytes', counter('octets'));
tag('%ibyt', ' In Byte', 'inBytes', counter('octets'));
tag('%obyt', 'Out Byte', 'outBytes', counter('outOctets'));
tag('%fl', 'Flows', 'flows', integer('flows', 5));
tag('%bps', '     bps', 'bps', rateOf('octets', 8000));
tag('%pps', '     pps', 'pps', rateOf('packets', 1000));
tag('%bpp', '   Bpp', 'bpp', bytesAPacket);

// Addresses and ports.
tag('%sa', '     Src IP Addr', 'srcAddr', address('srcAddr'), true);
tag('%da', '     Dst IP Addr', 'dstAddr', address('dstAddr'), true);
tag('%gsa', '     Src IP Addr(..)', undefined, address('srcAddr', true), true);
tag('%gda', '     Dst IP Addr(..)', undefined, address('dstAddr', true), true);
tag('%sap', '     Src IP Addr:Port ', undefined, addressPort('srcAddr', 'srcPort'), true);
tag('%dap', '     Dst IP Addr:Port ', undefined, addressPort('dstAddr', 'dstPort'), true);
tag('%gsap', '     Src IP Addr(..):Port ', undefined, addressPort('srcAddr', 'srcPort', true), true);
tag('%gdap', '     Dst IP Addr(..):Port ', undefined, addressPort('dstAddr', 'dstPort', true), true);
tag('%sp', 'Src Pt', 'srcPort', integer('srcPort', 6));
tag('%dp', 'Dst Pt', 'dstPort', dstPort);
tag(
  '%it',
  'ICMP-T',
  'icmpTYpe',
  computed('dstPort', 6, (word) => word >> 8),
);
tag(
  '%ic',
  'ICMP-C',
  'icmpCode',
  computed('dstPort', 6, (word) => word & 255),
);
tag('%sn', '        Src Network', 'srcNet', network('srcAddr', 'srcMask'), true);
tag('%dn', '        Dst Network', 'dstNet', network('dstAddr', 'dstMask'), true);
tag('%nh', '     Next-hop IP', 'nextIP', address('nextHop'), true);
tag('%nhb', ' BGP next-hop IP', 'bgpNextIP', address('bgpNextHop'), true);
tag('%ra', '       Router IP', 'routerIP', address('exporter'), true);
tag('%gra', '       Router IP(..)', undefined, address('exporter', true), true);

// IP and routing.
tag('%pr', 'Proto', 'proto', protocol);
tag('%flg', '   Flags', 'flags', tcpFlags);
tag('%tos', ' Tos', 'tos', integer('tos', 4));
tag('%stos', 'STos', 'srcTos', integer('tos', 4));
tag('%dtos', 'DTos', 'dstTos', integer('dstTos', 4));
tag('%fwd', 'Fwd', 'fwdStatus', integer('forwardingStatus', 3));
tag('%in', ' Input', 'input', integer('inIf', 6));
tag('%out', 'Output', 'output', integer('outIf', 6));
tag('%inam', ' Input interface name', 'inIfName', exporterName('interfaces', 'inIf', 21));
tag('%onam', 'Output interface name', 'outIfName', exporterName('interfaces', 'outIf', 21));
tag('%app', '         Application', 'application', application(20));
tag('%extra', 'Extra', 'extra', extraObject);
tag('%smk', 'SMask', 'srcMask', integer('srcMask', 5));
tag('%dmk', 'DMask', 'dstMask', integer('dstMask', 5));
tag(
  '%dir',
  'Dir',
  'direction',
  label('direction', (value, { csv }) => `${csv ? '' : '  '}${value === 1 ? 'E' : 'I'}`),
);
tag('%bfd', 'Bfd', 'biDirection', constant('  0'));
tag('%end', 'End', 'endReason', integer('endReason', 3));
tag('%sas', 'Src AS', 'srcAS', asNumber('srcAs', 'srcAddr'));
tag('%das', 'Dst AS', 'dstAS', asNumber('dstAs', 'dstAddr'));
tag('%nas', 'Next AS', 'nextAS', integer('nextAs', 7));
tag('%pas', 'Prev AS', 'prevAS', integer('prevAs', 7));
tag('%ttl', 'min/maxTTL', undefined, () => ({
  needs: ['minTtl', 'maxTtl'],
  bind: (chunk) => {
    const least = chunk.narrow('minTtl');
    const most = chunk.narrow('maxTtl');
    return (out, row) => {
      out.uint(least[row]!, 5);
      out.uint(most[row]!, 6);
    };
  },
}));
tag('%minttl', 'minTTL', 'minTTL', integer('minTtl', 6));
tag('%maxttl', 'maxTTL', 'maxTTL', integer('maxTtl', 6));
tag('%vrf %ivrf', '  I-VRF-ID', 'ingressVrfID', integer('ingressVrf', 10));
tag('%evrf', '  E-VRF-ID', 'egressVrfID', integer('egressVrf', 10));
tag('%lbl', '           label', 'label', constant('          <none>'));

// Link layer.
tag('%svln', 'SVlan', 'srcVlan', integer('srcVlan', 5));
tag('%dvln', 'DVlan', 'dstVlan', integer('dstVlan', 5));
tag(
  '%eth',
  'EtherType',
  undefined,
  label('etherType', (value) => `0x${value.toString(16).padStart(4, '0')}`),
);
tag('%ismc', '  In src MAC Addr', 'inSrcMac', mac('inSrcMac'));
tag('%odmc', ' Out dst MAC Addr', 'outDstMac', mac('outDstMac'));
tag('%idmc', '  In dst MAC Addr', 'inDstMac', mac('inDstMac'));
tag('%osmc', ' Out src MAC Addr', 'outSrcMac', mac('outSrcMac'));
const mplsColumns = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => `mpls${n}` as ColumnName);
for (const [index, name] of mplsColumns.entries()) {
  tag(`%mpls${index + 1}`, ` MPLS lbl ${index + 1}`.padEnd(12), `mplsLabel${index + 1}`, mplsEntry(name));
}
tag(
  '%mpls',
  '                                               MPLS labels 1-10                                                                   ',
  'mplsLabel1-10',
  mplsStack,
);

// Events and address translation.
tag('%evt %nevt', '   Event', 'event', (style) => ({
  needs: ['firewallEvent', 'natEvent'],
  bind: (chunk) => {
    const firewall = chunk.narrow('firewallEvent');
    const nat = chunk.narrow('natEvent');
    return (out, row) => {
      const event = firewall[row]!;
      if (style.plain || style.csv) out.uint(event === 0 ? nat[row]! : event);
      else if (event !== 0) out.right(firewallEventName(event), 8);
      else out.right(nat[row] === 0 ? '<no-evt>' : natEventName(nat[row]!), 8);
    };
  },
}));
tag('%xevt', ' XEvent', 'xEvent', ({ csv }) => ({
  needs: ['firewallEvent', 'firewallExtEvent'],
  bind: (chunk) => {
    const [firewall, extended] = [chunk.narrow('firewallEvent'), chunk.narrow('firewallExtEvent')];
    return (out, row) => {
      if ((firewall[row]! | extended[row]!) === 0) out.ascii(csv ? 'no-evt' : '<no-evt>');
      else out.right(extendedEventName(extended[row]!), csv ? 0 : 7);
    };
  },
}));
tag('%xsa %nsa', '   X-late Src IP', 'srcXIP', address('natSrcAddr'));
tag('%xda %nda', '   X-late Dst IP', 'dstXIP', address('natDstAddr'));
tag('%xsap %nsap', '   X-Src IP Addr:Port ', undefined, addressPort('natSrcAddr', 'natSrcPort'), true);
tag('%xdap %ndap', '   X-Dst IP Addr:Port ', undefined, addressPort('natDstAddr', 'natDstPort'), true);
tag('%xsp %nsp', 'XsPort', 'srcXPort', integer('natSrcPort', 6));
tag('%xdp %ndp', 'XdPort', 'dstXPort', integer('natDstPort', 6));
tag('%odid', 'obsDomainID', 'obsDomainID', observationDomain);

// Of elements without a column, and data that weir does not store: what nfdump prints for a record without it.
// One element (148) under two names: a firewall's connection in v9, a flow elsewhere.
const ofVersion = (isV9: boolean, write: (out: TextBlock, words: Uint32Array, row: number) => void): Cell => ({
  needs: ['flowId', 'exportVersion'],
  bind: (chunk) => {
    const [words, versions] = [chunk.words('flowId'), chunk.narrow('exportVersion')];
    const none = new Uint32Array(2);
    return (out, row) => ((versions[row] === 9) === isV9 ? write(out, words, row) : write(out, none, 0));
  },
});
tag('%nfc', '   Conn-ID', 'connectionID', ({ csv }) =>
  ofVersion(true, (out, words, row) => writeWide(out, words, row, csv ? 0 : 10)),
);
tag('%flid', '               flowID', 'flowID', ({ csv }) =>
  ofVersion(false, (out, words, row) => {
    out.ascii('0x');
    writeWide(out, words, row, csv ? 0 : 13);
  }),
);
tag('%opid', '  obsPointID', 'obsPointID', observationPoint);
tag('%frag', 'Frag', 'Frag', label('fragmentFlags', fragmentText));
tag('%cl', 'C Latency', 'clientLatency', latency('57554', '57555', '57595'));
tag('%sl', 'S latency', 'serverLatency', latency('57556', '57557', '57596'));
tag('%al', 'A latency', 'appLatency', latency('57558', '57559', '57597'));
tag('%sgt', '  SGT', 'securityGroupTag', extraNumber('34000', 5));
tag('%uname', 'UserName', 'nselUser', extraText('40000', '<empty>'));
tag('%ipl', 'Input Payload', undefined, constant('<no payload>'));
tag('%opl', 'Output Payload', undefined, constant('<no payload>'));
tag('%nbid', 'nbar ID', 'nbarID', applicationId);
tag('%nbnam', 'nbar name', 'nbarName', applicationName);
tag('%iacl', 'Ingress ACL                     ', 'ingressACL', ingressAcl);
tag('%eacl', 'Egress ACL                      ', 'egressACL', egressAcl);
tag('%pbstart', 'Pb-Start', 'pbStart', extraNumber('portRangeStart', 7));
tag('%pbend', 'Pb-End', 'pbEnd', extraNumber('portRangeEnd', 7));
tag('%pbstep', 'Pb-Step', 'pbStep', extraNumber('portRangeStepSize', 7));
tag('%pbsize', 'Pb-Size', 'pbSize', extraNumber('portRangeNumPorts', 7));
tag('%isid', ' inSrvID', 'inSrvID', constant('       0'));
tag('%osid', 'outSrvID', 'outSrvID', constant('       0'));
tag('%nats', 'nat string', 'natString', constant('<unknown>'));
tag('%ja3', 'ja3'.padStart(38), 'ja3', constant('no ja3'.padStart(38), 'no-ja3'));
tag('%ja4', 'ja4'.padStart(38), 'ja4', constant('no ja4'.padStart(38), 'no-ja4'));
tag('%sni', 'sni name', 'sniName', constant('   0'));
tag('%tls', 'TLS ver', 'tlsVersion', constant('   0'));
tag('%ivrfnam', '  I-VRF-Name', 'ingressVrfName', exporterName('vrfs', 'ingressVrf', 12));
tag('%evrfnam', '  E-VRF-Name', 'egressVrfName', exporterName('vrfs', 'egressVrf', 12));
tag('%pfifn', 'interface', 'pfInterface', constant('  <no-pf>'));
tag('%pfact', 'action', 'pfAction', constant('<no-pf>', 'no-pf'));
tag('%pfrea', 'reason', 'pfReason', constant('<no-pf>', 'no-pf'));
tag('%pfdir', 'dir', 'pfDirection', constant('<no pfinfo>', 'no pfinfo'));
tag('%pfrule', 'rule', 'pfRule', constant('   0'));
tag('%sasn', 'Src AS organisation           ', 'srcOrg', place('srcAddr', 'organisation', 30, 'none', ''));
tag('%dasn', 'Dst AS organisation           ', 'dstOrg', place('dstAddr', 'organisation', 30, 'none', ''));
tag('%stor', 'STor', 'srcTor', constant('  ', ''));
tag('%dtor', 'DTor', 'dstTor', constant('  ', ''));
tag('%sc', 'SC', 'srcGeo', place('srcAddr', 'country', 2, '..'));
tag('%dc', 'DC', 'dstGeo', place('dstAddr', 'country', 2, '..'));
tag('%sloc', 'Src IP location info', 'srcLocation', location('srcAddr'));
tag('%dloc', 'Dst IP location info', 'dstLocation', location('dstAddr'));
