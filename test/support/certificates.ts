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

/** An authority, a collector (`collector.test`, 127.0.0.1) and an exporter that it vouches for, and an authority of no account. */
export function makeCertificates(directory: string): Record<'ca' | 'collector' | 'exporter' | 'stranger', Certificate> {
  return {
    ca: authority('ca'),
    collector: signed('collector', 'DNS:collector.test,IP:127.0.0.1'),
    exporter: signed('exporter', 'DNS:exporter.test'),
    stranger: authority('stranger'),
  };

  function authority(name: string): Certificate {
    openssl(['req', '-x509', ...newKey(name), '-subj', `/CN=${name}`, '-days', '2', '-out', path(`${name}.pem`)]);
    return load(name);
  }

  function signed(name: string, names: string): Certificate {
    openssl(['req', ...newKey(name), '-subj', `/CN=${name}`, '-out', path(`${name}.csr`)]);
    writeFileSync(path(`${name}.ext`), `subjectAltName=${names}\n`);
    const from = ['-in', path(`${name}.csr`), '-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial'];
    openssl(['x509', '-req', ...from, '-days', '2', '-extfile', path(`${name}.ext`), '-out', path(`${name}.pem`)]);
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
