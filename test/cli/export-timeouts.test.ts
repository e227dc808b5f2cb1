import { describe, expect, it } from 'vitest';
import { parseExportArguments } from '../../src/cli/export.ts';

async function timeoutsOf(...args: string[]) {
  return (await parseExportArguments(['-r', 'x.pcap', '-w', 'x', ...args]))!.timeouts;
}

describe('timeouts of weir export', () => {
  it('are those of the preset', async () => {
    expect(await timeoutsOf()).toEqual({
      tcp: 60,
      udp: 60,
      icmp: 60,
      general: 60,
      'tcp.rst': 5,
      'tcp.fin': 5,
      maxlife: 300,
    });
    expect(await timeoutsOf('--timeouts', 'softflowd')).toMatchObject({ tcp: 3600, 'tcp.rst': 120, maxlife: 604_800 });
    expect(await timeoutsOf('--timeouts', 'netflowsink')).toMatchObject({ udp: 182, maxlife: 0 });
  });

  it('are changed by --active and --inactive, and then one by one, in whatever order they are given', async () => {
    expect(
      await timeoutsOf('--timeout', 'udp=7', '--inactive', '20', '--timeouts', 'ng_netflow', '--timeout', 'tcp.fin=3'),
    ).toEqual({ tcp: 20, udp: 7, icmp: 20, general: 20, 'tcp.rst': 0, 'tcp.fin': 3, maxlife: 1800 });
    expect(await timeoutsOf('--active', '99', '--timeout', 'maxlife=0')).toMatchObject({ maxlife: 0, tcp: 60 });
  });

  it.each([
    ['tcp', '--timeout takes NAME=SECONDS with NAME one of tcp,'],
    ['sctp=5', '--timeout takes NAME=SECONDS'],
    ['tcp=', '--timeout tcp takes a whole number from 1 to'],
    ['tcp=0', '--timeout tcp takes a whole number from 1 to'],
    ['tcp.fin=-1', '--timeout tcp.fin takes a whole number from 0 to'],
    ['expint=60', 'flows end exactly when they are due'],
  ])('--timeout %s is refused', async (text, message) => {
    await expect(timeoutsOf('--timeout', text)).rejects.toThrow(message);
  });
});
