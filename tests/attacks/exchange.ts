import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';

/** A request exactly as written: neither path nor header names are tidied, as an attacker would send it. */
export interface Sent {
  method?: string;
  path: string;
  token?: string | undefined;
  /** JSON unless it is text already. */
  body?: unknown;
  /** Names and values in turn; they may repeat. */
  headers?: string[];
  /** An address of this machine to come from. */
  from?: string;
}

export interface Answer {
  status: number;
  text: string;
  headers: IncomingMessage['headers'];
  /** The parsed body; an empty object when it is no JSON. */
  json: Json;
}

// oxlint-disable-next-line typescript/no-explicit-any -- answers of a server under attack have any shape
export type Json = Record<string, any>;

export interface Server {
  url: string;
  certificateAuthority: string;
}

export async function exchange(server: Server, sent: Sent): Promise<Answer> {
  const response = await open(server, sent);
  const said = await text(response);
  return { status: response.statusCode ?? 0, text: said, headers: response.headers, json: parse(said) };
}

/** Leaves the answer open, for watches and followed logs. */
export function open(server: Server, sent: Sent): Promise<IncomingMessage> {
  const { hostname, port, protocol, host } = new URL(server.url);
  const body =
    typeof sent.body === 'string' || sent.body === undefined ? sent.body : JSON.stringify(sent.body);
  const headers = [
    ...(has(sent.headers, 'host') ? [] : ['Host', host]),
    ...(sent.token === undefined ? [] : ['Authorization', `Bearer ${sent.token}`]),
  ];
  if (body !== undefined && !has(sent.headers, 'content-type'))
    headers.push('Content-Type', 'application/json');
  const sized = ['content-length', 'transfer-encoding'].some((name) => has(sent.headers, name));
  if (!sized && (sent.method ?? 'GET') !== 'GET')
    headers.push('Content-Length', String(Buffer.byteLength(body ?? '')));
  const secure = protocol === 'https:';
  return new Promise((resolve, reject) => {
    const outgoing = (secure ? httpsRequest : httpRequest)({
      hostname,
      port,
      agent: false,
      path: sent.path,
      method: sent.method ?? 'GET',
      headers: [...headers, ...(sent.headers ?? [])],
      ...(sent.from !== undefined && { localAddress: sent.from }),
      ...(secure && { ca: server.certificateAuthority }),
    });
    outgoing.on('response', resolve).on('error', reject);
    outgoing.end(body);
  });
}

/** Resolves with what an open answer said until it ended, however it ended. */
export async function untilEnd(response: IncomingMessage): Promise<string> {
  let said = '';
  response.on('data', (chunk) => (said += String(chunk))).on('error', () => undefined);
  await new Promise<void>((resolve) => response.once('close', () => resolve()));
  return said;
}

function has(headers: string[] | undefined, name: string): boolean {
  return headers?.some((header, index) => index % 2 === 0 && header.toLowerCase() === name) ?? false;
}

function parse(said: string): Json {
  try {
    return JSON.parse(said) ?? {};
  } catch {
    return {};
  }
}
