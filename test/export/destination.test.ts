import { describe, expect, it } from 'vitest';
import { formatDestination, parseCollector, parseDestination } from '../../src/export/destination.ts';
import { UserError } from '../../src/flow/user-error.ts';

describe('destinations', () => {
  it.each([
    ['192.0.2.1:2055', '192.0.2.1', 2055],
    ['192.0.2.1', '192.0.2.1', 9995],
    ['192.0.2.1/4739', '192.0.2.1', 4739],
    ['collector.example.net:1', 'collector.example.net', 1],
    ['my_host/65535', 'my_host', 65535],
    ['[2001:db8::1]:2055', '2001:db8::1', 2055],
    ['[2001:db8::1]', '2001:db8::1', 9995],
    ['[2001:db8::1]/2055', '2001:db8::1', 2055],
    ['2001:db8::1', '2001:db8::1', 9995],
    ['2001:db8::1/2055', '2001:db8::1', 2055],
    ['::1', '::1', 9995],
    ['2001:db8:1:2:3:4:5:9995', '2001:db8:1:2:3:4:5:9995', 9995],
    ['[2001:db8::1:9995]', '2001:db8::1:9995', 9995],
    ['2001:db8::1:abc', '2001:db8::1:abc', 9995],
    ['[fe80::1%eth0]:2055', 'fe80::1%eth0', 2055],
  ])('%s is host %s port %i', (text, host, port) => {
    expect(parseDestination(text)).toEqual({ host, port });
    expect(parseDestination(formatDestination({ host, port }))).toEqual({ host, port });
  });

  it('says what it is of', () => {
    expect(() => parseDestination('h:0', 1, '--metrics')).toThrow(/^--metrics "h:0": "0" is not a port/);
  });

  it('takes the default port of the caller', () => {
    expect(parseDestination('h', 4739)).toEqual({ host: 'h', port: 4739 });
  });

  it.each([
    ['', 'host is missing'],
    [':9995', 'host is missing'],
    ['/9995', 'host is missing'],
    ['h:', 'not a port'],
    ['h:0', 'not a port'],
    ['h:65536', 'not a port'],
    ['h:12x', 'not a port'],
    ['h/', 'not a port'],
    ['[::1]:', 'not a port'],
    ['[host]:5', 'not an IPv6 address'],
    ['[::1', 'not a host'],
    ['[::1]5', 'not a host'],
    ['a b:5', 'not a host'],
    ['a:b:5', 'not a host'],
    ['fe80::1%', 'not a host'],
    ['9995', 'not a host'],
    ['::1:9995', 'is 9995 a port, or part of the address: give'],
    ['2001:db8::7:4739', 'is 4739 a port'],
  ])('%j is refused', (text, why) => {
    const parse = () => parseDestination(text);
    expect(parse).toThrow(UserError);
    expect(parse).toThrow(why);
  });
});

describe('the way to a collector', () => {
  it.each([
    ['h', 'udp', 9995],
    ['udp://h', 'udp', 9995],
    ['tcp://h', 'tcp', 4739],
    ['tls://h', 'tls', 4740],
    ['tls://h:5', 'tls', 5],
  ])('%s', (text, transport, port) => {
    expect(parseCollector(text)).toEqual({ transport, host: 'h', port });
  });
});
