import { UserError } from '../flow/user-error.ts';
import type { QueryEngine } from './engine.ts';
import type { FlowFiles } from './flow-files.ts';
import { NativeEngine } from './native/engine.ts';
import type { Plan } from './plan.ts';

/**
 * Opens engines: the addon answers what people ask all day, DuckDB everything: a large library, loaded only when it is
 * needed. WEIR_QUERY_ENGINE (native, duckdb) insists on one of them.
 */
export class EngineOpener {
  private readonly memoryOctets: number | undefined;
  private share: () => number = () => 0;

  /** `memoryOctets`: of the engines together; beyond, the disk is used. */
  constructor(memoryOctets: number | undefined) {
    this.memoryOctets = memoryOctets;
  }

  /** How much of the latest question is done, 0 to 1. */
  progress(): number {
    return this.share();
  }

  async open(files: FlowFiles, plan: Plan, printsNothing: boolean): Promise<QueryEngine> {
    const wanted = process.env['WEIR_QUERY_ENGINE'] ?? 'auto';
    if (!['auto', 'native', 'duckdb'].includes(wanted)) {
      throw new UserError(`WEIR_QUERY_ENGINE=${wanted}: the engines are native, duckdb and auto`);
    }
    // The scan answers while it is opened.
    this.share = () => files.scan?.progress() ?? 0;
    const native =
      wanted === 'duckdb' ? undefined : await NativeEngine.open(files, plan, printsNothing, this.memoryOctets);
    if (native === undefined && wanted === 'native') {
      throw new UserError('WEIR_QUERY_ENGINE=native: the addon does not answer this question');
    }
    const engine = native ?? (await openGeneral(files, plan, this.memoryOctets));
    this.share = () => engine.progress();
    return engine;
  }
}

async function openGeneral(files: FlowFiles, plan: Plan, memoryOctets: number | undefined): Promise<QueryEngine> {
  const { DuckDbEngine } = await import('./duckdb-engine.ts');
  return DuckDbEngine.open(files, plan.selection, memoryOctets);
}
