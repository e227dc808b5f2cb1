import { expect, it } from 'vitest';
import { MetricsServer } from '../../../src/pipeline/daemon/metrics-server.ts';
import { freeTcpPort } from '../../support/tcp.ts';

it('goes on after a connection that the system could not hand over', async () => {
  const port = await freeTcpPort();
  const warnings: string[] = [];
  const server = await MetricsServer.listen({ host: '127.0.0.1', port }, (line) => warnings.push(line));
  try {
    server['server'].emit('error', new Error('accept EPROTO'));
    expect(warnings).toEqual([`metrics on 127.0.0.1:${port}: accept EPROTO`]);
    const answer = await fetch(`http://127.0.0.1:${port}/livez`);
    expect([answer.status, await answer.text()]).toEqual([200, 'ok\n']);
  } finally {
    server.close();
  }
});
