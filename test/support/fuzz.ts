import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Time that one fuzz test takes; `npm run fuzz` gives more. */
const FUZZ_MS = Number(process.env.WEIR_FUZZ_MS ?? 1000);
/** From here on a run is long, and its memory is looked at. */
const LONG_MS = 30_000;
/** Of a long run the first part fills tables and compiles code; what memory it took by then is what it may take. */
const WARM_UP_MS = Math.max(10_000, FUZZ_MS / 10);
/** Octets that the process may grow by behind that. */
const MOST_GROWTH = 96 * 2 ** 20;
/** Between two breaths of the event loop. */
const STRETCH_MS = 500;
/** Between two looks at memory, each without what is no longer used. */
const LOOK_MS = 3000;

/** Deterministic numbers below `limit`; the seed is printed when a test fails. */
export function dice(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}

/**
 * Runs `run` again and again for a second, or `WEIR_FUZZ_MS` milliseconds, with dice of a new seed, or of
 * `WEIR_FUZZ_SEED` where that is set. Fails with `run`, and when memory goes on growing in a run of half a minute or more.
 */
export async function fuzz(run: (roll: (limit: number) => number) => void | Promise<void>): Promise<void> {
  const seed = Number(process.env.WEIR_FUZZ_SEED ?? Date.now() % 2 ** 32);
  const roll = dice(seed);
  const begin = Date.now();
  const isLong = FUZZ_MS >= LONG_MS;
  const collectGarbage = isLong ? garbageCollector() : undefined;
  let lookedAt = begin;
  let usual = 0;
  let most = 0;
  let rounds = 0;
  try {
    for (let now = begin; now - begin < FUZZ_MS; now = Date.now()) {
      while (Date.now() - now < STRETCH_MS && Date.now() - begin < FUZZ_MS) {
        const running = run(roll);
        if (running !== undefined) await running;
        rounds++;
      }
      if (!isLong) continue;
      // A runner that is kept from its event loop takes the test for dead.
      await new Promise((resolve) => setImmediate(resolve));
      if (Date.now() - lookedAt < LOOK_MS) continue;
      lookedAt = Date.now();
      collectGarbage?.();
      const resident = process.memoryUsage.rss();
      if (Date.now() - begin < WARM_UP_MS) usual = Math.max(usual, resident);
      else if (resident > usual + MOST_GROWTH)
        throw new Error(`memory grew from ${mebibytes(usual)} to ${mebibytes(resident)}`);
      most = Math.max(most, resident);
    }
  } catch (error) {
    throw new Error(`fuzzing failed, WEIR_FUZZ_SEED=${seed}`, { cause: error });
  }
  if (isLong) {
    const seconds = Math.round((Date.now() - begin) / 1000);
    console.log(
      `seed ${seed}: ${rounds} rounds in ${seconds} s, ${mebibytes(usual)} at first, ${mebibytes(most)} at most`,
    );
  }
}

function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

function mebibytes(octets: number): string {
  return `${Math.round(octets / 2 ** 20)} MiB`;
}
