import type { AddressWords } from '../flow/address.ts';
import { isV4Prefix, V4_MAPPED_BITS } from '../flow/prefix.ts';
import { PrefixList, type PrefixTable } from './prefix-table.ts';

/** A route of this host. */
export interface Route {
  /** Only the first `bits` (0 to 128, IPv4 v4-mapped) count. */
  readonly destination: AddressWords;
  readonly bits: number;
  /** Interface that packets leave by; 0 when they do not leave: they are for this host, or have no way. */
  readonly outIf: number;
  /** Undefined where the destination is on the link. */
  readonly gateway?: AddressWords;
  /** Prefix length that is told, when not `bits`: of an address of this host that of its network. */
  readonly toldBits?: number;
  /** Of equal routes the one of the lowest metric counts. */
  readonly metric: number;
}

const ROUTE_WORDS = 6;
const W_OUT_IF = 4;
const W_BITS = 5;
/** Behind every metric that the system has. */
const EXCLUDED_METRIC = 0xffff_ffff;

/** The routes of a host, in typed arrays: look-ups allocate nothing. Made by `RouteTableBuilder`. */
export class RouteTable {
  private readonly prefixes: PrefixTable;
  /** For each route its gateway (four words), output interface and prefix length as told. */
  private readonly routes: Uint32Array;

  constructor(prefixes: PrefixTable, routes: Uint32Array) {
    this.prefixes = prefixes;
    this.routes = routes;
  }

  /** The route to an address (four words, most significant first, IPv4 v4-mapped), or -1. */
  find(w0: number, w1: number, w2: number, w3: number): number {
    return this.prefixes.find(w0, w1, w2, w3);
  }

  outIf(route: number): number {
    return this.routes[route * ROUTE_WORDS + W_OUT_IF]!;
  }

  /** Prefix length in the family of the route. */
  mask(route: number): number {
    return this.routes[route * ROUTE_WORDS + W_BITS]!;
  }

  /** Word `word` of the gateway; all are 0 without one. */
  gateway(route: number, word: number): number {
    return this.routes[route * ROUTE_WORDS + word]!;
  }
}

export class RouteTableBuilder {
  private readonly prefixes = new PrefixList();
  private routes = new Uint32Array(64 * ROUTE_WORDS);
  private count = 0;

  add({ destination, bits, outIf, gateway, toldBits = bits, metric }: Route): void {
    if ((this.count + 1) * ROUTE_WORDS > this.routes.length) {
      const grown = new Uint32Array(this.routes.length * 2);
      grown.set(this.routes);
      this.routes = grown;
    }
    const at = this.count * ROUTE_WORDS;
    if (gateway !== undefined) this.routes.set(gateway, at);
    this.routes[at + W_OUT_IF] = outIf;
    const isV4 = isV4Prefix({ words: destination, bits });
    this.routes[at + W_BITS] = isV4 ? toldBits - V4_MAPPED_BITS : toldBits;
    this.prefixes.add(...destination, bits, this.count, metric);
    this.count++;
  }

  /** Says that nothing is known of addresses, unless a route is as long or longer. */
  exclude(destination: AddressWords, bits: number): void {
    this.prefixes.add(...destination, bits, -1, EXCLUDED_METRIC);
  }

  build(): RouteTable {
    return new RouteTable(this.prefixes.build(), this.routes.slice(0, this.count * ROUTE_WORDS));
  }
}
