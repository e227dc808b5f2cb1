import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { splitWords } from '../support/run-dump.ts';

/**
 * Command lines whose answers must be nfdump's. Made from lists rather than written one by one, so that a whole part of
 * the language is asked about, not the part that came to mind.
 */

const FILTERS = linesOf('filters.txt');

/** Element statistics: names that both programs have data for. */
const STATISTICS =
  `srcip dstip ip nhip nhbip router srcport dstport port proto srctos dsttos tos dir srcas dstas as prevas nextas
inif outif if srcmask dstmask mask srcvlan dstvlan vlan insrcmac outdstmac indstmac outsrcmac srcmac dstmac inmac outmac mac
mpls1 mpls2 mpls3 mpls4 odid opid event xevent tunproto nat natsrcip natdstip natip natsrcport natdstport natport ivrf evrf minttl maxttl ethertype flags srcasn dstasn asn`.split(
    /\s+/,
  );

const ELEMENT_ORDERS = 'flows packets ipkg opkg bytes ibyte obyte pps ipps opps bps ibps obps bpp ibpp obpp'.split(' ');
const RECORD_ORDERS =
  'flows packets ipackets opackets bytes ibytes obytes pps ipps opps bps ibps obps bpp ibpp obpp tstart tend duration'.split(
    ' ',
  );

/** Orders in which many of the flows are equal. */
const TIED = /^(flows|o.*|.*pps|.*bps|duration)$/;

const GROUPINGS =
  `srcip dstip proto srcport dstport tos srctos dsttos srcip,dstip srcip,dstport proto,dstport srcip,proto
srcip,dstip,proto,srcport,dstport srcip4/24 dstip4/16 srcip4/24,dstip4/24 srcip4/8,proto srcip6/64 srcip6/48,dstip6/32
srcas dstas srcas,dstas nextas prevas inif outif inif,outif srcmask dstmask srcvlan dstvlan srcvlan,dstvlan
insrcmac outdstmac indstmac,outsrcmac mpls1 mpls1,mpls2 router next bgpnext odid minttl maxttl srcnet dstnet
xsrcip xdstip xsrcport xdstport xsrcip,xsrcport proto,srcport,dstport router,proto inif,srcip flags proto,flags`
    .split(/\s+/)
    .filter((one) => one !== '');

const FORMATS = [
  'line',
  'long',
  'extended',
  'biline',
  'bilong',
  'csv',
  'csv-fast',
  'line6',
  'long6',
  'extended6',
  'csv6',
  'null',
];

const TAGS =
  `%ts %te %tsr %ter %tsg %teg %td %tds %pkt %ipkt %opkt %byt %ibyt %obyt %fl %bps %pps %bpp %sa %da %sap %dap %sp %dp %it %ic
%sn %dn %nh %nhb %ra %pr %flg %tos %stos %dtos %fwd %in %out %smk %dmk %dir %bfd %end %sas %das %nas %pas %ttl %minttl %maxttl %vrf %ivrf
%evrf %svln %dvln %eth %ismc %odmc %idmc %osmc %mpls1 %mpls2 %mpls10 %mpls %evt %xevt %xsa %xda %nsa %nda %xsap %xdap %nsap %ndap %xsp %xdp %nsp
%ndp %odid %opid %msec %tevt %nfc %cl %sl %al %uname %iacl %eacl %pbstart %pbend %pbstep %pbsize %flid %isid %osid %nats %frag %inam %onam
%nfv %eng %sc %dc %gsa %gda %gsap %gdap %lbl %ja3 %ja4 %sni %tls %nbid %nbnam %ivrfnam %evrfnam %pfifn %pfact %pfrea %pfdir %pfrule %ipl %opl %sloc %dloc %sasn %dasn
%tfs %gra %idt`
    .split(/\s+/)
    .filter((one) => one !== '');

const WINDOWS = [
  '2026/11/20.10:00:05',
  '2026/11/20.10:00:05-2026/11/20.10:10:00',
  '2026/11/20.10:00:00-2026/11/20.10:00:30',
  '2026/11/20.10-2026/11/20.11',
  '2026/11/20',
  '2026/11',
  '2026',
  '2026/11/21',
];

