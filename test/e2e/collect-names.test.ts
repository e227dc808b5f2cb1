import { expect, it } from 'vitest';
import { sendFrom, startCollector } from '../support/collector.ts';
import { concat, type TemplateField, uint, v9Datagram } from '../support/flow-datagrams.ts';
import { describeWith, tempDir, weirOk } from '../support/process.ts';
import { drained, freeUdpPort } from '../support/udp.ts';

function padded(text: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set(new TextEncoder().encode(text));
  return bytes;
}

/** An options table whose scope is the system, as Cisco sends them in v9. */
function table(id: number, fields: TemplateField[], rows: Uint8Array[]): Uint8Array {
  const template = { id, fields: [[1, 4], ...fields] as TemplateField[], scopes: 1 };
  return v9Datagram({
    templates: [template],
    data: [{ id, bytes: concat(...rows.map((row) => concat(uint(0, 4), row))) }],
  });
}

const options = [
  table(
    256,
    [
      [10, 4],
      [82, 12],
      [83, 16],
    ],
    [concat(uint(7, 4), padded('Gi0/7', 12), padded('to the café', 16))],
  ),
  table(
    257,
    [
      [234, 4],
      [236, 8],
    ],
    [concat(uint(3, 4), padded('blue', 8))],
  ),
  table(
    258,
    [
      [95, 4],
      [96, 8],
      [94, 8],
    ],
    [concat(uint(0x0d0001c5, 4), padded('youtube', 8), padded('YouTube', 8))],
  ),
  table(
    259,
    [
      [48, 1],
      [84, 8],
      [50, 4],
    ],
    [concat(uint(2, 1), padded('one-in-9', 8), uint(9, 4))],
  ),
];
const flow = v9Datagram({
  templates: [
    {
      id: 300,
      fields: [
        [8, 4],
        [10, 4],
        [14, 4],
        [234, 4],
        [95, 4],
        [48, 1],
        [2, 4],
      ] as TemplateField[],
    },
  ],
  data: [
    {
      id: 300,
      bytes: concat(
        uint(0x0a000001, 4),
        uint(7, 4),
        uint(8, 4),
        uint(3, 4),
        uint(0x0d0001c5, 4),
        uint(2, 1),
        uint(1, 4),
      ),
    },
  ],
});

describeWith(['weir'], 'names out of options data', () => {
  it('are joined to flows, also after a restart of the collector', async () => {
    const directory = tempDir('names');
    const port = await freeUdpPort();
    for (const datagrams of [options, [flow]]) {
      const collector = await startCollector(['-w', directory], port);
      await sendFrom(
        datagrams.map((datagram) => ({ from: '127.0.0.1', datagram })),
        port,
      );
      await drained(port);
      expect((await collector.stop()).status, collector.output).toBe(0);
    }
    const dump = (...args: string[]) => weirOk(['dump', '-R', directory, '-q', ...args]);
    const json = JSON.parse((await dump('-o', 'ndjson')).trim());
    expect(json).toMatchObject({
      input_snmp: 7,
      input_name: 'Gi0/7',
      ingress_vrf_name: 'blue',
      application_name: 'youtube',
      sampler_name: 'one-in-9',
      extra: { applicationId: '13:453', samplerId: 2 },
    });
    expect(json).not.toHaveProperty('output_name');
    expect((await dump('-o', 'csv:%inam,%onam,%ivrfnam,%app')).trim().split('\n')[1]).toBe('Gi0/7,,blue,youtube');
    expect((await dump('-o', 'fmt:%inam|%onam|%ivrfnam')).trimEnd()).toBe(
      '                Gi0/7|                     |        blue',
    );
    const [account] = JSON.parse(await weirOk(['exporters', '-r', directory, '-o', 'json']));
    expect(account.names['127.0.0.1']).toEqual({
      interfaces: { 7: { name: 'Gi0/7', description: 'to the café' } },
      vrfs: { 3: { name: 'blue', description: '' } },
      applications: { '13:453': { name: 'youtube', description: 'YouTube' } },
      samplers: { 2: { name: 'one-in-9', description: '' } },
    });
  });
});
