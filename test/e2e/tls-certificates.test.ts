import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Certificate, makeCertificates } from '../support/certificates.ts';
import { Daemon, describeWith, ROOT, tempDir, weir } from '../support/process.ts';
import { countRows, segmentFiles } from '../support/segments.ts';
import { freeTcpPort } from '../support/tcp.ts';

const DEMO = join(ROOT, 'pcaps/demo.pcap');
const FLOWS = 810;

describeWith(['weir', 'openssl'], 'certificates between weir export and weir collect', () => {
  const made = makeCertificates(tempDir('certificates'));
  const { ca, collector, exporter, expired, early, stranger } = made;
  const shows = ({ certPath, keyPath }: Certificate) => ['--tls-cert', certPath, '--tls-key', keyPath];

  /** What an exporter with these options says to a collector with those, what the collector says, and the flows it stored. */
  async function session(collecting: readonly string[], exporting: readonly string[]) {
    const [directory, port] = [tempDir('tls'), await freeTcpPort()];
    const listen = ['--listen', `tls://127.0.0.1:${port}`, '-w', directory];
    const daemon = Daemon.weir(['collect', ...listen, ...collecting]);
    await daemon.until('listening', () => daemon.output.includes('listening on'));
    const to = ['-n', `tls://127.0.0.1:${port}`, '--tls-ca', ca.certPath];
    const sent = await weir(['export', '-r', DEMO, ...to, ...exporting]);
    expect((await daemon.stop()).status, daemon.output).toBe(0);
    return { ...sent, log: daemon.output, stored: await countRows(segmentFiles(directory)) };
  }

  it.each<[string, Certificate, string[], RegExp]>([
    ['has expired', expired, [], /certificate has expired/],
    ['is not yet valid', early, [], /certificate is not yet valid/],
    [
      'is for another name',
      collector,
      ['--tls-server-name', 'other.test'],
      /it is for DNS:collector\.test, .* not for other\.test/,
    ],
    ['is signed by itself', stranger, [], /self-signed certificate.*\(--tls-ca names the authorities to trust\)/],
  ])("a collector's that %s is refused, with nothing sent", async (_, shown, options, why) => {
    const { status, stderr, stored } = await session(shows(shown), options);
    expect(stderr).toMatch(
      /^weir: tls:\/\/127\.0\.0\.1:\d+: cannot connect: certificate of the collector not accepted: /,
    );
    expect(stderr).toMatch(why);
    expect([status, stored]).toEqual([1, 0]);
  });

  it.each<[string, Certificate, string]>([
    ['has expired', expired, 'CERT_HAS_EXPIRED'],
    ['is not yet valid', early, 'CERT_NOT_YET_VALID'],
    ['is signed by itself', stranger, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ])("an exporter's that %s is refused, and what was sent is counted as lost", async (_, shown, why) => {
    const { status, stderr, log, stored } = await session([...shows(collector), '--tls-ca', ca.certPath], shows(shown));
    expect(log).toContain(`failed: certificate of the client not accepted (${why})`);
    expect([status, stored], stderr).toEqual([1, 0]);
    expect(stderr).toMatch(/messages to tls:.* failed|cannot connect/);
  });

  it('good ones on both sides bring every flow', async () => {
    const mutual = [...shows(collector), '--tls-ca', ca.certPath];
    const named = [...shows(exporter), '--tls-server-name', 'collector.test'];
    expect(await session(mutual, named)).toMatchObject({ status: 0, stored: FLOWS });
  });
});
