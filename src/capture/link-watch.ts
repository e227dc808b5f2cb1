import type { SystemInterface } from '../addon/addon.ts';

/** How often the system is asked. */
const EVERY_MS = 2000;

/** `down`: shut down by an operator; `no link`: nothing on the wire. */
export type LinkState = 'up' | 'down' | 'no link';

/**
 * Whether interfaces are up and have a link: one that is captured all the same just gives no packets, which looks like a quiet
 * network. `tell` is called for each change, and at first for those that are not up.
 */
export class LinkWatch {
  readonly #look: () => readonly SystemInterface[];
  readonly #tell: (device: string, state: LinkState) => void;
  readonly #states: Map<string, LinkState | undefined>;
  readonly #timer: NodeJS.Timeout;

  constructor(
    devices: readonly string[],
    look: () => readonly SystemInterface[],
    tell: (device: string, state: LinkState) => void,
  ) {
    this.#look = look;
    this.#tell = tell;
    this.#states = new Map(devices.map((device) => [device, 'up']));
    this.check();
    this.#timer = setInterval(() => this.check(), EVERY_MS);
  }

  /** As it was when it was looked at last; undefined for an interface that is not there, or is none (`any`). */
  stateOf(device: string): LinkState | undefined {
    return this.#states.get(device);
  }

  check(): void {
    const found = new Map(this.#look().map((one) => [one.name, one]));
    for (const [device, before] of this.#states) {
      const state = stateOf(found.get(device));
      this.#states.set(device, state);
      // That one has gone and is back is told by who captures it.
      if (state !== undefined && state !== (before ?? 'up')) this.#tell(device, state);
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

function stateOf(found: SystemInterface | undefined): LinkState | undefined {
  if (found === undefined) return undefined;
  return found.isUp ? (found.hasLink ? 'up' : 'no link') : 'down';
}
