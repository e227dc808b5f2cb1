import { EXTENSION_WORDS, X_VLANS } from '../addon/packet-extension-layout.ts';
import { P_META, P_META_DIRECTION_KNOWN, P_META_EGRESS, PACKET_WORDS } from '../addon/packet-layout.ts';

const KNOWN = P_META_DIRECTION_KNOWN | P_META_EGRESS;

/**
 * Tells the direction of packets by the VLAN tag that a tap or a mirroring switch gives each side of a link: with the tag
 * of this side they are egress, with another one or none ingress.
 */
export class LocalVlans {
  /** By VLAN id: 1 for this side. */
  readonly #local = new Uint8Array(4096);

  /** @param ids 1 to 4094; 0 and untagged packets are one */
  constructor(ids: readonly number[]) {
    for (const id of ids) this.#local[id] = 1;
  }

  /** Sets the direction of `count` packet records by their extension records. */
  tell(packets: Uint32Array, extensions: Uint32Array, count: number): void {
    for (let i = 0; i < count; i++) {
      const vlan = extensions[i * EXTENSION_WORDS + X_VLANS]! & 0xfff;
      const meta = i * PACKET_WORDS + P_META;
      packets[meta] = (packets[meta]! & ~KNOWN) | (this.#local[vlan] === 1 ? KNOWN : P_META_DIRECTION_KNOWN);
    }
  }
}
