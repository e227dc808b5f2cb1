/** An address to receive on: of this host, or of a multicast group (`GROUP%INTERFACE`); `*` for all of both families. */
export interface ListenEndpoint {
  readonly transport: 'udp' | 'tcp' | 'tls';
  readonly host: string;
  readonly port: number;
}

export function formatEndpoint({ transport, host, port }: ListenEndpoint): string {
  const place = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return transport === 'udp' ? place : `${transport}://${place}`;
}
