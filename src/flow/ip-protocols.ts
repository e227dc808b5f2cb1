/** Numbers of IP protocols whose ports mean something else: type and code. */
export const PROTO_ICMP = 1;
export const PROTO_ICMP6 = 58;
