import { UserError } from '../flow/user-error.ts';
import type { DuckDbOptions } from './duckdb-engine.ts';
import type { QueryEngine } from './engine.ts';
import type { FlowFiles } from './flow-files.ts';
import { bindIdents } from './ident-files.ts';
import { NativeEngine } from './native/engine.ts';
import { engineJobs, type Plan } from './plan.ts';

/**
 * Opens engines: the addon answers what people ask all day, DuckDB everything: a large library, loaded only when it is
 * needed. WEIR_QUERY_ENGINE (native, duckdb) insists on one of them.
 */
export class EngineOpener {
  private readonly memoryOctets: number | undefined;
  private share: () => number = () => 0;
  /** The part of the bar that was full when the work at hand began, where it ends, and the most that was told. */
  private from = 0;
  private to = 1;
  private told = 0;

  /** `memoryOctets`: of the engines together; beyond, the disk is used. */
  constructor(memoryOctets: number | undefined) {
    this.memoryOctets = memoryOctets;
  }

  /** How much of the latest question is done, 0 to 1: never less than before. */
  progress(): number {
    this.told = Math.max(this.told, this.from + (this.to - this.from) * Math.min(1, this.share()));
    return this.told;
  }

  async open(all: FlowFiles, asked: Plan, printsNothing: boolean): Promise<QueryEngine> {
    const wanted = process.env['WEIR_QUERY_ENGINE'] ?? 'auto';
    if (!['auto', 'native', 'duckdb'].includes(wanted)) {
      throw new UserError(`WEIR_QUERY_ENGINE=${wanted}: the engines are native, duckdb and auto`);
    }
    this.told = 0;
    const { files, selection } = await bindIdents(all, asked.selection);
    const plan = { ...asked, selection };
    // The scan answers while it is opened; a list that turns out to be too long for it is sorted elsewhere.
    this.watch(() => files.scan?.progress() ?? 0, 0, sortsAll(plan) ? 0.5 : 1);
    const native =
      wanted === 'duckdb' ? undefined : await NativeEngine.open(files, plan, printsNothing, this.memoryOctets);
    if (native === undefined && wanted === 'native') {
      throw new UserError('WEIR_QUERY_ENGINE=native: the addon does not answer this question');
    }
    if (native !== undefined) {
      this.watch(() => native.progress(), 0, 1);
      return native;
    }
    const from = this.progress();
    return openGeneral(files, plan, {
      memoryOctets: this.memoryOctets,
      jobs: engineJobs(plan.jobs),
      watch: (share) => this.watch(share, from, 1),
    });
  }

  private watch(share: () => number, from: number, to: number): void {
    this.share = share;
    this.from = from;
    this.to = to;
  }
}

function sortsAll({ jobs }: Plan): boolean {
  return jobs.some((job) => job.kind === 'flows' && job.order !== undefined && job.top === 0);
}

async function openGeneral(files: FlowFiles, plan: Plan, options: DuckDbOptions): Promise<QueryEngine> {
  const { DuckDbEngine } = await import('./duckdb-engine.ts');
  return DuckDbEngine.open(files, plan.selection, options);
}
