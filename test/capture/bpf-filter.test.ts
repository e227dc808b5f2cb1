import { describe, expect, it } from 'vitest';
import { checkFilter, joinFilters } from '../../src/capture/bpf-filter.ts';

describe('filters', () => {
  it('all of them must hold', () => {
    expect(joinFilters(undefined, undefined)).toBe(undefined);
    expect(joinFilters(undefined, 'udp')).toBe('udp');
    expect(joinFilters('udp or tcp', 'port 53')).toBe('(udp or tcp) and (port 53)');
  });

  it('are right if they mean something on any kind of link', async () => {
    for (const right of [undefined, '', ' ', 'not port 9995', 'vlan 5', 'wlan type mgt']) await checkFilter(right);
    await expect(checkFilter('prot udp')).rejects.toThrow(/^filter "prot udp": .*\n {2}prot udp\n/);
  });
});
