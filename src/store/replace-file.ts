import { open, rename, rm } from 'node:fs/promises';

/**
 * Replaces the small text file `path` as a whole: a reader finds the text before or the text after, also when the process
 * is killed. `sync` waits until the text is durable, so that a power failure leaves no empty file; what is written every
 * few seconds, and comes again by itself, does without. The name of `path` begins with `.weir.`: `recover` then clears
 * away what a crash leaves beside it. Rejects with the error of the system, `path` as it was.
 */
export async function replaceFile(path: string, text: string, { sync }: { readonly sync: boolean }): Promise<void> {
  const aside = `${path}.${process.pid}.tmp`;
  await rm(aside, { force: true });
  // Never what is there already: whoever may write to the directory is not to lead root to another file by a link.
  const file = await open(aside, 'wx', 0o644);
  try {
    try {
      await file.writeFile(text);
      if (sync) await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
}
