import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where engines of this process put what memory does not hold; they make it when they need it, and clear it away. */
export const SPILL_DIRECTORY = join(tmpdir(), `weir-query-${process.pid}`);
