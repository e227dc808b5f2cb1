// @ts-check
/** Two network namespaces with a virtual cable between them: what is sent at one end is metered at the other. */
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { compiled, ENVIRONMENT } from './measure.mjs';

/** Where datagrams go: an address at the end of another cable, where nobody listens. */
export const SINK = '10.99.0.2';
export const METERED = 'veth-m';

const SENDER = `weir-bench-sender-${process.pid}`;
const METER = `weir-bench-meter-${process.pid}`;

/** @param {...string} args */
function ip(...args) {
  return execFileSync('ip', args, { encoding: 'utf8' });
}

export function buildLab() {
  for (const name of [SENDER, METER]) {
    ip('netns', 'add', name);
    // Without this the kernel announces itself on the new link, and that would be metered too.
    inside(name, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6');
    ip('-n', name, 'link', 'set', 'lo', 'up');
  }
  ip('link', 'add', 'veth-s', 'netns', SENDER, 'type', 'veth', 'peer', 'name', METERED, 'netns', METER);
  ip('-n', SENDER, 'link', 'set', 'veth-s', 'up');
  ip('-n', METER, 'link', 'set', METERED, 'up');
  ip('link', 'add', 'sink', 'netns', METER, 'type', 'veth', 'peer', 'name', 'drain', 'netns', SENDER);
  ip('-n', SENDER, 'link', 'set', 'drain', 'up');
  ip('-n', METER, 'addr', 'add', '10.99.0.1/24', 'dev', 'sink');
  ip('-n', METER, 'link', 'set', 'sink', 'up');
  ip('-n', METER, 'neigh', 'add', SINK, 'lladdr', '02:00:00:00:00:02', 'dev', 'sink');
}

export function removeLab() {
  for (const name of [SENDER, METER]) {
    try {
      ip('netns', 'del', name);
    } catch {
      // It was never made.
    }
  }
}

/** @param {string} name @param {...string} command */
function inside(name, ...command) {
  return execFileSync('ip', ['netns', 'exec', name, ...command], { encoding: 'utf8' });
}

/** Packets that came out of the cable's metered end so far: those that a meter sees or has to count as dropped. */
export function arrived() {
  const [link] = JSON.parse(ip('-n', METER, '-s', '-j', 'link', 'show', METERED));
  return /** @type {number} */ (link.stats64.rx.packets);
}

/** A program at the metered end, with what it says. */
export class LiveMeter {
  output = '';
  /** CPU seconds of the program and its children. */
  cpuSeconds = 0;

  /** @param {string} command @param {readonly string[]} args */
  constructor(command, args) {
    this.child = spawn('ip', ['netns', 'exec', METER, command, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: ENVIRONMENT,
    });
    this.child.stdout.on('data', (chunk) => {
      this.output += chunk;
    });
    this.child.stderr.on('data', (chunk) => {
      this.output += chunk;
    });
    this.ended = new Promise((resolve) => this.child.on('close', resolve));
  }

  /** Until it captures: the kernel lists its socket, and libpcap has turned that into a ring. */
  async capturing() {
    for (let i = 0; i < 100; i++) {
      if (this.child.exitCode !== null) throw new Error(`${this.child.spawnargs.join(' ')}\n${this.output}`);
      if (inside(METER, 'cat', '/proc/net/packet').trimEnd().split('\n').length > 1) break;
      await pause(100);
    }
    await pause(1500);
  }

  /** Waits until it needs no CPU time any more: what it had to meter is metered. */
  async idle() {
    for (let i = 0; i < 100; i++) {
      const before = this.sample();
      await pause(300);
      if (this.sample() - before < 0.02) return;
    }
  }

  /** @param {NodeJS.Signals} signal */
  async stop(signal) {
    this.sample();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 30_000);
    this.child.kill(signal);
    await this.ended;
    clearTimeout(timer);
  }

  /** @param {NodeJS.Signals} signal */
  signal(signal) {
    this.child.kill(signal);
  }

  sample() {
    this.cpuSeconds = family(/** @type {number} */ (this.child.pid)).reduce((sum, pid) => sum + cpuSeconds(pid), 0);
    return this.cpuSeconds;
  }
}

/** @param {number} pid @returns {number[]} it and its descendants */
function family(pid) {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) => {
    try {
      return readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    } catch {
      return [];
    }
  });
  return [pid, ...children.flatMap(family)];
}

/** @param {number} pid */
function cpuSeconds(pid) {
  // The name of the program in parentheses may hold blanks: count fields from behind it.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Packets a second beyond which tcpreplay, with its system call for each, may be what is measured. */
const TCPREPLAY_PPS = 400_000;

/**
 * Replays a capture into the cable: by tcpreplay, and at rates that it may not reach by a sender of our own.
 * @param {string} file
 * @param {number} rate packets a second; 0: as many as can be
 * @param {string} scratch directory that the sender is built in
 * @returns {Promise<{sent: number, rate: number}>} packets that were sent, and how many a second
 */
export function replay(file, rate, scratch) {
  return rate > 0 && rate <= TCPREPLAY_PPS ? tcpreplay(file, rate) : send(file, rate, scratch);
}

/** @param {string} file @param {number} rate @param {string} scratch */
async function send(file, rate, scratch) {
  const program = compiled('live-sender', scratch);
  const output = await outputOf(['netns', 'exec', SENDER, program, 'veth-s', String(rate), file]);
  const [, sent, seconds] = /^(\d+) packets in ([\d.]+) s/.exec(output) ?? [];
  if (sent === undefined) throw new Error(`live-sender: ${output}`);
  return { sent: Number(sent), rate: Number(sent) / Number(seconds) };
}

/** @param {string} file @param {number} rate */
async function tcpreplay(file, rate) {
  // One look at the clock for a burst of packets: a tenth of a millisecond or two at these rates.
  const pace = ['--pps', String(rate), '--pps-multi', String(Math.max(1, Math.round(rate / 10_000)))];
  const args = ['netns', 'exec', SENDER, 'tcpreplay', '-i', 'veth-s', '--preload-pcap', ...pace, file];
  const output = await outputOf(args);
  const sent = /Successful packets:\s+(\d+)/.exec(output)?.[1];
  const reached = /Rated:.*?([\d.]+) pps/.exec(output)?.[1];
  if (sent === undefined || reached === undefined) throw new Error(`tcpreplay: ${output}`);
  return { sent: Number(sent), rate: Number(reached) };
}

/** @param {readonly string[]} args of ip */
async function outputOf(args) {
  const child = spawn('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  await new Promise((resolve) => child.on('close', resolve));
  return output;
}

/** @param {number} ms */
export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
