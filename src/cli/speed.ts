import { UserError } from '../flow/user-error.ts';

/** The value of `--speed`: times the recorded speed, 0 for no pauses. */
export function parseSpeed(text: string | undefined): number {
  const speed = /^\d+(\.\d+)?$/.test(text ?? '') ? Number(text) : Number.NaN;
  if (!(speed === 0 || (speed >= 0.001 && speed <= 1e6))) {
    throw new UserError(`--speed takes 0 or a number from 0.001 to 1000000, not "${text}"`);
  }
  return speed;
}
