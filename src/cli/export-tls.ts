import { type OptionTable, valueOption } from '../config/option.ts';
import type { OptionValues } from '../config/option-values.ts';
import type { TlsIdentity } from '../export/tcp-connection.ts';
import { UserError } from '../flow/user-error.ts';
import { readPem } from './pem-file.ts';

/** What is shown to collectors of `tls://`, and what they must show. */
export const tlsOptions: OptionTable = {
  'tls-ca': valueOption('tls://: only trust collectors with a certificate of these authorities, PEM'),
  'tls-cert': valueOption('tls://: certificate that weir shows, PEM, chain included'),
  'tls-key': valueOption('tls://: its private key, PEM'),
  'tls-server-name': valueOption("tls://: name in the collector's certificate [default: the HOST]"),
};

/** Reads the files; undefined when there is no TLS. Rejects with a UserError. */
export async function parseTls(values: OptionValues, isUsed: boolean): Promise<TlsIdentity | undefined> {
  const given = Object.keys(tlsOptions).find((name) => values.text(name) !== undefined);
  if (!isUsed) {
    if (given !== undefined) throw new UserError(`--${given} has a meaning with -n tls://HOST:PORT only`);
    return undefined;
  }
  const [ca, cert, key] = (['tls-ca', 'tls-cert', 'tls-key'] as const).map((name) => {
    const path = values.text(name);
    return path === undefined ? undefined : readPem(name, path);
  });
  if ((cert === undefined) !== (key === undefined)) throw new UserError('--tls-cert and --tls-key go together');
  const serverName = values.text('tls-server-name');
  const identity: TlsIdentity = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { serverName }),
  };
  const { checkTlsIdentity } = await import('../export/tcp-connection.ts');
  checkTlsIdentity(identity);
  return identity;
}
