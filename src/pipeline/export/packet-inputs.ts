import { randomBytes, randomInt } from 'node:crypto';
import { addon, type SystemInterface } from '../../addon/addon.ts';
import { isFullKey } from '../../cache/key-fields.ts';
import { AccountedInput } from '../../capture/accounted-input.ts';
import { checkFilter, joinFilters } from '../../capture/bpf-filter.ts';
import { DuplicateFilter } from '../../capture/duplicates.ts';
import { type CaptureInterface, CONF_EGRESS, CONF_INGRESS, countsOnce } from '../../capture/interface.ts';
import { type LinkState, LinkWatch } from '../../capture/link-watch.ts';
import { LocalNets } from '../../capture/local-nets.ts';
import { LocalVlans } from '../../capture/local-vlans.ts';
import { MergedReader } from '../../capture/merged-reader.ts';
import { OnceInput } from '../../capture/once-input.ts';
import { openPacketSource } from '../../capture/open.ts';
import { type Presence, ReopeningInput } from '../../capture/reopening-input.ts';
import type { PacketInput } from '../../capture/source.ts';
import type { InterfaceName } from '../../export/options.ts';
import { UserError } from '../../flow/user-error.ts';
import type { Log } from '../daemon/log.ts';
import { COMING_AND_GOING, explainRefusedCapture, givesUpPrivileges } from '../daemon/privileges.ts';
import { captureFiles } from './capture-files.ts';
import type { ExportOptions } from './options.ts';

export interface InputPart {
  readonly name: string;
  readonly input: PacketInput;
  readonly presence?: Presence;
  /** Undefined while there is no such interface, and for what is none (`any`). */
  readonly link?: () => LinkState | undefined;
}

/** Where packets come from: one reader for all, and its parts by name for what is told of each. */
export interface PacketInputs {
  readonly reader: PacketInput;
  /** An entry for each interface; one without a name, and without presence, for files. */
  readonly parts: readonly InputPart[];
  /** Interfaces named in the files read so far. */
  namedInFiles(): InterfaceName[];
  /** Packets of directions that their interface does not account, so far. */
  notAccounted(): number;
  /** Packets that were counted on another interface before, so far. */
  countedBefore(): number;
  /** Ends what goes on beside the reader. */
  close(): void;
}

/**
 * Opens the files, or every interface, of a run, `extended` with extension records. An interface that goes away is opened
 * again when it is back, one that is down once it is up, which `warn` is told, and then `onBack`. Throws a `UserError` for
 * what is found wrong at once.
 */
export async function openPacketInputs(
  options: ExportOptions,
  extended: boolean,
  warn: Log,
  onBack: () => void,
): Promise<PacketInputs> {
  const { interfaces, filter, localNets, localVlans } = options;
  const account = {
    ...(localNets.length === 0 ? {} : { localNets: new LocalNets(localNets) }),
    ...(localVlans.length === 0 ? {} : { localVlans: new LocalVlans(localVlans) }),
  };
  const parts: InputPart[] = [];
  const accounts: AccountedInput[] = [];
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
    const accounted = new AccountedInput(input, { ...account, conf: BOTH_WAYS });
    accounts.push(accounted);
    parts.push({ name: '', input: accounted });
  }
  // One seed for all: packets of one flow must have one hash wherever they are seen.
  const seed = randomBytes(8);
  const hashSeed: [number, number] = [seed.readUInt32LE(0), seed.readUInt32LE(4)];
  const counted = interfaces.some(countsOnce) ? new DuplicateFilter({ mode: 'forwarded' }) : undefined;
  try {
    for (const one of interfaces) {
      const { device, conf, index } = one;
      const open = () => openInterface(options, one, extended, hashSeed);
      const first = await open().catch((error: unknown) => whyNotYet(options, one, error));
      const presence = reopening(first, device, { open, identity: options.identity, warn, onBack });
      const accounted = new AccountedInput(presence, { ...account, conf, ...(index === undefined ? {} : { index }) });
      accounts.push(accounted);
      const isOnce = counted !== undefined && countsOnce(one);
      const input = isOnce ? new OnceInput(accounted, counted) : accounted;
      parts.push({ name: device, presence, link: () => links?.stateOf(device), input });
    }
  } catch (error) {
    for (const { input } of parts) input.stop();
    throw error;
  }
  const inputs = parts.map(({ input }) => input);
  const links =
    interfaces.length === 0
      ? undefined
      : new LinkWatch(
          interfaces.map(({ device }) => device),
          () => addon().interfaces(),
          (device, state) => warn(`${device} ${linkWords[state]}`),
        );
  return {
    reader:
      inputs.length === 1
        ? inputs[0]!
        : new MergedReader(inputs, (failure) => warn(`${failure}; the others go on, a restart captures it again`)),
    parts,
    namedInFiles,
    notAccounted: () => accounts.reduce((sum, account) => sum + account.notAccounted, 0),
    countedBefore: () => counted?.duplicates ?? 0,
    close: () => links?.close(),
  };
}

