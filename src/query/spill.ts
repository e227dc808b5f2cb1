import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const inUse = new Set<SpillDirectory>();

/**
 * Where an engine puts what memory does not hold: a directory of its own, which nobody else can enter, and nobody can have
 * made before, since everybody may write where temporary files go.
 */
export class SpillDirectory {
  readonly path: string;

  constructor() {
    this.path = makeDirectory();
    inUse.add(this);
  }

  /** When the engine is closed. */
  remove(): void {
    inUse.delete(this);
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Takes away what engines have left that a signal keeps from being closed. */
export function removeSpillDirectories(): void {
  for (const directory of inUse) directory.remove();
}

function makeDirectory(): string {
  const prefix = join(tmpdir(), 'weir-query-');
  try {
    return mkdtempSync(prefix);
  } catch {
    // Most answers need none; the engine says what is wrong when one does.
    return prefix + crypto.randomUUID();
  }
}
