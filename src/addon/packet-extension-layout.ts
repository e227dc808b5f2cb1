/**
 * What a packet carries beside its record in `packet-layout.ts`: 128 bytes a packet, made only when it is asked for
 * (`PacketSourceOptions.extended`), because most flows need none of it. The record of packet i of a slot stands at word
 * i * EXTENSION_WORDS of the slot's extension memory. Numbers are in the machine's order, addresses in network order.
 */
export const EXTENSION_BYTES = 128;
export const EXTENSION_WORDS = 32;

/** Word 0: outer VLAN id | inner VLAN id << 16, 0 for none. */
export const X_VLANS = 0;
/** Word 1: ethertype of the network layer | number of MPLS labels << 16 | protocol of the outermost IP header << 24 (0: no tunnel). */
export const X_ETHERTYPE_LABELS_TUNNEL = 1;
/** Words 2-3 and 4-5: MAC addresses as numbers, low word first; 0 without. */
export const X_SRC_MAC = 2;
export const X_DST_MAC = 4;
/** Word 6: IPv6 flow label. */
export const X_FLOW_LABEL = 6;
/** Word 7: fragment offset in octets | more fragments << 16 | do not fragment << 17. */
export const X_FRAGMENT = 7;
/**
 * Words 8-9: 64 bits that are the same for two sightings of one packet and differ for any other with all but certainty:
 * made of addresses, protocol, IP identification, fragment offset, IP length and the first octets after the IP header;
 * not of link layer, TTL, ToS and IP checksum, which a router changes.
 */
export const X_FINGERPRINT = 8;
/** Words 12-21: MPLS entries from the top, as the wire has them without the TTL: label << 4 | class << 1 | bottom. */
export const X_MPLS = 12;
export const X_MPLS_MOST = 10;
/**
 * Words 24-27 and 28-31: addresses of the outermost IP header when the packet's record is of an inner one, else 0. Words 6
 * to 9 are then the inner packet's, the ethertype too; VLANs, MAC addresses and labels are those of the frame.
 */
export const X_TUNNEL_SRC = 24;
export const X_TUNNEL_DST = 28;
