import { randomBytes, randomInt } from 'node:crypto';
import { isFullKey } from '../../cache/key-fields.ts';
import { AccountedInput } from '../../capture/accounted-input.ts';
import { DuplicateFilter } from '../../capture/duplicates.ts';
import { type CaptureInterface, CONF_EGRESS, CONF_INGRESS, countsOnce } from '../../capture/interface.ts';
import { LocalNets } from '../../capture/local-nets.ts';
import { LocalVlans } from '../../capture/local-vlans.ts';
import { MergedReader } from '../../capture/merged-reader.ts';
import { OnceInput } from '../../capture/once-input.ts';
import { openPacketSource } from '../../capture/open.ts';
import type { PacketInput } from '../../capture/source.ts';
import type { InterfaceName } from '../../export/options.ts';
import type { Log } from '../daemon/log.ts';
import { captureFiles } from './capture-files.ts';
import type { ExportOptions } from './options.ts';

/** Where packets come from: one reader for all, and its parts by name for what is told of each. */
export interface PacketInputs {
  readonly reader: PacketInput;
  /** An entry for each interface; one without a name for files. */
  readonly parts: readonly { readonly name: string; readonly input: PacketInput }[];
  /** Interfaces named in the files read so far. */
  namedInFiles(): InterfaceName[];
  /** Packets of directions that their interface does not account, so far. */
  notAccounted(): number;
  /** Packets that were counted on another interface before, so far. */
  countedBefore(): number;
}

/**
 * Opens the files, or every interface, of a run, `extended` with extension records; an interface that ends before the
 * others is told to `warn`. Throws a `UserError` for what is found wrong at once.
 */
export async function openPacketInputs(options: ExportOptions, extended: boolean, warn: Log): Promise<PacketInputs> {
  const { interfaces, filter, localNets, localVlans } = options;
  const account = {
    ...(localNets.length === 0 ? {} : { localNets: new LocalNets(localNets) }),
    ...(localVlans.length === 0 ? {} : { localVlans: new LocalVlans(localVlans) }),
  };
  const parts: { name: string; input: PacketInput }[] = [];
  const accounts: AccountedInput[] = [];
  const addPart = (name: string, account: AccountedInput, input: PacketInput = account) => {
    accounts.push(account);
    parts.push({ name, input });
  };
  let namedInFiles = (): InterfaceName[] => [];
  if (interfaces.length === 0) {
    const files = captureFiles(options.files);
    const runs = localNets.length === 0 && metersRuns(options);
    const input = await openPacketSource({
      ...common(options, extended),
      ...filterOf(filter),
      files,
      ...(runs ? { runs, slotPackets: RUN_SLOT_PACKETS } : {}),
    });
    namedInFiles = () => input.interfaceNames();
    addPart('', new AccountedInput(input, { ...account, conf: BOTH_WAYS }));
  }
  // One seed for all: packets of one flow must have one hash wherever they are seen.
  const seed = randomBytes(8);
  const hashSeed: [number, number] = [seed.readUInt32LE(0), seed.readUInt32LE(4)];
  const counted = interfaces.some(countsOnce) ? new DuplicateFilter({ mode: 'forwarded' }) : undefined;
  try {
    for (const one of interfaces) {
      const input = await openInterface(options, one, extended, hashSeed);
      const { device, conf, index } = one;
      const accounted = new AccountedInput(input, { ...account, conf, ...(index === undefined ? {} : { index }) });
      const isOnce = counted !== undefined && countsOnce(one);
      addPart(device, accounted, isOnce ? new OnceInput(accounted, counted) : accounted);
    }
  } catch (error) {
    for (const { input } of parts) input.stop();
    throw error;
  }
  const inputs = parts.map(({ input }) => input);
  return {
    reader:
      inputs.length === 1
        ? inputs[0]!
        : new MergedReader(inputs, (failure) => warn(`${failure}; the others go on, a restart captures it again`)),
    parts,
    namedInFiles,
    notAccounted: () => accounts.reduce((sum, account) => sum + account.notAccounted, 0),
    countedBefore: () => counted?.duplicates ?? 0,
  };
}

/** The more packets are looked at together the longer their runs are: docs/decisions/0200. */
const RUN_SLOT_PACKETS = 8192;
const BOTH_WAYS = CONF_INGRESS | CONF_EGRESS;

/** Longest time that packets of an interface wait for their slot to fill, where packets are counted once. */
const ONCE_FLUSH_MS = 25;

function common({ source, sampling, decap, localMacs, localVlans }: ExportOptions, extended: boolean) {
  return {
    source,
    decapsulate: decap,
    extended: extended || localVlans.length > 0,
    ...(localMacs.length === 0 ? {} : { localMacs }),
    ...(sampling.rate > 1 ? { samplingRate: sampling.rate, samplingRandom: sampling.random } : {}),
  };
}

function openInterface(
  options: ExportOptions,
  one: CaptureInterface,
  extended: boolean,
  hashSeed: [number, number],
): Promise<PacketInput> {
  const { device, filter, conf, index, promiscuous = options.promiscuous } = one;
  return openPacketSource({
    ...common(options, extended),
    // What is held back for its first sighting comes late enough.
    ...(countsOnce(one) ? { extended: true, flushMs: ONCE_FLUSH_MS } : {}),
    ...filterOf(options.filter, filter),
    runs: conf === BOTH_WAYS && index === undefined && options.localNets.length === 0 && metersRuns(options),
    device,
    snapLength: options.snapLength,
    promiscuous,
    hashSeed,
    samplingSeed: randomInt(2 ** 32),
  });
}

/** Whether packets that the addon has put into runs may be metered so, as far as nobody changes them before. */
function metersRuns({ key, biflow, workers, speed, dedupMs }: ExportOptions): boolean {
  return isFullKey(key) && !biflow && workers === 1 && speed === 0 && dedupMs === undefined;
}

/** BPF expressions all of which must hold. */
function filterOf(...filters: readonly (string | undefined)[]): { filter?: string } {
  const given = filters.filter((filter) => filter !== undefined);
  if (given.length < 2) return given.length === 0 ? {} : { filter: given[0]! };
  return { filter: given.map((filter) => `(${filter})`).join(' and ') };
}
