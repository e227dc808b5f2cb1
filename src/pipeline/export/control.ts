import type { Socket } from 'node:net';
import { timeoutNames } from '../../cache/timeout-presets.ts';
import type { Presence } from '../../capture/reopening-input.ts';
import { FlowBatch } from '../../flow/batch.ts';
import { UserError } from '../../flow/user-error.ts';
import { FlowPrinter, parseStreamFormat } from '../../query/flow-printer.ts';
import { plural } from '../daemon/log.ts';
import type { ControlAnswer, ControlCommand, ControlCommands } from './control-socket.ts';
import { meteredColumns } from './metered-columns.ts';
import { describeExported, duration } from './report.ts';
import type { ExportRuntime } from './runtime.ts';
import { withTimeout } from './single-timeout.ts';

/** What `weir ctl` asks of a running `weir export`. */
export function exportCommands(runtime: ExportRuntime): ControlCommands {
  return {
    status: alone('status', () => status(runtime)),
    statistics: alone('statistics', () => statistics(runtime)),
    flows: (args) => flows(runtime, args),
    'expire-all': alone('expire-all', async () => {
      const count = await runtime.expireAll();
      return { lines: [`${plural(count, 'flow')} ended`], data: { flows: count } };
    }),
    timeouts: (args) => timeouts(runtime, args),
    'send-template': alone('send-template', () => {
      if (runtime.options.destinations.length === 0) throw new UserError('send-template: there are no collectors');
      if (runtime.options.version === 5) throw new UserError('send-template: NetFlow v5 has no templates');
      runtime.senders.announce();
      return { lines: ['templates go out with what is sent next'], data: {} };
    }),
    stop: alone('stop', () => {
      // The answer goes before the end.
      setImmediate(() => runtime.stop('weir ctl stop'));
      return { lines: ['stopping: sending the flows at hand'], data: {} };
    }),
  };
}

function alone(name: string, command: () => ControlAnswer | Promise<ControlAnswer>): ControlCommand {
  return ([unexpected]) => {
    if (unexpected !== undefined) throw new UserError(`${name} takes no "${unexpected}"`);
    return command();
  };
}

function seconds({ startedMs }: ExportRuntime): number {
  return Math.max((Date.now() - startedMs) / 1000, 1e-3);
}

function status(runtime: ExportRuntime): ControlAnswer {
  const { options, inputs, cache, senders } = runtime;
  const { active, peak, created } = cache.stats();
  const parts = inputs.parts.map(({ name, input, presence, link }) => {
    const { packets, wireBytes, kernelDropped, interfaceDropped, queueDropped } = input.stats();
    const dropped = kernelDropped + interfaceDropped + queueDropped;
    const told = { link: link?.() ?? null, ...(presence === undefined ? {} : absence(presence)) };
    return { name, packets, wireBytes, dropped, ...told };
  });
  const links = senders.linksInUse().map(({ name, stats }) => ({ name, ...stats }));
  const { directory, filter, maxFlows } = options;
  const uptime = seconds(runtime);
  const lines = [
    `weir export, process ${process.pid}, running for ${duration(uptime)}`,
    ...parts.map(
      ({ name, packets, wireBytes, dropped, link, timesGone = 0, awaySeconds = null }) =>
        `read    ${name === '' ? options.files.join(', ') : name}: ${plural(packets, 'packet')}, ${wireBytes} octets, ` +
        `${dropped} dropped` +
        (timesGone === 0 ? '' : `, gone ${plural(timesGone, 'time')}`) +
        (awaySeconds === null ? '' : `, away for ${duration(awaySeconds)}`) +
        (link === null || link === 'up' ? '' : `, ${link}`),
    ),
    ...(filter === undefined ? [] : [`filter  ${filter}`]),
    `flows   ${active} at hand, at most ${peak} (limit ${maxFlows}), ${created} since the start`,
    ...links.map(({ name, sent, failed, tooLong }) => {
      return `send    ${name}: ${plural(sent, 'datagram')}, ${failed + tooLong} failed`;
    }),
    ...(directory === undefined ? [] : [`write   ${directory}: ${plural(runtime.store?.storedFlows ?? 0, 'flow')}`]),
  ];
  const data = {
    process: process.pid,
    uptimeSeconds: Math.floor(uptime),
    inputs: parts,
    flows: { active, peak, created, limit: maxFlows },
    collectors: links,
    ...(directory === undefined ? {} : { directory }),
  };
  return { lines, data };
}

function absence({ timesGone, awaySinceMs }: Presence) {
  const awaySeconds = awaySinceMs === undefined ? null : Math.floor((performance.now() - awaySinceMs) / 1000);
  return { timesGone, awaySeconds };
}

function statistics(runtime: ExportRuntime): ControlAnswer {
  const { inputs, cache, output, senders, store } = runtime;
  const run = {
    packets: inputs.reader.stats(),
    notAccounted: inputs.notAccounted(),
    countedBefore: inputs.countedBefore(),
    duplicates: runtime.duplicates(),
    cache: cache.stats(),
    output,
    senders,
    store,
  };
  const data = {
    packets: run.packets,
    notAccounted: run.notAccounted,
    countedBefore: run.countedBefore,
    cache: run.cache,
    output: { flows: output.flows, dropped: output.lostFlows },
    sent: senders.stats() ?? null,
    collectors: senders.transportStats().map(({ name, stats }) => ({ name, ...stats })),
    stored: store === undefined ? null : { flows: store.storedFlows, lost: store.lostFlows },
  };
  return { lines: describeExported({ ...run, seconds: seconds(runtime) }), data };
}

function timeouts(runtime: ExportRuntime, args: readonly string[]): ControlAnswer {
  if (args.length > 0) runtime.setTimeouts(args.reduce(withTimeout, runtime.options.timeouts));
  const { timeouts: inForce } = runtime.options;
  return { lines: timeoutNames.map((name) => `${name.padEnd(8)} ${inForce[name]} s`), data: inForce };
}

/** Flows at hand are printed in portions of so many, between which packets are metered. */
const PORTION_ROWS = 4096;

/** Every flow that is at hand from beginning to end is printed; of those that come or go meanwhile some are. */
function flows(runtime: ExportRuntime, [format = 'line', unexpected]: readonly string[]): ControlAnswer {
  if (unexpected !== undefined) throw new UserError(`flows takes one format, not "${unexpected}" as well`);
  parseStreamFormat(format);
  const stream = async (socket: Socket) => {
    let isGone = false;
    const gone = () => {
      isGone = true;
    };
    // A client that is cut off does not take what waits for it.
    const cut = new Promise<void>((resolve) => socket.once('close', resolve)).then(gone);
    const printer = await FlowPrinter.open(format, socket, meteredColumns(runtime.options), gone);
    const batch = new FlowBatch(PORTION_ROWS);
    for (let from = 1; from !== 0 && !isGone; ) {
      batch.reset();
      from = await runtime.cache.snapshot(batch, from, Date.now());
      await Promise.race([printer.write(batch), cut]);
    }
    if (!isGone) await Promise.race([printer.close(), cut]);
  };
  return { lines: [], data: {}, stream };
}
