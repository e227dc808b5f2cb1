import { createSocket } from 'node:dgram';
import { afterEach, describe, expect, it } from 'vitest';
import { pointerLookUp, ReverseNames } from '../../src/enrich/reverse-names.ts';
import { parseAddress } from '../../src/flow/address.ts';

const LIMITS = { addresses: 100, atOnce: 4, totalMs: 5000 };
const find = (names: ReverseNames, address: string) => names.find(...parseAddress(address)!);

describe('names from reverse DNS', () => {
  it('are there after a look-up, and are asked for once', async () => {
    const asked: string[] = [];
    const names = new ReverseNames(async (address) => {
      asked.push(address);
      if (address === '192.0.2.9') throw new Error('NXDOMAIN');
      return `host-${address.replaceAll(/[.:]/g, '-')}.example.net.`;
    }, LIMITS);
    for (const address of ['192.0.2.1', '192.0.2.9', '2001:db8::1', '192.0.2.1']) expect(find(names, address)).toBe('');
    await names.lookUp();
    expect(find(names, '192.0.2.1')).toBe('host-192-0-2-1.example.net');
    expect(find(names, '2001:db8::1')).toBe('host-2001-db8--1.example.net');
    expect(find(names, '192.0.2.9')).toBe('');
    await names.lookUp();
    expect(asked).toEqual(['192.0.2.1', '192.0.2.9', '2001:db8::1']);
    expect(names.warning()).toBeUndefined();
  });

  it('are bounded in number, and told of what is left', async () => {
    let running = 0;
    let most = 0;
    const names = new ReverseNames(
      async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 1));
        running--;
        return 'a.example';
      },
      { ...LIMITS, addresses: 20 },
    );
    for (let i = 0; i < 30; i++) find(names, `10.0.0.${i}`);
    await names.lookUp();
    expect(find(names, '10.0.0.19')).toBe('a.example');
    expect(find(names, '10.0.0.20')).toBe('');
    expect(most).toBe(4);
    expect(names.warning()).toContain('10 addresses have no name');
  });

  it('end with their time, however long a server takes', async () => {
    const names = new ReverseNames(() => new Promise(() => undefined), { ...LIMITS, totalMs: 30 });
    find(names, '192.0.2.1');
    await names.lookUp();
    find(names, '192.0.2.2');
    await names.lookUp();
    expect(find(names, '192.0.2.2')).toBe('');
    expect(names.warning()).toContain('2 addresses');
  });

  it('gives up look-ups that are not answered when their time is over', async () => {
    let given = 0;
    const lookUp = Object.assign(() => new Promise<string>(() => undefined), { cancel: () => given++ });
    const names = new ReverseNames(lookUp, { ...LIMITS, totalMs: 30 });
    find(names, '192.0.2.1');
    await names.lookUp();
    expect(given).toBe(1);
  });

  it.each(['\u001b[31mred', 'a b', `${'a'.repeat(300)}.example`, '"quoted"'])('are not taken: %j', async (name) => {
    const names = new ReverseNames(async () => name, LIMITS);
    find(names, '192.0.2.1');
    await names.lookUp();
    expect(find(names, '192.0.2.1')).toBe('');
  });
});

describe('a name server', () => {
  const socket = createSocket('udp4');
  afterEach(() => socket.close());

  it('is asked for the pointer of an address', async () => {
    socket.on('message', (query, { port, address }) => socket.send(answerTo(query), port, address));
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const names = new ReverseNames(pointerLookUp([`127.0.0.1:${socket.address().port}`]), LIMITS);
    find(names, '192.0.2.77');
    await names.lookUp();
    expect(find(names, '192.0.2.77')).toBe('www.example.net');
  });
});

it('a name server that does not answer keeps nobody waiting', async () => {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const lookUp = pointerLookUp([`127.0.0.1:${socket.address().port}`]);
  const names = new ReverseNames(lookUp, { ...LIMITS, totalMs: 50 });
  find(names, '192.0.2.77');
  const queries = () => process.getActiveResourcesInfo().filter((name) => name.startsWith('QueryWrap')).length;
  await names.lookUp();
  await new Promise((resolve) => setImmediate(resolve));
  expect(queries()).toBe(0);
  socket.close();
});

/** A PTR record for whatever is asked (RFC 1035, section 4.1). */
function answerTo(query: Buffer): Buffer {
  const questionEnd = query.indexOf(0, 12) + 5;
  const name = Buffer.from('\x03www\x07example\x03net\x00', 'latin1');
  const header = Buffer.from([query[0]!, query[1]!, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
  const record = Buffer.from([0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 60, 0, name.length]);
  return Buffer.concat([header, query.subarray(12, questionEnd), record, name]);
}