const linkWords: Readonly<Record<LinkState, string>> = {
  up: 'is up',
  down: 'is down: no packets before it is up',
  'no link': 'has no link: no packets before it has',
};

/** The more packets are looked at together the longer their runs are: docs/decisions/0200. */
const RUN_SLOT_PACKETS = 32_768;
const BOTH_WAYS = CONF_INGRESS | CONF_EGRESS;

const MIB = 1 << 20;

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
    kernelBufferBytes: options.captureBufferMib * MIB,
    flushMs: options.captureWaitMs,
    // What is held back for its first sighting comes late enough.
    ...(countsOnce(one) ? { extended: true, flushMs: Math.min(options.captureWaitMs, ONCE_FLUSH_MS) } : {}),
    ...filterOf(joinFilters(options.filter, filter)),
    runs: conf === BOTH_WAYS && index === undefined && options.localNets.length === 0 && metersRuns(options),
    device,
    snapLength: options.snapLength,
    promiscuous,
    hashSeed,
    samplingSeed: randomInt(2 ** 32),
  });
}

function findInterface(device: string): SystemInterface | undefined {
  return addon()
    .interfaces()
    .find(({ name }) => name === device);
}

/** Throws what opening an interface did, unless that is because it is down and may be opened later. */
async function whyNotYet(
  options: ExportOptions,
  { device, filter }: CaptureInterface,
  error: unknown,
): Promise<undefined> {
  if (findInterface(device)?.isUp !== false) throw error;
  if (givesUpPrivileges(options.identity)) {
    const why = `${(error as Error).message}, and nobody may capture it later with -u or -g`;
    throw new UserError(`${why}: ${COMING_AND_GOING}`, { cause: error });
  }
  await checkFilter(joinFilters(options.filter, filter));
}

/** The packets of an interface that has just been opened, or cannot be yet, and again each time that it comes back. */
function reopening(
  first: PacketInput | undefined,
  device: string,
  hooks: Pick<ExportOptions, 'identity'> & { open: () => Promise<PacketInput>; warn: Log; onBack: () => void },
): ReopeningInput {
  const { open, identity, warn, onBack } = hooks;
  // libpcap captures what is no interface to the system as well: `any`, USB, netfilter.
  const isInterface = findInterface(device) !== undefined;
  const input: ReopeningInput = new ReopeningInput(first, {
    open,
    exists: () => !isInterface || findInterface(device)?.isUp === true,
    refusal: (error) => explainRefusedCapture(error, device, identity),
    onGone: (failure) => warn(`${failure}; it is captured again when it is back`),
    onTrouble: (why) => warn(`${device} is back, but cannot be captured: ${why}; trying again`),
    onBack: () => {
      const index = findInterface(device)?.index;
      const again = input.timesGone === 0 ? '' : ' again';
      warn(`${device}: captured${again}${index === undefined ? '' : ` (ifIndex ${index})`}`);
      onBack();
    },
  });
  return input;
}

/** Whether packets that the addon has put into runs may be metered so, as far as nobody changes them before. */
function metersRuns({ key, biflow, workers, speed, dedupMs }: ExportOptions): boolean {
  return isFullKey(key) && !biflow && workers === 1 && speed === 0 && dedupMs === undefined;
}

function filterOf(filter: string | undefined): { filter?: string } {
  return filter === undefined ? {} : { filter };
}
