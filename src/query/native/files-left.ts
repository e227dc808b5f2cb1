import { resolve } from 'node:path';
import { type FlowFiles, orElsewhere } from '../flow-files.ts';
import type { Selection } from '../plan.ts';
import { selectionQuestion } from './question.ts';

/** The files without those in which, as the index of their directory tells, nothing is selected; never none at all. */
export async function filesLeft(files: FlowFiles, selection: Selection): Promise<FlowFiles> {
  const { scan, corrections } = files;
  const question = scan && selectionQuestion(selection);
  if (scan === undefined || question === undefined) return files;
  const left = await orElsewhere(() => scan.pathsLeft(question));
  if (left === undefined || left.length === files.count) return files;
  const paths = left.length === 0 ? files.paths.slice(0, 1) : left;
  const { count, sampled } = files;
  return {
    count,
    sampled,
    corrections,
    scan,
    paths: corrections.length === 0 ? paths : paths.map((path) => resolve(path)),
    columnsOfAll: new Set(scan.summary().columns),
  };
}
