import { basename, join, resolve } from 'node:path';
import { UserError } from '../../flow/user-error.ts';
import { type FileSelection, sourceDirectories } from '../../store/segment-files.ts';

/** The files of a source, and the directory of the store that they go to. */
export interface ArchiveSource {
  readonly files: string[];
  readonly directory: string;
}

/**
 * The files that a selection names, found by `choose`; with `sources` those of each, which goes to a directory of its
 * name. `what` is what they are, for the UserError when there are none.
 */
export async function sourcesOf(
  { read, range, sources, directory }: FileSelection & { readonly directory: string },
  choose: (selection: FileSelection) => Promise<readonly { readonly path: string }[]>,
  what: string,
): Promise<ArchiveSource[]> {
  const paths = async (selection: FileSelection) => (await choose(selection)).map(({ path }) => path);
  if (sources === undefined) {
    const files = await paths({ read, range });
    if (files.length === 0) throw new UserError(`no ${what} in ${read ?? range}`);
    return [{ files, directory }];
  }
  const found: ArchiveSource[] = [];
  for (const source of await sourceDirectories(sources)) {
    const files = await paths({ read, range, sources: source });
    found.push({ files, directory: join(directory, basename(resolve(source))) });
  }
  return found;
}
