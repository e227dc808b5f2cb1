#!/usr/bin/env node
// @ts-check
/** Receives datagrams on a free port of loopback, prints the port, and after SIGTERM how many there were and their octets. */
import { createSocket } from 'node:dgram';

const socket = createSocket({ type: 'udp4', recvBufferSize: 64 * 1024 * 1024 });
let datagrams = 0;
let octets = 0;
socket.on('message', (datagram) => {
  datagrams += 1;
  octets += datagram.length;
});
socket.bind(0, '127.0.0.1', () => console.log(socket.address().port));
process.on('SIGTERM', () => {
  console.log(JSON.stringify({ datagrams, octets }));
  socket.close();
});
