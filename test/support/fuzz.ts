/** Time that one fuzz test takes. */
const FUZZ_MS = 1000;

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

/** Runs `run` again and again for `FUZZ_MS`, with dice of a new seed, or of `WEIR_FUZZ_SEED` where that is set. */
export function fuzz(run: (roll: (limit: number) => number) => void): void {
  const seed = Number(process.env.WEIR_FUZZ_SEED ?? Date.now() % 2 ** 32);
  const roll = dice(seed);
  const end = Date.now() + FUZZ_MS;
  try {
    while (Date.now() < end) run(roll);
  } catch (error) {
    throw new Error(`fuzzing failed, WEIR_FUZZ_SEED=${seed}`, { cause: error });
  }
}
