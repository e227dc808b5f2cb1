import { describe, expect, it, test } from 'vitest';
import { FramingError, MessageFramer } from '../../src/collect/message-framer.ts';
import { concat, fill, ipfixMessage, set, uint, v9Datagram } from '../support/flow-datagrams.ts';
import { fuzz } from '../support/fuzz.ts';

const template = { id: 256, fields: [[8, 4]] as const };
const data = (octets: number) => [{ id: 256, bytes: fill(octets, octets) }];
const ipfix = [
  ipfixMessage({ templates: [template] }),
  ipfixMessage({}),
  ipfixMessage({ data: data(40_000) }),
  concat(uint(10, 2), uint(65_535, 2), fill(65_531, 3)),
];
const v9 = [
  v9Datagram({ templates: [template], data: data(40) }),
  v9Datagram({}),
  v9Datagram({ data: [...data(1400), ...data(9), ...data(40_000)] }),
];

function take(framer: MessageFramer, chunk: Uint8Array): Uint8Array[] {
  const messages: Uint8Array[] = [];
  // As a socket gives it: memory that is another's afterwards.
  const own = chunk.slice();
  framer.append(own);
  while (framer.next()) {
    messages.push(framer.bytes.slice(framer.start, framer.end));
    framer.consume();
  }
  framer.settle();
  own.fill(0xee);
  return messages;
}

function flush(framer: MessageFramer): Uint8Array[] {
  if (!framer.flush()) return [];
  const last = framer.bytes.slice(framer.start, framer.end);
  framer.consume();
  framer.settle();
  return [last];
}

describe('messages out of a stream', () => {
  for (const [name, messages] of [
    ['IPFIX', ipfix],
    ['NetFlow v9', v9],
    ['both', [...v9, ...v9]],
  ] as const) {
    test.each([1, 2, 3, 7, 1000, 65_536, 1 << 20])(`${name}, %i octets at a time`, (size) => {
      const stream = concat(...messages);
      const framer = new MessageFramer();
      const found: Uint8Array[] = [];
      for (let at = 0; at < stream.length; at += size) found.push(...take(framer, stream.subarray(at, at + size)));
      found.push(...flush(framer));
      expect(found.map((message) => message.length)).toEqual(messages.map((message) => message.length));
      expect(Buffer.concat(found).equals(stream)).toBe(true);
      expect(framer.held).toBe(0);
    });
  }

  it('holds a message of v9 until it is known to be whole', () => {
    const framer = new MessageFramer();
    const [message] = v9 as [Uint8Array];
    expect(take(framer, message.subarray(0, 30))).toEqual([]);
    expect(framer.flush()).toBe(false);
    expect(take(framer, message.subarray(30))).toEqual([]);
    expect(flush(framer)).toEqual([message]);
    expect(take(framer, v9[1]!)).toEqual([]);
    expect(flush(framer)).toEqual([v9[1]]);
  });

  it.each([
    ['a version of nothing', uint(11, 2)],
    ['NetFlow v5', uint(5, 2)],
    ['a message shorter than its header', concat(uint(10, 2), uint(15, 2))],
    ['a reserved set', concat(v9[0]!, uint(10, 2))],
    ['a set shorter than its header', concat(v9[0]!, uint(256, 2), uint(3, 2))],
    ['v9 without end', concat(v9[1]!, set(256, fill(40_000, 1)), set(256, fill(30_000, 1)), uint(256, 2))],
  ])('%s breaks the stream', (_, stream) => {
    expect(() => take(new MessageFramer(), stream)).toThrow(FramingError);
  });

  it('keeps no more than one message and a chunk, and ends or breaks, whatever comes', async () => {
    const corpus = concat(...ipfix, ...v9, ...ipfix);
    await fuzz((roll) => {
      const stream = corpus.slice(0, 1 + roll(corpus.length));
      for (let i = roll(4); i > 0; i--) stream[roll(stream.length)] = roll(256);
      const framer = new MessageFramer();
      let found = 0;
      try {
        for (let at = 0; at < stream.length; ) {
          const size = 1 + roll(roll(2) === 0 ? 20 : 65_536);
          for (const message of take(framer, stream.subarray(at, at + size))) {
            expect(message.length).toBeLessThanOrEqual(65_535);
            found += message.length;
          }
          at += size;
          expect(framer.held).toBeLessThanOrEqual(65_535 + 65_536);
          expect(framer.bytes.length).toBeLessThanOrEqual(262_144);
        }
        expect(found + framer.held).toBe(stream.length);
      } catch (error) {
        if (!(error instanceof FramingError)) throw error;
      }
    });
  });
});
