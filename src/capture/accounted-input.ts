import { P_INPUT, P_META, P_META_DIRECTION_KNOWN, P_META_EGRESS, PACKET_WORDS } from '../addon/packet-layout.ts';
import type { PacketStats } from '../addon/packet-source.ts';
import { CONF_EGRESS, CONF_INGRESS } from './interface.ts';
import type { LocalNets } from './local-nets.ts';
import type { LocalVlans } from './local-vlans.ts';
import { movePacket, type PacketInput, type PacketSlot } from './source.ts';

export interface AccountedInputOptions {
  /** CONF_* bits: packets of a direction that is not in them are left out. */
  readonly conf: number;
  /** Written over the ifIndex of every packet. */
  readonly index?: number;
  readonly localNets?: LocalNets;
  /** Needs a source with extension records. */
  readonly localVlans?: LocalVlans;
}

const LEFT = P_META_DIRECTION_KNOWN | P_META_EGRESS;

/** A packet source whose packets are told their direction, and less those of directions that are not accounted. */
export class AccountedInput implements PacketInput {
  /** Packets left out so far. */
  notAccounted = 0;
  readonly #input: PacketInput;
  readonly #options: AccountedInputOptions;
  readonly #takesAll: boolean;

  constructor(input: PacketInput, options: AccountedInputOptions) {
    this.#input = input;
    this.#options = options;
    this.#takesAll = (options.conf & CONF_INGRESS) !== 0 && (options.conf & CONF_EGRESS) !== 0;
  }

  tryRead(): PacketSlot | undefined {
    return this.#account(this.#input.tryRead());
  }

  async read(): Promise<PacketSlot | undefined> {
    return this.#account(await this.#input.read());
  }

  release(slot: PacketSlot): void {
    this.#input.release(slot);
  }

  stop(): void {
    this.#input.stop();
  }

  /** As the source's, with `metered` less what was left out here. */
  stats(): PacketStats {
    const stats = this.#input.stats();
    return { ...stats, metered: stats.metered - this.notAccounted };
  }

  failure(): string | null {
    return this.#input.failure();
  }

  #account(slot: PacketSlot | undefined): PacketSlot | undefined {
    if (slot === undefined) return undefined;
    const { localNets, localVlans, index } = this.#options;
    localNets?.tell(slot.words, slot.count);
    if (slot.extensions !== undefined) localVlans?.tell(slot.words, slot.extensions, slot.count);
    if (index !== undefined) {
      for (let i = 0; i < slot.count; i++) slot.words[i * PACKET_WORDS + P_INPUT] = index;
    }
    if (!this.#takesAll) this.#leaveOut(slot);
    return slot;
  }

  /** A packet of unknown direction has arrived here, if nowhere else: it counts as ingress, as on an ng_netflow hook. */
  #leaveOut(slot: PacketSlot): void {
    const { words, count } = slot;
    const takesIn = (this.#options.conf & CONF_INGRESS) !== 0;
    const takesOut = (this.#options.conf & CONF_EGRESS) !== 0;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const p = i * PACKET_WORDS;
      if ((words[p + P_META]! & LEFT) === LEFT ? !takesOut : !takesIn) continue;
      if (kept !== i) movePacket(slot, i, kept);
      kept++;
    }
    slot.count = kept;
    this.notAccounted += count - kept;
  }
}
