import { randomBytes, randomInt } from 'node:crypto';
import { MergedReader } from '../capture/merged-reader.ts';
import { openPacketSource } from '../capture/open.ts';
import type { PacketInput } from '../capture/source.ts';
import type { InterfaceName } from '../export/options.ts';
import { captureFiles } from './capture-files.ts';
import type { ExportOptions } from './export-options.ts';
import type { Log } from './log.ts';

/** Where packets come from: one reader for all, and its parts by name for what is told of each. */
export interface PacketInputs {
  readonly reader: PacketInput;
  /** An entry for each interface; one without a name for files. */
  readonly parts: readonly { readonly name: string; readonly input: PacketInput }[];
  /** Interfaces named in the files read so far. */
  namedInFiles(): InterfaceName[];
}

/**
 * Opens the files, or every interface, of a run, `extended` with extension records; an interface that ends before the
 * others is told to `warn`. Throws a `UserError` for what is found wrong at once.
 */
export async function openPacketInputs(options: ExportOptions, extended: boolean, warn: Log): Promise<PacketInputs> {
  const { devices, filter, source, sampling, snapLength, promiscuous } = options;
  const common = {
    source,
    extended,
    ...(filter === undefined ? {} : { filter }),
    ...(sampling.rate > 1 ? { samplingRate: sampling.rate, samplingRandom: sampling.random } : {}),
  };
  if (devices.length === 0) {
    const input = await openPacketSource({ ...common, files: captureFiles(options.files) });
    return { reader: input, parts: [{ name: '', input }], namedInFiles: () => input.interfaceNames() };
  }
  // One seed for all: packets of one flow must have one hash wherever they are seen.
  const seed = randomBytes(8);
  const hashSeed: [number, number] = [seed.readUInt32LE(0), seed.readUInt32LE(4)];
  const parts: { name: string; input: PacketInput }[] = [];
  try {
    for (const device of devices) {
      const input = await openPacketSource({
        ...common,
        device,
        snapLength,
        promiscuous,
        hashSeed,
        samplingSeed: randomInt(2 ** 32),
      });
      parts.push({ name: device, input });
    }
  } catch (error) {
    for (const { input } of parts) input.stop();
    throw error;
  }
  const [only] = parts;
  const reader =
    parts.length === 1
      ? only!.input
      : new MergedReader(
          parts.map(({ input }) => input),
          warn,
        );
  return { reader, parts, namedInFiles: () => [] };
}
