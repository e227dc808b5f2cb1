import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { RecentSegments } from '../../store/recent-segments.ts';
import type { ChosenFile } from '../../store/segment-files.ts';
import { mergedParts, segmentInfo } from '../../store/segment-metadata.ts';
import { segmentTime } from '../../store/slots.ts';

/** How often directories are read; a change that the system tells of is looked at sooner. */
const POLL_MS = 1000;
/** Slots are at most a day long, so their files were written to within it; names of older ones are forgotten. */
const REMEMBERED_MS = 86_400_000;

/** Files of running stores that nobody has seen before. */
export class NewFiles {
  private readonly segments: RecentSegments;
  private readonly startMs: number;
  /** Paths that were handed out or need not be, and when. */
  private readonly seen = new Map<string, number>();
  /** By directory, when the latest flow that was handed out was received. */
  private readonly latestMs = new Map<string, number>();
  private readonly watchers = new Map<string, FSWatcher>();
  private wake: (() => void) | undefined;
  private isFirst = true;

  constructor(stores: readonly string[], startMs: number) {
    this.segments = new RecentSegments(stores);
    this.startMs = startMs;
  }

  /** Without `withPast` what is there already is passed over. */
  async start(withPast: boolean): Promise<void> {
    if (withPast) return;
    for (const { path } of await this.recent(REMEMBERED_MS)) this.seen.set(path, Date.now());
  }

  /** Resolves to the new files, in the order to print them in, once there are any. */
  async next(): Promise<string[]> {
    for (;;) {
      if (!this.isFirst) await this.change();
      this.isFirst = false;
      const found = await this.recent(Math.max(2 * POLL_MS, Date.now() - this.startMs + POLL_MS));
      const fresh: string[] = [];
      for (const { path, isPart } of found) {
        if (this.seen.has(path)) continue;
        this.seen.set(path, Date.now());
        if (isPart || !(await this.isKnown(path))) fresh.push(path);
      }
      if (fresh.length > 0) return fresh;
    }
  }

  /**
   * Flows of a file from this time of receipt on are new. A slot's file is read when a part went into it before anybody
   * saw it; the flows of the other parts have been received before.
   */
  sinceMs(path: string): number {
    if (segmentTime(basename(path)) === undefined) return 0;
    return Math.max(this.startMs, (this.latestMs.get(dirname(path)) ?? 0) + 1);
  }

  done(path: string, latestMs: number): void {
    const directory = dirname(path);
    this.latestMs.set(directory, Math.max(latestMs, this.latestMs.get(directory) ?? 0));
  }

  close(): void {
    for (const watcher of this.watchers.values()) watcher.close();
  }

  /** Whether a slot's file has nothing but parts that were seen. */
  private async isKnown(path: string): Promise<boolean> {
    // A damaged one is told of by whoever reads it.
    const info = await segmentInfo(path).catch(() => undefined);
    const parts = info === undefined ? [] : mergedParts(info);
    return parts.length > 0 && parts.every((part) => this.seen.has(`${dirname(path)}/${part}`));
  }

  private async recent(sinceMs: number): Promise<ChosenFile[]> {
    const nowMs = Date.now();
    const found = await this.segments.find(nowMs - Math.min(sinceMs, REMEMBERED_MS), nowMs);
    for (const [path, seenMs] of this.seen) if (nowMs - seenMs > 2 * REMEMBERED_MS) this.seen.delete(path);
    this.watchOnly(new Set(found.map(({ path }) => dirname(path))));
    return found;
  }

  /** Days come and go, and with them directories: those without a recent file are left to the clock. */
  private watchOnly(directories: ReadonlySet<string>): void {
    for (const [directory, watcher] of this.watchers) {
      if (directories.has(directory)) continue;
      watcher.close();
      this.watchers.delete(directory);
    }
    for (const directory of directories) this.watch(directory);
  }

  private watch(directory: string): void {
    if (this.watchers.has(directory)) return;
    try {
      const watcher = watch(directory, { persistent: false }, () => this.wake?.());
      // A directory that expires is no trouble: the next look passes it over.
      watcher.on('error', () => watcher.close());
      this.watchers.set(directory, watcher);
    } catch {
      // Where the system cannot watch, directories are read by the clock.
    }
  }

  private change(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, POLL_MS);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
