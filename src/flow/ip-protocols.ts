/** Numbers of IP protocols. */
export const PROTO_ICMP = 1;
export const PROTO_TCP = 6;
export const PROTO_UDP = 17;
export const PROTO_ICMP6 = 58;

/** Whether the ports of this protocol mean something else: type and code. */
export function isIcmp(proto: number): boolean {
  return proto === PROTO_ICMP || proto === PROTO_ICMP6;
}
