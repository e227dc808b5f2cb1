import { formatAddress } from '../flow/address.ts';

/** The name of an address as text; throws, or gives an empty text, where there is none. */
export interface LookUpAddress {
  (address: string): Promise<string>;
  /** Gives up what is not answered yet: the end of the process must not wait for it. */
  readonly cancel?: () => void;
}

export interface ReverseNameLimits {
  /** Addresses that are looked up at most. */
  readonly addresses: number;
  readonly atOnce: number;
  /** Time for all look-ups together. */
  readonly totalMs: number;
}

const LIMITS: ReverseNameLimits = { addresses: 10_000, atOnce: 64, totalMs: 20_000 };
const SERVER_TIMEOUT_MS = 1500;
const TRIES = 2;
const LONGEST_NAME = 253;

/**
 * Names of addresses from reverse DNS. Whoever prints asks `find`, which knows what was looked up before; what it did not
 * know is looked up by the next `lookUp`. Each address is asked for once, a bounded number at once, and within one bound of
 * time for the whole answer, whatever the servers do.
 */
export class ReverseNames {
  private readonly lookUpAddress: LookUpAddress;
  private readonly limits: ReverseNameLimits;
  private readonly names = new Map<string, string>();
  private wanted = new Set<string>();
  private asked = 0;
  private spentMs = 0;
  private skipped = 0;

  constructor(lookUpAddress: LookUpAddress = pointerLookUp(), limits: ReverseNameLimits = LIMITS) {
    this.lookUpAddress = lookUpAddress;
    this.limits = limits;
  }

  /** The name of an address (four words, most significant first); empty without, or before it was looked up. */
  find(w0: number, w1: number, w2: number, w3: number): string {
    if ((w0 | w1 | w2 | w3) === 0) return '';
    const address = formatAddress(w0, w1, w2, w3);
    const name = this.names.get(address);
    if (name === undefined) this.wanted.add(address);
    return name ?? '';
  }

  /** Looks up what `find` did not know; addresses beyond the limits have no name. */
  async lookUp(): Promise<void> {
    const all = [...this.wanted];
    this.wanted = new Set();
    const { addresses, atOnce, totalMs } = this.limits;
    const within = totalMs - this.spentMs <= 0 ? [] : all.slice(0, Math.max(0, addresses - this.asked));
    this.asked += within.length;
    for (const address of all) this.names.set(address, '');
    const startedAt = performance.now();
    const queue = within[Symbol.iterator]();
    let answered = 0;
    let isOver = false;
    const worker = async () => {
      for (const address of queue) {
        if (isOver) return;
        const name = await this.lookUpAddress(address).then(safeName, () => '');
        if (isOver) return;
        this.names.set(address, name);
        answered++;
      }
    };
    let timer: NodeJS.Timeout | undefined;
    const expiry = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.max(0, totalMs - this.spentMs));
    });
    await Promise.race([Promise.all(Array.from({ length: Math.min(atOnce, within.length) }, worker)), expiry]);
    isOver = true;
    clearTimeout(timer);
    if (answered < within.length) this.lookUpAddress.cancel?.();
    this.spentMs += performance.now() - startedAt;
    this.skipped += all.length - answered;
  }

  /** What the user should know of addresses that nobody was asked about, or not long enough; undefined for nothing. */
  warning(): string | undefined {
    if (this.skipped === 0) return undefined;
    const { addresses, totalMs } = this.limits;
    return `--resolve: ${this.skipped} addresses have no name (at most ${addresses} look-ups in ${totalMs / 1000} s)`;
  }
}

/** Names come from whoever owns the address: nothing but letters, digits and marks of host names gets to the terminal. */
function safeName(name: string): string {
  const plain = name.replace(/\.$/, '');
  return plain.length <= LONGEST_NAME && /^[\w.-]+$/.test(plain) ? plain : '';
}

/** Asks name servers for the first name of an address: those of the system, or `servers` (ADDRESS[:PORT]). */
export function pointerLookUp(servers?: readonly string[]): LookUpAddress {
  // The module takes its time to load.
  const resolver = import('node:dns/promises').then(({ Resolver }) => {
    const made = new Resolver({ timeout: SERVER_TIMEOUT_MS, tries: TRIES });
    if (servers !== undefined) made.setServers(servers);
    return made;
  });
  const lookUp = async (address: string) => (await (await resolver).reverse(address))[0] ?? '';
  return Object.assign(lookUp, { cancel: () => void resolver.then((made) => made.cancel()) });
}
