import { describe, expect, it } from 'vitest';
import { confWords, parseInterface } from '../../src/capture/interface.ts';
import { UserError } from '../../src/flow/user-error.ts';

describe('-i NAME:WORD,...', () => {
  it.each([
    ['eth0', { device: 'eth0', conf: 3 }],
    ['eth0:', { device: 'eth0', conf: 3 }],
    ['eth0:ingress', { device: 'eth0', conf: 1 }],
    ['eth0:egress', { device: 'eth0', conf: 2 }],
    ['eth0:ingress,egress', { device: 'eth0', conf: 3 }],
    ['eth0:both,once', { device: 'eth0', conf: 7 }],
    ['eth0:once', { device: 'eth0', conf: 7 }],
    ['eth0:thisonce,nosrclookup,nodstlookup', { device: 'eth0', conf: 59 }],
    ['eth0:conf=7', { device: 'eth0', conf: 7 }],
    ['eth0:conf=0', { device: 'eth0', conf: 0 }],
    [
      'eth0.5:index=3,name=uplink,description=to the south', // a VLAN's interface
      { device: 'eth0.5', conf: 3, index: 3, name: 'uplink', description: 'to the south' },
    ],
    [
      'eth0:ingress,filter=tcp[0:2] = 80 or host 1.2.3.4, 5',
      { device: 'eth0', conf: 1, filter: 'tcp[0:2] = 80 or host 1.2.3.4, 5' },
    ],
    ['eth0:nopromiscuous', { device: 'eth0', conf: 3, promiscuous: false }],
    ['any:promiscuous', { device: 'any', conf: 3, promiscuous: true }],
  ])('%s', (text, expected) => {
    expect(parseInterface(text)).toEqual(expected);
  });

  it.each([
    [':ingress', /name of an interface is missing/],
    ['eth0:ingres', /"ingres" is none of ingress, egress/],
    ['eth0:toString', /"toString" is none of/],
    ['eth0:ingress,,egress', /"" is none of/],
    ['eth0:ingress=1', /"ingress=1" is none of/],
    ['eth0:name=', /"name=" is none of/],
    ['eth0:conf=64', /"conf=64" takes a whole number from 0 to 63/],
    ['eth0:conf=-1', /takes a whole number/],
    ['eth0:conf=', /takes a whole number/],
    ['eth0:conf=7,once', /conf= has all bits already/],
    ['eth0:index=0', /"index=0" takes a whole number from 1 to 2147483647/],
    ['eth0:index=99999999999', /takes a whole number/],
    ['eth0:filter=', /"filter=" is none of/],
  ])('%s is refused', (text, message) => {
    expect(() => parseInterface(text)).toThrow(UserError);
    expect(() => parseInterface(text)).toThrow(message);
  });

  it('a mask has words', () => {
    expect(confWords(7)).toEqual(['ingress', 'egress', 'once']);
    expect(confWords(57)).toEqual(['ingress', 'thisonce', 'nosrclookup', 'nodstlookup']);
    expect(confWords(0)).toEqual([]);
  });
});
