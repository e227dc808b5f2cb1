import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, SHARED_DATA } from './process.ts';

/** What others measured in a capture; the file beside the captures defines each figure. */
export interface ExpectedCapture {
  ipPackets: number;
  ipBytes: number;
  ipv4Packets: number;
  fiveTuplesWithIcmpType: number;
  headersBeforeIp: Record<string, number>;
  readerSays?: string;
}

/** Full paths of the captures of the repository. */
export const bundledCaptures = captureFiles(join(ROOT, 'pcaps'));
/** Full paths of the captures of other projects, none where they are absent. */
export const sharedCaptures = captureFiles(join(SHARED_DATA, 'pcap'));

/** Figures of the captures of other projects by file name. */
export function expectedCaptures(): Record<string, ExpectedCapture> {
  return JSON.parse(readFileSync(join(SHARED_DATA, 'pcap/expected.json'), 'utf8')).files;
}

function captureFiles(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory).filter((name) => /\.pcap(ng)?$/.test(name));
  return names.sort().map((name) => join(directory, name));
}

/** Runs `work` on each item, two at a time, and gives the results in order. */
export async function inPairs<T, R>(items: readonly T[], work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i]!, i);
  };
  await Promise.all([worker(), worker()]);
  return results;
}
