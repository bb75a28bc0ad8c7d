import { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { forwardFailure, TunnelError } from './tunnel-error.ts';

/** Subprotocol of a port-forward over WebSocket: one byte of channel before each message (k8s.io/apiserver wsstream). */
export const portForwardProtocol = 'v4.channel.k8s.io';

export interface PortForwardStreamOptions {
  /** `namespace/name`, for sentences. */
  pod: string;
  port: number;
  /** How often the other side is asked whether it is there. */
  pingMs?: number;
}

/** Of the first forwarded port, and there is only one. */
const dataChannel = 0;
const errorChannel = 1;
/** Each channel begins with the port number, two bytes little-endian. */
const channelHeaderBytes = 2;
/** The kubelet reads a message as a whole and refuses those over 32 MiB. */
const messageBytesMax = 256 * 1024;
const quietPingsMax = 3;
/** What a pod that reads nothing still takes in; with more on its way, silence only means that it is busy. */
const unreadBytesMax = 64 * 1024;
const busySilenceMsMax = 15 * 60_000;

/**
 * One TCP connection to a port of a pod. Reading slowly stops the WebSocket, and a pod that reads slowly stops the
 * writer, so memory stays bounded both ways. The protocol has no half-close: `end()` closes both directions once all is
 * written. Destroyed with a `TunnelError` when the runtime reports one, when the host's connection breaks, or when
 * nothing was heard for three pings.
 */
export class PortForwardStream extends Duplex {
  readonly #socket: WebSocket;
  readonly #options: PortForwardStreamOptions;
  readonly #pings: NodeJS.Timeout;
  readonly #headerBytesLeft = new Map([
    [dataChannel, channelHeaderBytes],
    [errorChannel, channelHeaderBytes],
  ]);
  #heardAt = performance.now();
  #reading = true;
  #written = 0;
  /** Bytes written before the last ping that was answered: the pod's side has taken in at least these. */
  #writtenAtPong = 0;

  /** The socket comes paused, or what the other side says first would be lost before we listen. */
  constructor(socket: WebSocket, options: PortForwardStreamOptions) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    this.#options = options;
    const pingMs = options.pingMs ?? 15_000;
    this.#pings = setInterval(() => this.#ping(pingMs), pingMs).unref();
    socket.on('message', (message) => this.#receive(message));
    socket.on('pong', (echoed) => {
      this.#heardAt = performance.now();
      this.#writtenAtPong = Number(echoed.toString('latin1')) || 0;
    });
    socket.on('error', (error) => this.destroy(this.#broken(error)));
    socket.on('close', (code) => this.#closed(code));
    socket.resume();
  }

  override _read(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#heardAt = performance.now();
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#written += chunk.length;
    this.#send(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.close(1000);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearInterval(this.#pings);
    this.#socket.terminate();
    done(error);
  }

  #send(chunk: Buffer, done: (error?: Error | null) => void): void {
    const part = chunk.subarray(0, messageBytesMax);
    const message = Buffer.allocUnsafe(part.length + 1);
    message[0] = dataChannel;
    part.copy(message, 1);
    this.#socket.send(message, { binary: true }, (error) => {
      if (error) done(this.#broken(error));
      else if (part.length < chunk.length) this.#send(chunk.subarray(part.length), done);
      else done();
    });
  }

  #receive(raw: RawData): void {
    this.#heardAt = performance.now();
    const message = asBuffer(raw);
    const channel = message[0] ?? dataChannel;
    const headerLeft = this.#headerBytesLeft.get(channel) ?? 0;
    const payload = message.subarray(1 + headerLeft);
    this.#headerBytesLeft.set(channel, Math.max(0, headerLeft - (message.length - 1)));
    if (payload.length === 0 || this.destroyed) return;
    if (channel === errorChannel) this.destroy(forwardFailure(payload.toString('utf8'), this.#options));
    else if (channel === dataChannel && !this.push(payload)) this.#stopReading();
  }

  #stopReading(): void {
    this.#reading = false;
    this.#socket.pause();
  }

  #closed(code: number): void {
    clearInterval(this.#pings);
    if (this.destroyed) return;
    if (code === 1000 || code === 1005 || this.writableEnded) this.push(null);
    else this.destroy(this.#broken(`the WebSocket was closed with ${code}`));
  }

  /** While our own reader is slow nothing can be heard, so silence says nothing. */
  #ping(everyMs: number): void {
    if (!this.#reading || this.#socket.readyState !== this.#socket.OPEN) return;
    const unread = this.#written - this.#writtenAtPong;
    const silenceMsMax = unread > unreadBytesMax ? busySilenceMsMax : quietPingsMax * everyMs;
    if (performance.now() - this.#heardAt > silenceMsMax) {
      this.destroy(this.#broken('nothing was heard from the other side any more'));
      return;
    }
    this.#socket.ping(String(this.#written));
  }

  #broken(cause: unknown): TunnelError {
    const { pod, port } = this.#options;
    return new TunnelError(`the tunnel to port ${port} of pod ${pod} broke`, { temporary: true, cause });
  }
}

function asBuffer(raw: RawData): Buffer {
  if (Buffer.isBuffer(raw)) return raw;
  return Array.isArray(raw) ? Buffer.concat(raw) : Buffer.from(raw);
}
