/** What `weir top` shows, and what keys make of it. */
export interface TopState {
  /** As -s takes it, without the order. */
  readonly statistic: string;
  readonly order: string;
  readonly filter: string;
  readonly windowSeconds: number;
  readonly paused: boolean;
  /** What is being typed, for the filter or the statistic. */
  readonly prompt: { readonly of: 'filter' | 'statistic'; readonly text: string } | undefined;
}

/** What has to be done after a key. */
export type TopAction = 'none' | 'redraw' | 'ask' | 'quit';

const STATISTICS = ['srcip', 'dstip', 'ip', 'srcport', 'dstport', 'port', 'proto', 'record', 'as', 'if', 'router'];
const ORDERS = ['bytes', 'packets', 'flows', 'bps', 'pps', 'bpp'];
const WINDOWS = [60, 300, 900, 3600];
const LONGEST_PROMPT = 1000;
const [CTRL_C, BACKSPACE, DELETE, ESCAPE, CTRL_U] = ['\x03', '\b', '\x7f', '\x1b', '\x15'];

export const TOP_KEYS = 's statistic  t type one  o order  w window  f filter  space pause  q quit';

const KEYS = new RegExp(`${ESCAPE}(?:[[O][0-9;]*[A-Za-z~])?|[^${ESCAPE}]`, 'gu');

/** Keys out of what a terminal sends at once: arrows and the like are an escape and more. */
export function splitKeys(text: string): string[] {
  return text.match(KEYS) ?? [];
}

/** The state after a key as a terminal in raw mode sends it. */
export function pressKey(state: TopState, key: string): { readonly state: TopState; readonly action: TopAction } {
  if (key === CTRL_C) return { state, action: 'quit' };
  if (state.prompt !== undefined) return typeKey(state, state.prompt, key);
  switch (key) {
    case 'q':
      return { state, action: 'quit' };
    case 's':
      return { state: { ...state, statistic: step(STATISTICS, state.statistic, 1) }, action: 'ask' };
    case 'S':
      return { state: { ...state, statistic: step(STATISTICS, state.statistic, -1) }, action: 'ask' };
    case 'o':
      return { state: { ...state, order: step(ORDERS, state.order, 1) }, action: 'ask' };
    case 'O':
      return { state: { ...state, order: step(ORDERS, state.order, -1) }, action: 'ask' };
    case 'w':
      return { state: { ...state, windowSeconds: step(WINDOWS, state.windowSeconds, 1) }, action: 'ask' };
    case 'f':
      return { state: { ...state, prompt: { of: 'filter', text: state.filter } }, action: 'redraw' };
    case 't':
      return { state: { ...state, prompt: { of: 'statistic', text: '' } }, action: 'redraw' };
    case ' ':
      return { state: { ...state, paused: !state.paused }, action: state.paused ? 'ask' : 'redraw' };
    default:
      return { state, action: 'none' };
  }
}

function typeKey(
  state: TopState,
  { of, text }: NonNullable<TopState['prompt']>,
  key: string,
): { readonly state: TopState; readonly action: TopAction } {
  const typed = (next: string) => ({ state: { ...state, prompt: { of, text: next } }, action: 'redraw' as const });
  if (key === ESCAPE) return { state: { ...state, prompt: undefined }, action: 'redraw' };
  if (key === BACKSPACE || key === DELETE) return typed([...text].slice(0, -1).join(''));
  if (key === CTRL_U) return typed('');
  if (key === '\r' || key === '\n') {
    const value = text.trim();
    const next = of === 'filter' ? { filter: value } : value === '' ? {} : { statistic: value };
    return { state: { ...state, ...next, prompt: undefined }, action: 'ask' };
  }
  // Arrows and the like begin with an escape; nothing of them is text.
  if (key.startsWith(ESCAPE)) return { state, action: 'none' };
  return /\p{Cc}/u.test(key) ? { state, action: 'none' } : typed((text + key).slice(0, LONGEST_PROMPT));
}

function step<T>(list: readonly T[], at: T, by: number): T {
  // What is not in the list goes to its first.
  const index = list.indexOf(at);
  return list[index < 0 ? 0 : (index + by + list.length) % list.length]!;
}
