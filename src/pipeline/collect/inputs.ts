import type { DatagramStats } from '../../addon/datagram-source.ts';
import type { DatagramInput } from '../../collect/datagram-input.ts';
import type { DatagramSlot } from '../../collect/datagram-slot.ts';
import { DatagramReader } from '../../collect/listener.ts';
import type { SenderGate } from '../../collect/sender-gate.ts';
import type { SessionListener, SessionStats, TlsIdentity } from '../../collect/session-listener.ts';
import type { Log } from '../daemon/log.ts';
import type { ListenEndpoint } from './listen-endpoint.ts';

export interface InputOptions {
  /** Captures to read datagrams from instead of the network; empty: listen. */
  readonly files: string[];
  /** Interface whose datagrams are taken, whoever they are addressed to, instead of listening. */
  readonly device?: string;
  /** Of files and the interface: ports whose datagrams are taken; of files empty for all. */
  readonly ports: number[];
  readonly listeners: readonly ListenEndpoint[];
  readonly receiveBufferBytes: number;
  /** Receiving threads of each listener of datagrams. */
  readonly workers: number;
  /** For the listeners of TLS. */
  readonly tls?: TlsIdentity;
}

/** What reached the process: datagrams and messages of connections together, and the account of the connections. */
export interface InputStats extends DatagramStats {
  readonly sessions?: SessionStats;
  /** Turned away by --allow and --exporter-rate; `datagrams` counts them, too. */
  readonly denied: number;
  readonly throttled: number;
}

/** Listeners of the addon, and those of connections. */
export interface BoundListener {
  readonly endpoint: ListenEndpoint;
  /** Receive buffer granted, octets; of datagrams only. */
  readonly receiveBufferBytes?: number;
}

/** A file waits for its reader, so there is no burst to make room for, and few slots stay in the processor's cache. */
const FILE_SLOTS = 4;
/** Slots of a megabyte for bursts, and those that threads are filling. */
const SLOTS = 11;
const SLOTS_PER_WORKER = 1;
const NO_DATAGRAMS: DatagramStats = {
  datagrams: 0,
  bytes: 0,
  kernelDropped: 0,
  queueDropped: 0,
  skippedPackets: 0,
  receiveBufferBytes: [],
  ports: [],
  bytesRead: 0,
  bytesTotal: 0,
};

/** Everything that `weir collect` takes datagrams from, as one. */
export class CollectInputs {
  /** As bound: a port 0 is the one that the system chose. */
  readonly bound: readonly BoundListener[];
  private readonly datagrams: DatagramReader | undefined;
  private readonly sessions: SessionListener | undefined;
  private readonly gate: SenderGate;

  private constructor(
    options: InputOptions,
    gate: SenderGate,
    datagrams: DatagramReader | undefined,
    sessions: SessionListener | undefined,
  ) {
    this.gate = gate;
    this.datagrams = datagrams;
    this.sessions = sessions;
    const { ports = [], receiveBufferBytes = [] } = datagrams?.stats() ?? {};
    const isUdp = ({ transport }: ListenEndpoint) => transport === 'udp';
    this.bound = [
      ...options.listeners.filter(isUdp).map((endpoint, i) => ({
        endpoint: { ...endpoint, port: ports[i] ?? endpoint.port },
        receiveBufferBytes: receiveBufferBytes[i] ?? 0,
      })),
      ...options.listeners
        .filter((endpoint) => !isUdp(endpoint))
        .map((endpoint, i) => ({ endpoint: { ...endpoint, port: sessions!.ports[i]! } })),
    ];
  }

  /** Binds the sockets or opens the files. Throws UserError naming what cannot be opened and the remedy. */
  static async open(options: InputOptions, gate: SenderGate, log: Log): Promise<CollectInputs> {
    const { files, device, ports, listeners, receiveBufferBytes, workers, tls } = options;
    if (files.length > 0) {
      const reader = new DatagramReader({ files, ports, slotCount: FILE_SLOTS });
      return new CollectInputs(options, gate, reader, undefined);
    }
    if (device !== undefined) {
      const reader = new DatagramReader({ device, ports, deviceBufferBytes: receiveBufferBytes });
      return new CollectInputs(options, gate, reader, undefined);
    }
    const udp = listeners.filter(({ transport }) => transport === 'udp');
    const others = listeners.filter(({ transport }) => transport !== 'udp');
    const datagrams =
      udp.length === 0
        ? undefined
        : new DatagramReader({
            listeners: udp.map(({ host, port }) => ({ host, port, receiveBufferBytes, workers })),
            slotCount: SLOTS + SLOTS_PER_WORKER * udp.length * workers,
          });
    if (others.length === 0) return new CollectInputs(options, gate, datagrams, undefined);
    try {
      // Loaded only where it is needed: it brings TLS along.
      const { SessionListener } = await import('../../collect/session-listener.ts');
      const sessions = await SessionListener.open({
        endpoints: others.map(({ transport, host, port }) => ({
          host,
          port,
          ...(transport === 'tls' && tls !== undefined ? { tls } : {}),
        })),
        firstListener: udp.length,
        allows: (address) => gate.allows(address),
        log,
      });
      return new CollectInputs(options, gate, datagrams, sessions);
    } catch (error) {
      datagrams?.stop();
      throw error;
    }
  }

  /**
   * Gives every slot to `take`, one at a time and of each input in order, until all have ended. The first failure of
   * `take` ends the inputs and is thrown once they have.
   */
  async readAll(take: (slot: DatagramSlot, count: number) => Promise<void> | undefined): Promise<void> {
    let busy: Promise<void> | undefined;
    let failure: { readonly error: unknown } | undefined;
    const pump = async (input: DatagramInput) => {
      for (;;) {
        const index = input.tryRead() ?? (await input.read());
        if (index === undefined) return;
        while (busy !== undefined) await busy;
        if (failure === undefined) {
          const slot = input.slots[index]!;
          try {
            const taken = take(slot, this.gate.pass(slot, input.count(index)));
            if (taken !== undefined) {
              // Who waits for a turn is not to fail for another.
              busy = taken.then(nothing, nothing);
              await taken;
            }
          } catch (error) {
            failure = { error };
            this.stop();
          } finally {
            busy = undefined;
          }
        }
        input.release(index);
      }
    };
    await Promise.all([this.datagrams, this.sessions].filter((input) => input !== undefined).map(pump));
    if (failure !== undefined) throw (failure as { readonly error: unknown }).error;
  }

  /** Ends receiving; what has been received still comes out of `readAll`. */
  stop(): void {
    this.datagrams?.stop();
    this.sessions?.stop();
  }

  /** After the end: why it came early, or null. */
  failure(): string | null {
    return this.datagrams?.failure() ?? null;
  }

  stats(): InputStats {
    const { denied, throttled } = this.gate;
    const received = this.datagrams?.stats() ?? NO_DATAGRAMS;
    if (this.sessions === undefined) return { ...received, denied, throttled };
    const sessions = this.sessions.sessionStats();
    return {
      ...received,
      datagrams: received.datagrams + sessions.messages,
      bytes: received.bytes + sessions.octets,
      denied,
      throttled,
      sessions,
    };
  }
}

function nothing(): void {}