/** Every command line, a list of arguments each; the flows to be read are added by whoever runs it. */
export function parityCommands(): string[][] {
  const n = ['-n', '12'];
  return [
    ...FILTERS.map((filter) => ['-o', 'null', filter]),
    ...['proto tcp and port 443', 'ipv6', 'src net 10.0.0.0/16', 'out packets > 0', 'nat event ADD'].flatMap((filter) =>
      ['line', 'extended', 'bilong'].map((format) => ['-o', format, '-c', '25', filter]),
    ),
    // Equal numbers of flows have no order of their own: all rows, compared as a set.
    ...STATISTICS.map((name) => ['-s', name, '-n', '0', 'bytes > 0']),
    ...STATISTICS.map((name) => ['-s', `${name}/bytes`, ...n]),
    ...STATISTICS.filter((_, i) => i % 4 === 0).map((name) => ['-s', `${name}:p/packets`, ...n]),
    ...STATISTICS.filter((_, i) => i % 6 === 1).map((name) => ['-s', `${name}/obyte`, ...n]),
    ...STATISTICS.filter((_, i) => i % 6 === 2).map((name) => ['-s', `${name}/bytes`, '-o', 'csv', ...n]),
    ...STATISTICS.filter((_, i) => i % 6 === 3).map((name) => ['-s', `${name}/ibyte`, '-N', ...n]),
    ...ELEMENT_ORDERS.map((order) => ['-s', `srcip/${order}`, ...(order === 'flows' ? ['-n', '0'] : n)]),
    ...ELEMENT_ORDERS.map((order) => ['-s', `dstport/${order}`, '-o', 'csv', '-n', order === 'flows' ? '0' : '8']),
    ...ELEMENT_ORDERS.map((order) => ['-s', `ip/${order}:a`, '-n', '0', 'bytes > 900m']),
    ['-s', 'srcip/bytes/packets/bps', '-n', '5'],
    ['-s', 'srcip/bytes', '-s', 'dstip/bytes', '-s', 'proto/bytes', '-n', '5'],
    ['-s', 'srcip/bytes', '-s', 'dstport/packets', '-s', 'record/bytes', '-n', '4'],
    ['-s', 'ip/bytes', '-6', ...n],
    ['-s', 'dstip/bytes', '-n', '0', '-q'],
    ['-s', 'srcip/bytes', '-q', '-o', 'csv', ...n],
    ['-s', 'srcip/bytes', '-T', ...n],
    ['-s', 'dstport/bytes', '-T', ...n],
    ['-s', 'flags/bytes', '-N', ...n],
    ['-s', 'srcip:p/bytes', '-o', 'csv', '-n', '0'],
    ['-s', 'proto/packets', '-o', 'csv'],
    ['-o', 'extended', '-c', '30', 'router ip 127.0.0.16'],
    ['-s', 'dstport/bytes', '-n', '0', 'router ip 127.0.0.16'],
    ['-s', 'record/bytes', '-n', '5', 'router ip 127.0.0.16 and packets > 1000'],
    ['-a', '-O', 'bytes', 'router ip 127.0.0.16'],
    ['-s', 'opid/bytes', '-s', 'xevent:p/bytes', '-n', '0'],
    ['-s', 'record', 'host 9.9.9.9'],
    ['-s', 'record/bytes/packets', '-n', '3', 'host 9.9.9.9'],
    ['-s', 'record/bytes', '-o', 'csv', 'host 9.9.9.9'],
    ['-s', 'record/bytes', '-A', 'srcip', 'host 9.9.9.9'],
    ['-s', 'record', '-s', 'srcip/bytes', 'host 9.9.9.9'],
    ['-q', '-s', 'record/bytes', 'host 9.9.9.9'],
    ['-b', 'host 9.9.9.9'],
    ['-a', '-o', 'fmt:%cl', '-n', '5'],
    ['-b', '-o', 'fmt:%sni|%ja3', 'proto udp'],
    ['-o', 'nsel', '-c', '20', 'asa event > 0'],
    ['-o', 'nsel', '-c', '20'],
    ['-o', 'nsel6', '-q', '-c', '5'],
    ['-o', 'long', '-c', '10', 'asa event > 0'],
    ...RECORD_ORDERS.map((order) => ['-s', `record/${order}`, ...(TIED.test(order) ? ['-n', '0', 'bytes > 700m'] : n)]),
    ...['bytes', 'packets', 'bps'].map((order) => ['-s', `record/${order}`, '-o', 'extended', ...n]),
    ['-s', 'record/bytes', '-o', 'csv', ...n],
    ['-s', 'record/bytes', '-A', 'srcip,dstip', ...n],
    ['-s', 'record/bytes', '-A', 'srcip4/24', ...n],
    ['-s', 'record/bytes/packets', '-n', '5', 'proto udp'],
    ...RECORD_ORDERS.map((order) => ['-O', order, ...(TIED.test(order) ? ['-n', '0', 'bytes > 700m'] : n)]),
    ...['bytes', 'packets', 'tstart', 'tend', 'duration', 'bpp'].flatMap((order) => [
      ['-O', `${order}:a`, '-n', '0', 'bytes > 700m'],
      ['-a', '-O', order, ...n],
    ]),
    ...GROUPINGS.map((list) => ['-A', list, '-O', 'bytes', ...n]),
    ...GROUPINGS.map((list) => ['-A', list]),
    ...GROUPINGS.filter((_, i) => i % 5 === 0).map((list) => ['-A', list, '-O', 'bytes', '-o', 'csv', ...n]),
    ...GROUPINGS.filter((_, i) => i % 5 === 1).map((list) => ['-A', list, '-O', 'packets', '-6', ...n]),
    ['-A', 'srcip,dstport', '-O', 'bytes', '-P', 'flows > 1'],
    ['-a', '-P', 'bytes > 1m'],
    ['-a', '-P', 'flags SA and tos 0'],
    ['-a', '-P', 'src as 559 or dst as 559'],
    ['-A', 'srcip', '-P', 'ip 10.0.0.3'],
    ['-A', 'proto,dstport', '-P', 'dst port 443 and proto tcp'],
    ['-a', '-O', 'bytes', '-P', 'packets > 1k', '-n', '20'],
    ['-A', 'srcip', '-O', 'bytes', '-o', 'fmt:%sa %byt %pkt %fl', ...n],
    ['-A', 'srcip,proto', '-O', 'bytes', '-o', 'csv:%sa,%pr,%byt', ...n],
    ['-a'],
    ['-a', '-o', 'extended'],
    ['-a', '-o', 'csv', '-c', '60'],
    ['-b'],
    ['-b', '-o', 'bilong'],
    ['-b', '-o', 'extended', '-c', '60'],
    ['-b', '-O', 'bytes', ...n],
    ['-b', '-O', 'tstart', ...n],
    ['-b', '-o', 'csv', '-c', '40'],
    ['-b', '-s', 'record/bytes', ...n],
    ['-b', 'proto tcp'],
    ['-b', '-6', '-c', '30'],
    ['-B'],
    ['-B', '-o', 'bilong'],
    ['-B', '-O', 'bytes', ...n],
    ['-B', 'proto udp'],
    ...FORMATS.flatMap((format) => [
      ['-o', format, '-c', '20'],
      ['-o', format, '-c', '8', 'ipv6'],
      ['-o', format, '-c', '5', 'nat event ADD'],
      ['-o', format, '-q', '-c', '3'],
    ]),
    ...['json', 'ndjson', 'raw'].flatMap((format) => [
      ['-o', format],
      ['-o', format, '-c', '20', 'ipv6'],
      ['-o', format, '-c', '7', 'proto icmp'],
      ['-o', format, 'nat event > 0'],
      ['-o', format, '-q', 'asa event > 0'],
      ['-o', format, '-c', '5', 'router ip 127.0.0.14'],
      ['-o', format, 'router ip 127.0.0.16'],
      ['-o', format, '-O', 'bytes', '-n', '15'],
      ['-o', format, '-s', 'record/bytes', '-n', '5'],
      ['-o', format, '-a', '-O', 'bytes', '-n', '5'],
      ['-o', format, '-N', '-6', '-c', '4', 'mpls any 16001'],
    ]),
    ...TAGS.flatMap((tag) => [
      ['-o', `fmt:${tag}`, '-c', '12', 'proto tcp'],
      ['-o', `fmt:|${tag}|`, '-c', '3', 'nat event 1'],
      ['-o', `fmt:|${tag}|`, '-c', '5', 'asa event > 0 or nat pblock size 512'],
      ['-o', `fmt:${tag} %byt`, '-c', '4', 'ipv6'],
    ]),
    ...TAGS.filter((tag) => !/ap$|^%ttl$|^%g|pl$|^%eth$/.test(tag)).map((tag) => [
      '-o',
      `csv:${tag},%byt`,
      '-c',
      '4',
      'packets > 5',
    ]),
    ['-o', 'fmt:%line|%ra|', '-c', '8'],
    ['-o', 'fmt:%extended %sas', '-c', '8'],
    ['-o', '%sa %da', '-c', '8'],
    ['-o', 'fmt:%sa%n%da', '-c', '4'],
    ['-o', 'fmt:%pkt %byt %bps %pps %bpp', '-N', '-c', '10'],
    ['-o', 'fmt:%pr %flg %td', '-N', '-c', '10'],
    ['-o', 'fmt:%sa %da %sap %dap', '-6', '-c', '10'],
    ['-T', '-c', '5'],
    ['-N', '-c', '10'],
    ['-q', '-c', '10'],
    ['-6', '-c', '10'],
    ['-6', '-N', '-q', '-o', 'extended', '-c', '6'],
    ['-c', '1'],
    ['-c', '17', 'proto udp'],
    ['-c', '1000'],
    ['-n', '5'],
    ['-n', '5', '-c', '10'],
    ...WINDOWS.flatMap((window) => [
      ['-t', window, '-o', 'null'],
      ['-t', window, '-s', 'proto/bytes'],
    ]),
    ['-I'],
    ['host 9.9.9.9'],
    ['-s', 'srcip', 'host 9.9.9.9'],
    ['-a', 'host 9.9.9.9'],
    ['-A', 'srcip', 'host 9.9.9.9'],
    ['-O', 'bytes', 'host 9.9.9.9'],
    ['-o', 'csv', 'host 9.9.9.9'],
    [
      '-o',
      'extended',
      '-s',
      'srcip',
      '-s',
      'ip/flows',
      '-s',
      'dstport/pps/packets/bytes',
      '-s',
      'record/bytes',
      '-n',
      '0',
    ],
    ['duration < 3500 and packets < 300 and bpp < 1000 and src as 559'],
    ['-m', '-c', '10'],
    ['-W', '1', '-o', 'null'],
    ['-D', '1.1.1.1', '-o', 'null'],
  ];
}

