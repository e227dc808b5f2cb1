import { expect, it } from 'vitest';
import { sendFrom, startCollector } from '../support/collector.ts';
import { concat, ipfixMessage, uint } from '../support/flow-datagrams.ts';
import { describeWith, tempDir, weirOk } from '../support/process.ts';
import { drained, freeUdpPort } from '../support/udp.ts';

function record(address: number, name: string): Uint8Array {
  return concat(uint(address, 4), new TextEncoder().encode(name), uint(1, 4));
}

describeWith(['weir'], 'elements without a column', () => {
  it('are stored, merged with parts that have none, and printed', async () => {
    const directory = tempDir('extra');
    const port = await freeUdpPort();
    const send = async (datagrams: Uint8Array[]) => {
      const collector = await startCollector(['-w', directory, '-t', '86400'], port);
      await sendFrom(
        datagrams.map((datagram) => ({ from: '127.0.0.1', datagram })),
        port,
      );
      await drained(port);
      expect((await collector.stop()).status, collector.output).toBe(0);
    };
    const plain = { id: 256, fields: [[8, 4]] as [number, number][] };
    await send([ipfixMessage({ templates: [plain], data: [{ id: 256, bytes: uint(0x0a000001, 4) }] })]);
    const named = {
      id: 257,
      fields: [
        [8, 4],
        [96, 4],
        [2, 4],
      ] as [number, number][],
    };
    const bytes = concat(record(0x0a000002, 'http'), record(0x0a000003, 'ssh '));
    await send([ipfixMessage({ templates: [named], data: [{ id: 257, bytes }] })]);

    const lines = (await weirOk(['dump', '-R', directory, '-q', '-o', 'ndjson'])).trim().split('\n');
    const flows = lines.map((line) => JSON.parse(line) as { src4_addr: string; extra?: unknown });
    expect(flows.map(({ src4_addr, extra }) => [src4_addr, extra])).toEqual([
      ['10.0.0.1', undefined],
      ['10.0.0.2', { applicationName: 'http' }],
      ['10.0.0.3', { applicationName: 'ssh ' }],
    ]);
    const json = JSON.parse(await weirOk(['dump', '-R', directory, '-q', '-o', 'json', '-c', '2']));
    expect(json[1].extra).toEqual({ applicationName: 'http' });
    const tagged = await weirOk(['dump', '-R', directory, '-q', '-o', 'fmt:%sa|%extra|', 'src ip 10.0.0.3']);
    expect(tagged.trim()).toBe('10.0.0.3|{"applicationName":"ssh "}|');
    const asked = async (filter: string) =>
      (await weirOk(['dump', '-R', directory, '-q', '-o', 'fmt:%sa', filter])).trim().split(/\s+/);
    expect(await asked('ie applicationName = "http"')).toEqual(['10.0.0.2']);
    expect(await asked('ie applicationName != "http"')).toEqual(['10.0.0.3']);
    expect(await asked('not ie applicationName "http"')).toEqual(['10.0.0.1', '10.0.0.3']);
    expect(await asked('ie sourceIPv4Address 10.0.0.1-10.0.0.2')).toEqual(['10.0.0.1', '10.0.0.2']);

    const copy = tempDir('extra-copy');
    await weirOk(['dump', '-R', directory, '-q', '-w', `${copy}/file.parquet`]);
    const copied = await weirOk(['dump', '-r', `${copy}/file.parquet`, '-q', '-o', 'fmt:%extra', '-O', 'tstart']);
    expect(copied).toContain('{"applicationName":"http"}');
  });
});
