import { readFileSync } from 'node:fs';

/** Words in place of numbers; names are asked for in lower case. */
export interface NumberNames {
  get(name: string): number | undefined;
  keys(): Iterable<string>;
}

/** Services that filters ask for most, so that they are known where there is no table of the system. */
const COMMON = `
ftp-data 20, ftp 21, ssh 22, telnet 23, smtp 25, time 37, whois 43, tacacs 49, domain 53, dns 53, bootps 67, dhcp 67,
bootpc 68, tftp 69, gopher 70, finger 79, http 80, www 80, kerberos 88, pop3 110, sunrpc 111, portmapper 111, ident 113,
nntp 119, ntp 123, epmap 135, netbios-ns 137, netbios-dgm 138, netbios-ssn 139, imap 143, imap2 143, snmp 161,
snmp-trap 162, bgp 179, irc 194, ldap 389, https 443, microsoft-ds 445, smb 445, kpasswd 464, submissions 465,
smtps 465, isakmp 500, ike 500, syslog 514, printer 515, rip 520, router 520, ripng 521, rtsp 554, submission 587,
ipp 631, ldaps 636, domain-s 853, rsync 873, ftps-data 989, ftps 990, telnets 992, imaps 993, pop3s 995, socks 1080,
openvpn 1194, ms-sql-s 1433, ms-sql-m 1434, l2f 1701, l2tp 1701, pptp 1723, radius 1812, radius-acct 1813, ssdp 1900,
nfs 2049, netflow 2055, mqtt 1883, git 9418, mysql 3306, rdp 3389, stun 3478, iscsi 3260, svn 3690, vxlan 4789,
ipsec-nat-t 4500, sip 5060, sips 5061, xmpp-client 5222, xmpp-server 5269, mdns 5353, postgresql 5432, amqps 5671,
amqp 5672, vnc 5900, coap 5683, x11 6000, geneve 6081, sflow 6343, redis 6379, gtp-user 2152, http-alt 8080,
wireguard 51820, ipfix 4739, iperf3 5201, elasticsearch 9200, prometheus 9090, mongodb 27017, bfd-control 3784,
diameter 3868, kafka 9092, mqtts 8883, memcached 11211, bittorrent 6881`;

const SYSTEM_TABLE = '/etc/services';

/**
 * Port numbers by service name. The table of the system, which is read when a name is asked for that is not among the
 * common ones, is the same for all protocols: the first port of a name counts.
 */
class ServiceNames implements NumberNames {
  private readonly common = new Map(
    COMMON.trim()
      .split(/,\s*/)
      .map((entry) => {
        const [name, port] = entry.split(' ');
        return [name!, Number(port)];
      }),
  );
  private system: Map<string, number> | undefined;

  get(name: string): number | undefined {
    return this.common.get(name) ?? this.ofSystem().get(name);
  }

  *keys(): Iterable<string> {
    yield* this.common.keys();
    yield* this.ofSystem().keys();
  }

  private ofSystem(): Map<string, number> {
    this.system ??= readServices();
    return this.system;
  }
}

function readServices(): Map<string, number> {
  let table: string;
  try {
    table = readFileSync(SYSTEM_TABLE, 'utf8');
  } catch {
    return new Map();
  }
  const ports = new Map<string, number>();
  for (const line of table.split('\n')) {
    const [name, port, ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/);
    const digits = /^(\d{1,5})\//.exec(port ?? '')?.[1];
    if (name === undefined || digits === undefined) continue;
    for (const one of [name, ...aliases]) {
      const known = one.toLowerCase();
      if (!ports.has(known)) ports.set(known, Number(digits));
    }
  }
  return ports;
}

export const serviceNames: NumberNames = new ServiceNames();