/**
 * What is asked of many flows: statistics and groups in orders in which no two of them are equal, cut where the table of
 * nfdump is many times larger.
 */
export function bulkCommands(): string[][] {
  const n = ['-n', '25'];
  const statistics = 'srcip dstip ip srcport dstport port proto srcas dstas as inif outif router srcvlan flags'.split(
    ' ',
  );
  const groupings = GROUPINGS.filter((list) => !/net|xsr|mpls/.test(list));
  const filters = ['proto tcp', 'ipv6 and bytes > 1m', 'src net 10.0.0.0/16 and not port 443', 'packets 5'];
  return [
    ...statistics.flatMap((name) => [
      ['-s', `${name}/bytes`, ...n],
      ['-s', `${name}/packets`, ...n, 'bytes > 100k'],
    ]),
    ...statistics.filter((_, i) => i % 3 === 0).map((name) => ['-s', `${name}:p/bytes`, ...n]),
    ...statistics.filter((_, i) => i % 3 === 1).map((name) => ['-s', `${name}/bytes`, '-o', 'csv', ...n]),
    ...['bps', 'pps', 'bpp'].map((order) => ['-s', `srcip/${order}`, ...n]),
    ...['bytes', 'packets', 'bps', 'tstart', 'tend'].map((order) => ['-s', `record/${order}`, ...n, 'bytes > 1m']),
    ...groupings.flatMap((list) => [
      ['-A', list, '-O', 'bytes', ...n],
      ['-A', list, '-s', 'record/bytes', ...n],
    ]),
    ...filters.flatMap((filter) => [
      ['-o', 'null', filter],
      ['-c', '40', filter],
      ['-O', 'bytes', ...n, filter],
      ['-a', '-O', 'bytes', ...n, filter],
      ['-s', 'ip/bytes', '-s', 'port/bytes', '-s', 'record/bytes', ...n, filter],
    ]),
  ];
}

/**
 * What operators type: a line each, as in cheat sheets, pages of NfSen, scripts and reports, of all versions, and with the
 * mistakes that people make. Lines that nfdump refuses are to be refused.
 */
export function operatorCommands(): string[][] {
  return linesOf('operators.txt').map(splitWords);
}

/** What nfdump 1.7.8 refuses, but releases up to 1.7.4 answer. */
export function olderCommands(): string[][] {
  return linesOf('older.txt').map(splitWords);
}

function linesOf(name: string): string[] {
  const lines = readFileSync(join(import.meta.dirname, name), 'utf8').split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('# '));
}
