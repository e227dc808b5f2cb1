import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Destination, formatDestination } from '../../export/destination.ts';
import { UserError } from '../../flow/user-error.ts';
import type { Log } from './log.ts';
import { MetricsText } from './metrics-text.ts';
import { ProcessMetrics } from './process-metrics.ts';

/** What the server asks the exporter or collector. */
export interface MetricsSubject {
  /** Counters in the text format of Prometheus; those of the process stand behind them. */
  metrics(): string;
  /** Why it does not do its work right now; empty when it does. */
  troubles(): string[];
}

const MAX_CONNECTIONS = 64;
const TIMEOUT_MS = 10_000;

/** `/metrics`, `/livez` and `/readyz` over HTTP. */
export class MetricsServer {
  private readonly server: Server;
  private subject: MetricsSubject | undefined;
  private readonly ofProcess = new ProcessMetrics();

  private constructor(server: Server) {
    this.server = server;
    server.on('request', (request, response) => this.answer(request, response));
  }

  /** Throws UserError when the address cannot be had. Until `serve` is called `/readyz` says that we are starting. */
  static async listen(place: Destination, warn: Log): Promise<MetricsServer> {
    const server = createServer({
      requestTimeout: TIMEOUT_MS,
      headersTimeout: TIMEOUT_MS,
      keepAliveTimeout: TIMEOUT_MS,
    });
    server.maxConnections = MAX_CONNECTIONS;
    const metrics = new MetricsServer(server);
    try {
      server.listen(place.port, place.host);
      await once(server, 'listening');
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      const why = code === 'EADDRINUSE' ? 'the port is in use by another program' : message;
      throw new UserError(`cannot serve metrics on ${formatDestination(place)}: ${why}`, { cause });
    }
    // A connection that cannot be taken ends nothing else.
    server.on('error', (error) => warn(`metrics on ${formatDestination(place)}: ${error.message}`));
    // A connection that breaks is the client's affair.
    server.on('clientError', (_error, socket) => socket.destroy());
    return metrics;
  }

  serve(subject: MetricsSubject): void {
    this.subject = subject;
  }

  /** Ends at once, with requests under way. */
  close(): void {
    this.ofProcess.close();
    this.server.close();
    this.server.closeAllConnections();
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const { status, text, type = 'text/plain; charset=utf-8' } = this.reply(request);
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
    response.end(request.method === 'HEAD' ? undefined : text);
  }

  private reply({ method, url }: IncomingMessage): { status: number; text: string; type?: string } {
    if (method !== 'GET' && method !== 'HEAD') return { status: 405, text: 'only GET and HEAD\n' };
    switch (url?.split('?')[0]) {
      case '/livez':
        return { status: 200, text: 'ok\n' };
      case '/readyz': {
        const troubles = this.subject?.troubles() ?? ['starting'];
        return troubles.length === 0
          ? { status: 200, text: 'ok\n' }
          : { status: 503, text: `${troubles.join('\n')}\n` };
      }
      case '/metrics':
        if (this.subject === undefined) return { status: 503, text: 'starting\n' };
        return { status: 200, text: this.metrics(this.subject), type: 'text/plain; version=0.0.4; charset=utf-8' };
      default:
        return { status: 404, text: 'there are /metrics, /livez and /readyz\n' };
    }
  }
  private metrics(subject: MetricsSubject): string {
    const text = new MetricsText();
    this.ofProcess.write(text);
    return `${subject.metrics()}${text}`;
  }
}
