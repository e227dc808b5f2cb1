/** Certificates for tests, made by openssl. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  readonly certPath: string;
  readonly keyPath: string;
  readonly cert: Buffer;
  readonly key: Buffer;
}

type Role = 'ca' | 'collector' | 'exporter' | 'expired' | 'early' | 'stranger';

/**
 * An authority, a collector (`collector.test`, 127.0.0.1) and an exporter that it vouches for, the same for 127.0.0.1 in the past and in
 * the future, and an authority of no account.
 */
export function makeCertificates(directory: string): Record<Role, Certificate> {
  return {
    ca: authority('ca'),
    collector: signed('collector', 'DNS:collector.test,IP:127.0.0.1'),
    exporter: signed('exporter', 'DNS:exporter.test'),
    expired: signed('expired', 'IP:127.0.0.1', '20010101000000Z', '20020101000000Z'),
    early: signed('early', 'IP:127.0.0.1', '20980101000000Z', '20990101000000Z'),
    stranger: authority('stranger'),
  };

  function authority(name: string): Certificate {
    openssl(['req', '-x509', ...newKey(name), '-subj', `/CN=${name}`, '-days', '2', '-out', path(`${name}.pem`)]);
    return load(name);
  }

  /** Good for two days from now, or from a time to another. */
  function signed(name: string, names: string, from?: string, to?: string): Certificate {
    openssl(['req', ...newKey(name), '-subj', `/CN=${name}`, '-out', path(`${name}.csr`)]);
    writeFileSync(path(`${name}.ext`), `subjectAltName=${names}\n`);
    writeFileSync(path('index.txt'), '');
    const settings = [
      `database=${path('index.txt')}`,
      `new_certs_dir=${directory}`,
      'default_md=sha256',
      'rand_serial=yes',
    ];
    const config = ['[ca]', 'default_ca=own', '[own]', ...settings, 'policy=any', '[any]', 'commonName=supplied', ''];
    writeFileSync(path('ca.cnf'), config.join('\n'));
    const times = from === undefined || to === undefined ? ['-days', '2'] : ['-startdate', from, '-enddate', to];
    const by = ['-config', path('ca.cnf'), '-cert', path('ca.pem'), '-keyfile', path('ca.key'), '-batch', '-notext'];
    const request = ['-in', path(`${name}.csr`), '-extfile', path(`${name}.ext`), '-out', path(`${name}.pem`)];
    openssl(['ca', ...by, ...times, ...request]);
    return load(name);
  }

  function newKey(name: string): string[] {
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    return [...kind, '-keyout', path(`${name}.key`)];
  }

  function load(name: string): Certificate {
    const [certPath, keyPath] = [path(`${name}.pem`), path(`${name}.key`)];
    return { certPath, keyPath, cert: readFileSync(certPath), key: readFileSync(keyPath) };
  }

  function path(name: string): string {
    return join(directory, name);
  }
}

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}
