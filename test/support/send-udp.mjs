// @ts-check
/**
 * Sends datagrams of one port to another: `node send-udp.mjs HOST PORT COUNT`. A program of its own, because it runs in
 * another network namespace.
 */
import { createSocket } from 'node:dgram';

const [host, port, count] = /** @type {[string, string, string]} */ (process.argv.slice(2));
const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
// Nobody listens: the refusal comes back as an error of the socket.
socket.on('error', () => {});
for (let i = 0; i < Number(count); i++) {
  await new Promise((resolve) => socket.send(`datagram ${i}`, Number(port), host, resolve));
}
socket.close();
