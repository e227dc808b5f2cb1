import { expect, it } from 'vitest';
import { ExporterNames } from '../../src/flow/exporter-names.ts';

const named = (name: string, description = '') => ({ name, description });

it('keeps the last word, by exporter and kind', () => {
  const names = new ExporterNames();
  names.learn('192.0.2.1', 'interfaces', '1', named('eth0'));
  names.learn('192.0.2.1', 'vrfs', '1', named('red'));
  names.learn('192.0.2.2', 'interfaces', '1', named('', 'uplink'));
  names.learn('192.0.2.1', 'interfaces', '1', named('eth1'));
  names.learn('192.0.2.1', 'interfaces', '2', named(''));
  expect(names.revision).toBe(4);
  names.learn('192.0.2.1', 'interfaces', '1', named('eth1'));
  expect(names.revision).toBe(4);
  expect(names.name('192.0.2.1', 'interfaces', '1')).toBe('eth1');
  expect(names.name('192.0.2.1', 'vrfs', '1')).toBe('red');
  expect(names.name('192.0.2.2', 'interfaces', '1')).toBe('uplink');
  expect(names.name('192.0.2.1', 'interfaces', '2')).toBe('');
  const again = new ExporterNames();
  again.restore(names.save());
  expect(again.toObject()).toEqual(names.toObject());
});

it('takes hostile files for what they are', () => {
  const names = new ExporterNames();
  expect(() => names.restore('{"schema":2}')).toThrow(/schema/);
  expect(() => names.restore('null')).toThrow();
  names.restore('{"schema":1,"exporters":{"__proto__":{"interfaces":{"1":{"name":"x","description":""}}},"a":7}}');
  expect(names.name('toString', 'interfaces', '1')).toBe('');
  expect(names.name('__proto__', 'interfaces', '1')).toBe('x');
  expect(({} as Record<string, unknown>)['interfaces']).toBeUndefined();
});

it('has a limit, of which one exporter gets four fifths', () => {
  const names = new ExporterNames();
  for (let i = 0; i < 200_010; i++) names.learn('192.0.2.1', 'vrfs', String(i), named('x'));
  expect(names.revision).toBe(160_000);
  expect([names.refused('192.0.2.1'), names.refused('192.0.2.2')]).toEqual([40_010, 0]);
  names.learn('192.0.2.2', 'vrfs', '1', named('y'));
  expect(names.name('192.0.2.2', 'vrfs', '1')).toBe('y');
});
