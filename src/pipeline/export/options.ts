import type { FullPolicy } from '../../cache/flow-cache-options.ts';
import type { KeyFields } from '../../cache/key-fields.ts';
import type { NamedTimeouts } from '../../cache/timeout-presets.ts';
import type { CaptureInterface } from '../../capture/interface.ts';
import type { PacketSourceKind } from '../../capture/open.ts';
import type { Destination } from '../../export/destination.ts';
import type { ExportVersion } from '../../export/exporter-options.ts';
import type { InterfaceName, SamplingOptions } from '../../export/options.ts';
import type { TlsIdentity } from '../../export/tcp-connection.ts';
import type { TemplateSelection } from '../../export/templates.ts';
import type { Prefix } from '../../flow/prefix.ts';
import type { LogFormat } from '../daemon/log-output.ts';
import type { Identity } from '../daemon/privileges.ts';

/** What is sent to collectors, and how. */
export interface SendingOptions {
  /** HOST:PORT; each gets all flows, */
  destinations: string[];
  /** or its share of them. */
  balance: boolean;
  version: ExportVersion;
  template: TemplateSelection;
  /** Templates and options are sent again after so many seconds and datagrams. */
  refreshSeconds: number;
  refreshDatagrams: number;
  /** Names of interfaces in options data, before those that the system knows. */
  interfaceNames: InterfaceName[];
  sourceAddress?: string;
  /** Of datagrams: DiffServ code point, time to live, and the interface that multicast leaves by. */
  dscp?: number;
  ttl?: number;
  multicastInterface?: string;
  /** With a destination over TLS. */
  tls?: TlsIdentity;
  domain: number;
  /** Most flows in one message, by family. */
  maxRecords4?: number;
  maxRecords6?: number;
  /** Longest datagram payload in octets. */
  mtu?: number;
  /** 0: as fast as the socket takes them. */
  datagramsPerSecond: number;
}

export interface ExportOptions extends SendingOptions {
  /** Captures read one after another, as `-r` has them; exactly one of `files` and `interfaces` is not empty. */
  files: string[];
  /** Interfaces read at the same time. */
  interfaces: CaptureInterface[];
  /** MAC addresses, networks or VLANs on this side of a mirrored link; one kind at most. */
  localMacs: string[];
  localNets: Prefix[];
  localVlans: number[];
  /** BPF expression. */
  filter?: string;
  source: PacketSourceKind;
  snapLength: number;
  /** Of interfaces: MiB that the system holds for each, and milliseconds that packets may gather. */
  captureBufferMib: number;
  captureWaitMs: number;
  /** Of interfaces that do not say it themselves. */
  promiscuous: boolean;
  /** Files only: times the speed of the capture; 0: as fast as can be. */
  speed: number;
  sampling: SamplingOptions;
  /** Whether routes of this host are looked up; undefined leaves it to what is captured and sent. */
  routes?: boolean;
  /** MaxMind database of AS numbers. */
  asnFile?: string;
  /** Tunnels are opened: flows are of the packets inside. */
  decap: boolean;
  /** Packets seen twice within so many milliseconds are metered once. */
  dedupMs?: number;
  /** Who the process becomes once interfaces and sockets are open. */
  identity: Identity;
  /** Where flow files go. */
  directory?: string;
  /** Format of flows on standard output, as `weir dump -o` has them. */
  print?: string;
  intervalSec: number;
  layout: number;
  ident: string;
  timeouts: NamedTimeouts;
  /** What tells flows apart. */
  key: KeyFields;
  /** Both ways of a connection are one flow. */
  biflow: boolean;
  maxFlows: number;
  whenFull: FullPolicy;
  /** Threads that meter; 1: the main one. */
  workers: number;
  /** Live only: seconds between two lines about each interface, 0 for none. */
  statsSec: number;
  quiet: boolean;
  /** Where the settings come from, beside the command line: SIGHUP reads it again. */
  configFile?: string;
  /** Instead of standard error. */
  logFile?: string;
  logFormat: LogFormat;
  /** Where counters are served by HTTP. */
  metrics?: Destination;
  /** Path of the control socket, and the group that may use it beside its owner. */
  control?: string;
  controlGroup?: string;
  /** Nothing is read or sent: `check` finds what is wrong, `plan` prints what would be done as well. */
  preview?: 'check' | 'plan';
}
