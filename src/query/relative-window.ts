import { type FlowFiles, spanOf } from './flow-files.ts';
import type { EngineOpener } from './open-engine.ts';
import type { Plan, Selection, Window } from './plan.ts';

/** -t as nfdump had it up to 1.7.4: `+N` are the first N seconds of the files, `-N` the last; undefined for other windows. */
export function relativeSeconds(text: string | undefined): number | undefined {
  return text !== undefined && /^[+-][1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}

/** The plan with such a window, where the flows of the files begin or end. */
export async function withRelativeWindow(
  plan: Plan,
  seconds: number,
  overlaps: boolean,
  files: FlowFiles,
  engines: EngineOpener,
): Promise<Plan> {
  const { first, last } = await spanOf(files, async () => {
    const selection: Selection = { ...plan.selection, filter: { kind: 'any' } };
    const engine = await engines.open(files, { selection, jobs: [] }, true);
    try {
      return await engine.span();
    } finally {
      engine.close();
    }
  });
  // The ends of a window are no part of it, but the first and the last flow are.
  const window: Window =
    seconds < 0
      ? { afterMs: last + seconds * 1000, beforeMs: last + 1, overlaps }
      : { afterMs: first - 1, beforeMs: first + seconds * 1000, overlaps };
  return { ...plan, selection: { ...plan.selection, window } };
}
