import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { splitWords } from '../support/run-dump.ts';

/**
 * Command lines whose answers must be nfdump's. Made from lists rather than written one by one, so that a whole part of
 * the language is asked about, not the part that came to mind.
 */

const FILTERS = `
any
ipv4
ipv6
not ipv4
not ipv4 and not ipv6
proto tcp
proto udp
proto icmp
proto 47
proto ICMP6
proto sctp
not proto tcp
proto tcp or proto udp
ip 10.0.0.3
host 192.0.2.1
src ip 10.0.1.5
dst ip 198.51.100.77
src host 10.1.0.2
ip 2001:db8:ffff::53
dst ip 2a00:1450:4001:82b::200e
ip in [ 192.0.2.1 198.51.100.77 ]
src ip in [ 10.0.0.0/24 10.2.1.0/24 ]
dst ip in [ 2001:db8:ffff::53, 192.0.2.1 ]
ip in [ 2001:db8::/32 172.16.1.0/24 ]
not ip in [ 10.0.0.0/8 ]
net 10.0.0.0/8
net 172.16.0.0/16
src net 10.1.0.0/16
dst net 172.16.2.0/24
net 10.0.0.0 255.255.255.0
net 2001:db8::/32
dst net 2001:db8:ffff::/48
src net 2001:db8:1::/48
port 443
src port 53
dst port 80
port > 60000
dst port < 100
src port >= 50000 and dst port <= 443
port = 22
port == 22
port eq 22
port gt 50000
port lt 23
port ge 443
port le 22
port in [ 22 25 53 ]
src port in [ 80,443 ]
dst port in [ 8080 123 ]
not port 443
icmp-type 8
icmp-code 3
icmp-type 3 and icmp-code 3
icmp-type > 100
flags S
flags SA
flags FSRPAU
flags X
not flags A
flags S and not flags A
flags SFP
flags = 2
flags > 20
flags 27
tos 0
tos 184
tos > 30
src tos 32
dst tos 46
packets > 1000
packets < 3
packets = 1
packets >= 100k
in packets > 1m
out packets > 100
out packets < 100
bytes > 1m
bytes < 1000
bytes > 100k and bytes < 10m
bytes >= 1g
in bytes > 1m
out bytes > 1m
duration > 60000
duration < 1
duration 0
duration >= 1000 and duration <= 60000
pps > 100
pps < 1
bps > 1m
bps = 0
bpp > 1000
bpp < 100
bpp >= 500 and bpp <= 800
as 559
src as 3303
dst as 15169
as > 64000
src as 0
as in [ 559 64512 ]
dst as in [ 13335,15169 ]
prev as 6939
next as 1299
prev as in [ 174 6939 ]
mask 24
src mask 48
dst mask 64
src mask 20
if 3
in if 1
out if 70001
in if 2 and out if 4
vlan 10
src vlan 4094
dst vlan 30
mac 02:00:5e:00:00:01
in src mac 02:00:5e:00:00:02
out dst mac 02:00:5e:10:00:01
in dst mac 02:00:5e:20:00:01
out src mac 02:00:5e:30:00:00
src mac 02:00:5e:30:00:01
dst mac 02:00:5e:10:00:03
in mac 02:00:5e:20:00:00
out mac 02:00:5e:30:00:00
next ip 192.168.0.2
next ip fe80::1
bgp next ip 172.31.0.1
next net 192.168.0.0/16
router ip 127.0.0.12
router ip 127.0.0.14
exporter ip 127.0.0.11
engine-type 1
engine-id 2
engine type 1 and engine id 2
flowdir ingress
flowdir egress
flowdir 1
fwdstat 64
fwdstat 66
ttl 31
min ttl 30
max ttl > 62
min ttl < 31
ttl equal
observation domain id 7
observation domain id 300
ingress vrf 1
egress vrf 2
nat ip 203.0.113.2
src nat ip 203.0.113.1
dst nat ip 198.51.100.2
nat net 203.0.113.0/24
nat port 443
src nat port > 30000
dst nat port 80
nat event ADD
nat event DELETE
nat event 4
mpls any 16001
fwdstat 0
not fwdstat 0
as 0
dst as <= 559
not as in [ 559 0 ]
engine-type 0
not engine id 0
asa event CREATE
asa event DELETE or asa event DENIED
asa event > 1
asa denied ingress
asa denied egress
asa denied nosyn
asa xevent 1003
nat event ADDPBLK
nat event DELPBLK
nat pblock start > 4000
nat pblock end <= 6000
nat pblock step 2
nat pblock size = 512
port in nat pblock
src port in nat pblock
dst port in nat pblock
not port in nat pblock
proto udp and not ( src port in nat pblock or nat pblock step 1 )
ingress acl 0x12343412
ingress acl 0x0a0b0b0a
egress acl 0x56787856
egress acl > 0x50000000
ingress acl < 1
ingress acl 0 or egress acl 0
not ingress acl 0x12343412
observation point id 2
observation point id > 1
tun ip 10.0.0.1
tun proto 47
in src mac 02:00:5e:00:00:01 and not out dst mac 02:00:5e:10:00:00
src ip 10.0.0.3 and not ( dst port 443 or dst port 53 ) and packets > 1
dst port in [ 22 80 443 ] and src net 10.0.0.0/8 and not flags R
packets > 10 and packets < 100 and bpp > 700
( src as 559 or src as 3303 ) and dst as 15169
ip 10.0.0.3 and ip 192.0.2.1
not ( ipv6 or proto udp ) and duration > 1000
proto TCP and ( flags S and not flags AFRPU )
src port > 1023 and dst port < 1024 and bytes > 10k
first seen >= 2026-11-20T10:00:10 and first seen <= 2026-11-20T10:00:20
host 192.0.2.1 and port 443 or host 198.51.100.77 and port 53
first seen > 2026-11-20T10:00:10
first seen < 2026-11-20T10:00:05
last seen > 2026-11-20T10:30:00
last seen < 2026-11-20T10:00:20
first seen > 2026-11-20T10:00:05 and last seen < 2026-11-20T10:01:00
( proto tcp and port 443 ) or ( proto udp and port 53 )
not ( proto tcp or proto udp )
proto tcp and ( src ip 10.0.0.3 or dst ip 10.0.0.3 )
proto tcp and flags S and not flags R and bytes > 1000
! proto tcp
PROTO TCP AND PORT 443
`
  .split('\n')
  .map((line) => line.trim())
  .filter((line) => line !== '');

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
  return linesOf('operators.txt');
}

/** What nfdump 1.7.8 refuses, but releases up to 1.7.4 answer. */
export function olderCommands(): string[][] {
  return linesOf('older.txt');
}

function linesOf(name: string): string[][] {
  return readFileSync(join(import.meta.dirname, name), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('# '))
    .map(splitWords);
}
