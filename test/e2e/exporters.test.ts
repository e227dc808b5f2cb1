import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sendFrom, startCollector } from '../support/collector.ts';
import { ipfixMessage, uint } from '../support/flow-datagrams.ts';
import { netflow5 } from '../support/netflow5.ts';
import { describeWith, tempDir, weir, weirOk } from '../support/process.ts';
import { drained, freeUdpPort } from '../support/udp.ts';

const exportSeconds = Math.floor(Date.now() / 1000);

describeWith(['weir'], 'weir exporters', () => {
  it('tells what each exporter sent, what is missing of it, and what nobody could read', async () => {
    const directory = tempDir('exporters');
    const port = await freeUdpPort();
    const collector = await startCollector(['-w', directory], port);
    await sendFrom(
      [
        { from: '127.0.0.10', datagram: netflow5(5, 0) },
        // 15 records are missing.
        { from: '127.0.0.10', datagram: netflow5(5, 20) },
        {
          from: '127.0.0.9',
          datagram: ipfixMessage({ templates: [{ id: 256, fields: [[1, 4]] }], domain: 7, exportSeconds }),
        },
        {
          from: '127.0.0.9',
          datagram: ipfixMessage({ data: [{ id: 256, bytes: uint(9, 4) }], domain: 7, exportSeconds }),
        },
        {
          from: '127.0.0.9',
          datagram: ipfixMessage({ data: [{ id: 300, bytes: uint(9, 4) }], sequence: 1, domain: 7, exportSeconds }),
        },
        { from: '127.0.0.11', datagram: Buffer.from('no flow export') },
      ],
      port,
    );
    await drained(port);
    const account = join(directory, '.weir.exporters.json');
    await collector.until('accounted', () => existsSync(account));
    expect((await collector.stop()).status, collector.output).toBe(0);
    expect(collector.output).toMatch(/Flows: 11, .*Lost: 0 datagrams 15 records, Bad Packets: 1, File: /);

    const json = JSON.parse(await weirOk(['exporters', '-r', directory, '-o', 'json']));
    expect(json).toHaveLength(1);
    expect(json[0]).toMatchObject({
      schema: 1,
      ident: 'none',
      storedFlows: 11,
      lostFlows: 0,
      reception: { datagrams: 6, kernelDropped: 0, queueDropped: 0, ignored: 0 },
      decode: { unknownVersion: 1 },
    });
    const lines = (await weirOk(['exporters', '-r', directory])).split('\n');
    expect(lines[1]!.split(/ {2,}/)).toEqual(
      [
        'Exporter',
        'Ver',
        'Domain',
        'By',
        'Datagrams',
        'Records',
        'Lost',
        'Late',
        'Twice',
        'Resets',
        'Templates',
      ].concat(['Unknown', 'Sampling', 'Skew', 'Last seen']),
    );
    // By number, so .9 before .10.
    expect(lines[2]).toMatch(
      /^127\.0\.0\.9 +10 +7 +udp +3 +1 +0 +0 +0 +0 +1 +1 +- +-?\d+\.\d s +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/,
    );
    expect(lines[3]).toMatch(/^127\.0\.0\.10 +5 +0 +udp +2 +10 +15 records +0 +0 +0 +0 +0 +- /);
    expect(lines[4]).toMatch(/^Received: 6 datagrams, lost in the kernel: 0, in our queue: 0, ignored: 0, bad: 1$/);
  });

  it('reads the sources of a collector that has one for each exporter', async () => {
    const directory = tempDir('exporters-dynamic');
    const port = await freeUdpPort();
    const collector = await startCollector(['-M', directory], port);
    const senders = ['127.0.0.2', '127.0.0.3'];
    await sendFrom(
      senders.map((from) => ({ from, datagram: netflow5(2, 0) })),
      port,
    );
    await drained(port);
    await collector.stop();
    const text = await weirOk(['exporters', '-r', directory]);
    expect(text.match(/^Ident '127-0-0-[23]'/gm)).toHaveLength(2);
  });

  it('says what is wrong with a directory or a file', async () => {
    const directory = tempDir('exporters-bad');
    const none = await weir(['exporters', '-r', directory]);
    expect([none.status, none.stderr]).toEqual([1, expect.stringMatching(/no account of exporters/)]);
    const gone = await weir(['exporters', '-r', join(directory, 'gone')]);
    expect([gone.status, gone.stderr]).toEqual([1, expect.stringMatching(/gone/)]);
    for (const text of ['{', 'null', '{"schema":99}', '{"schema":1}']) {
      writeFileSync(join(directory, '.weir.exporters.json'), text);
      const bad = await weir(['exporters', '-r', directory]);
      expect([bad.status, bad.stderr], text).toEqual([
        1,
        expect.stringMatching(/^weir: .*\.weir\.exporters\.json is .*\n$/),
      ]);
    }
  });
});
