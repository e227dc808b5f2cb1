import { UserError } from '../flow/user-error.ts';

/** Which fields tell flows apart, beside the addresses and the IP version. */
export interface KeyFields {
  readonly proto: boolean;
  readonly ports: boolean;
  readonly tos: boolean;
  /** Input interface. */
  readonly interface: boolean;
  /** Outer and inner VLAN id. */
  readonly vlan: boolean;
  /** Source and destination MAC address. */
  readonly mac: boolean;
}

const ip: KeyFields = { proto: false, ports: false, tos: false, interface: false, vlan: false, mac: false };
const proto: KeyFields = { ...ip, proto: true };
const port: KeyFields = { ...proto, ports: true };
const full: KeyFields = { ...port, tos: true, interface: true };
const vlan: KeyFields = { ...full, vlan: true };
const ether: KeyFields = { ...vlan, mac: true };

/** softflowd's levels; `full`, with the input interface, is what weir has by default. */
const levels: ReadonlyMap<string, KeyFields> = new Map(Object.entries({ ip, proto, port, full, vlan, ether }));
export const trackLevels: readonly string[] = [...levels.keys()];
/** What may be added to a level. */
export const trackAdditions = ['tos', 'interface', 'vlan', 'mac'] as const satisfies readonly (keyof KeyFields)[];

export const FULL_KEY: KeyFields = full;

/** The key that a level and additions name: `full`, `port,tos`, `ip,vlan`. Throws UserError. */
export function parseTrack(text: string): KeyFields {
  const [level, ...additions] = text.split(',');
  const fields = levels.get(level!);
  const wrong = additions.find((name) => !trackAdditions.some((known) => known === name));
  if (fields === undefined || wrong !== undefined) {
    throw new UserError(
      `--track takes ${trackLevels.join(', ')}, and behind commas ${trackAdditions.join(', ')}, not "${text}"`,
    );
  }
  return { ...fields, ...Object.fromEntries(additions.map((name) => [name, true])) };
}

/**
 * The key of a biflow: types of service may differ between the ways of a connection. Throws UserError for MAC addresses,
 * which say nothing of who is at the other end of a route.
 */
export function biflowKey(key: KeyFields = FULL_KEY): KeyFields {
  if (key.mac) throw new UserError('--biflow joins no flows that MAC addresses tell apart: leave ether and mac out');
  return { ...key, tos: false };
}

/** The addon's hash is one over this key, and its records need no change. */
export function isFullKey(key: KeyFields): boolean {
  return key.proto && key.ports && key.tos && key.interface && !keyNeedsExtensions(key);
}

/** Whether extension records are needed to tell flows apart. */
export function keyNeedsExtensions(key: KeyFields): boolean {
  return key.vlan || key.mac;
}

/** The fields of a key, for people. */
export function describeKey(key: KeyFields): string {
  return ['addresses', ...Object.entries(key).flatMap(([name, isIn]) => (isIn ? [name] : []))].join(', ');
}
