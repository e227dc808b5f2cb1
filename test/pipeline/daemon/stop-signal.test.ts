import { afterEach, expect, test, vi } from 'vitest';
import { StopSignal } from '../../../src/pipeline/daemon/stop-signal.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

test('a signal and its echo stop once; one that comes later ends at once', () => {
  const exit = vi.spyOn(process, 'exit').mockImplementation((() => undefined) as unknown as typeof process.exit);
  const clock = vi.spyOn(performance, 'now').mockReturnValue(1000);
  const signals = new StopSignal();
  const stops: string[] = [];
  signals.stops((signal) => stops.push(signal));
  try {
    process.emit('SIGTERM', 'SIGTERM');
    clock.mockReturnValue(1100);
    process.emit('SIGTERM', 'SIGTERM');
    expect([stops, exit.mock.calls]).toEqual([['SIGTERM'], []]);
    clock.mockReturnValue(2000);
    process.emit('SIGINT', 'SIGINT');
    expect([stops, exit.mock.calls]).toEqual([['SIGTERM'], [[1]]]);
  } finally {
    signals.release();
  }
});
