import { describe, expect, it, test } from 'vitest';
import { parseCollectArguments } from '../../src/cli/collect.ts';
import { readCollectArguments } from '../../src/cli/nfcapd-arguments.ts';

async function optionsOf(line: string) {
  const parsed = await parseCollectArguments(line.split(' '));
  return parsed!;
}

describe('start lines of nfcapd', () => {
  it('-w as the flag of 1.6, with everything of a start script', async () => {
    const line = '-w -D -p 4444 -u www -g www -B 200000 -S 1 -P pid -z -I name -l dir';
    const { options, goesToBackground } = await optionsOf(line);
    expect(goesToBackground).toBe(true);
    expect(options).toMatchObject({
      plan: { kind: 'one', directory: 'dir', ident: 'name' },
      listeners: [{ transport: 'udp', host: '*', port: 4444 }],
      identity: { user: 'www', group: 'www' },
      receiveBufferBytes: 200_000,
      layout: 1,
      pidFile: 'pid',
    });
    expect(options.notes.map((note) => note.slice(0, 2))).toEqual(['-w', '-z']);
  });

  it('-w as a flag before another', async () => {
    const { options, goesToBackground } = await optionsOf('-w -D -l dir -p 34343');
    expect(goesToBackground).toBe(true);
    expect(options).toMatchObject({
      plan: { kind: 'one', directory: 'dir' },
      listeners: [{ transport: 'udp', host: '*', port: 34_343 }],
    });
  });

  it('a list of extensions, and a source by address', async () => {
    const { options, goesToBackground } = await optionsOf('-T all -B 1000000 -n name,127.0.0.1,.');
    expect(goesToBackground).toBe(false);
    expect(options.plan).toEqual({
      kind: 'listed',
      sources: [{ ident: 'name', directory: '.', prefixes: [{ words: [0, 0, 0xffff, 0x7f000001], bits: 128 }] }],
    });
    expect(options.receiveBufferBytes).toBe(1_000_000);
  });

  it('values attached as getopt has them, flags in one word', async () => {
    const { options, goesToBackground } = await optionsOf('-Dq4 -p9995 -Iborder -t60 -w/var/flows -z=zstd:3 -W8 -v 3');
    expect(goesToBackground).toBe(true);
    expect(options).toMatchObject({
      quiet: true,
      listeners: [{ transport: 'udp', host: '0.0.0.0', port: 9995 }],
      intervalSec: 60,
    });
    expect(options.plan).toEqual({ kind: 'one', directory: '/var/flows', ident: 'border' });
    expect(options.notes).toHaveLength(3);
  });

  it('-X with and without a list', () => {
    expect(readCollectArguments(['-X', '-w', 'dir']).argv).toEqual(['-w=dir']);
    expect(readCollectArguments(['-X', '1,2,8', '-w', 'dir']).argv).toEqual(['-w=dir']);
  });

  it('a value that looks like an option', async () => {
    const { options } = await optionsOf('-w dir -s -100');
    expect(options.sampling).toEqual({ rate: 100, isFixed: true });
    expect((await optionsOf('-w dir -s 100')).options.sampling).toEqual({ rate: 100, isFixed: false });
  });

  it('several sources, with lists, blocks and both families', async () => {
    const { options } = await optionsOf('-n a,10.0.0.1;2001:db8::/32,/flows/a -n b,10.1.0.0/16,/flows/b');
    expect(options.plan).toMatchObject({
      sources: [
        { ident: 'a', prefixes: [{ bits: 128 }, { words: [0x20010db8, 0, 0, 0], bits: 32 }] },
        { ident: 'b', prefixes: [{ words: [0, 0, 0xffff, 0x0a010000], bits: 112 }] },
      ],
    });
  });

  test.each([
    ['-w -D', /nowhere.*-w DIR/],
    ['-w a -l b', /-w and -l.*a and b/],
    ['-w a -n x,10.0.0.1,b', /exclude/],
    ['-M a -n x,10.0.0.1,b', /exclude/],
    ['-n x,10.0.0.1', /IDENT,IP/],
    ['-n x,router,b', /"router"/],
    ['-n x,10.0.0.0/33,b', /10\.0\.0\.0\/33/],
    ['-n x,10.0.0.1,b -n y,10.0.0.2,./b', /b twice/],
    ['-n x,10.0.0.1,b -n x,10.0.0.2,c', /x twice/],
    ['-w a -s 0', /-s/],
    ['-w a -p', /-p needs a value/],
    ['-w a -A', /-A is about -R/],
    ['-w a -m /tmp/socket', /-m: .*--metrics/],
    ['-w a -o tun', /-o: .*outer addresses/],
    ['-w a -k', /unknown option -k; see weir collect --help/],
    ['-w a -4 -b ::1', /::1.*-4/],
  ])('%s is refused', async (line, message) => {
    await expect(parseCollectArguments(line.split(' '))).rejects.toThrow(message);
  });
});
