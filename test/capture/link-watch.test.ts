import { afterEach, expect, it, vi } from 'vitest';
import type { SystemInterface } from '../../src/addon/addon.ts';
import { LinkWatch } from '../../src/capture/link-watch.ts';

afterEach(() => {
  vi.useRealTimers();
});

const one = (name: string, isUp: boolean, hasLink: boolean): SystemInterface => ({ index: 1, name, isUp, hasLink });

it('tells those that are not up at first, and then each change once', () => {
  vi.useFakeTimers();
  let found = [one('a', true, true), one('b', false, false), one('c', true, false), one('other', false, false)];
  const told: string[] = [];
  const watch = new LinkWatch(
    ['a', 'b', 'c', 'any'],
    () => found,
    (device, state) => told.push(`${device} ${state}`),
  );
  const later = (...next: SystemInterface[]) => {
    found = next;
    vi.advanceTimersByTime(2000);
    return told.splice(0);
  };
  expect(told.splice(0)).toEqual(['b down', 'c no link']);
  expect(['a', 'b', 'c', 'any'].map((name) => watch.stateOf(name))).toEqual(['up', 'down', 'no link', undefined]);
  expect(later(one('a', true, true), one('b', true, false), one('c', true, false))).toEqual(['b no link']);
  expect(later(one('a', false, false), one('b', true, true), one('c', true, true))).toEqual(['a down', 'b up', 'c up']);
  // Who captures it tells that it has gone and is back.
  expect(later(one('b', true, true))).toEqual([]);
  expect(watch.stateOf('a')).toBe(undefined);
  expect(later(one('a', true, true), one('b', true, true))).toEqual([]);
  expect(later(one('b', true, true))).toEqual([]);
  expect(later(one('a', false, false), one('b', true, true))).toEqual(['a down']);
  watch.close();
  expect(later(one('a', true, true))).toEqual([]);
});
