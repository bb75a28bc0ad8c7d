import { Agent, type AgentOptions } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { checkServerIdentity } from 'node:tls';

/** Whom we trust at the other end, and what we show of ourselves. */
export interface TlsPeer {
  /** PEM; null for the authorities that the system trusts. */
  certificateAuthority: string | null;
  /** Name that the certificate must hold, when it is not the host of the address. */
  serverName?: string;
  cert?: string;
  key?: string;
  /** Gives raw bytes to the other end; without it the address is dialled. */
  connect?: () => Promise<Duplex>;
  /** Whether connections are used again; true when absent. */
  keepAlive?: boolean;
}

/** A host is asked much at once and then nothing: with fewer, a worker does little else than shake hands. */
const idleSocketsMax = 128;
/** API servers close idle connections after 90 s: whoever is earlier seldom sends into one that is just being closed. */
const idleMsMax = 60_000;

/** A pool of TLS connections, kept alive and always verified, over the network or over a tunnel. */
export function tlsAgent(peer: TlsPeer): Agent {
  const options: AgentOptions = {
    keepAlive: peer.keepAlive ?? true,
    maxFreeSockets: idleSocketsMax,
    timeout: idleMsMax,
    ...tlsOptions(peer),
  };
  return peer.connect ? new TunnelAgent(options, peer.connect) : new Agent(options);
}

function tlsOptions({ certificateAuthority, serverName, cert, key }: TlsPeer): AgentOptions {
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    ...(certificateAuthority !== null && { ca: certificateAuthority }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(serverName !== undefined && {
      // An address is no server name (RFC 6066 §3), but a certificate may hold it.
      servername: isIP(serverName) ? '' : serverName,
      checkServerIdentity: (_host, certificate) => checkServerIdentity(serverName, certificate),
    }),
  };
}

class TunnelAgent extends Agent {
  readonly #open: () => Promise<Duplex>;

  constructor(options: AgentOptions, open: () => Promise<Duplex>) {
    super(options);
    this.#open = open;
  }

  override createConnection(
    ...[options, callback]: Parameters<Agent['createConnection']>
  ): ReturnType<Agent['createConnection']> {
    void this.#secure(options).then(
      (stream) => callback?.(null, stream),
      // Node looks at the error alone; its type asks for a stream in either case.
      (error: unknown) => Reflect.apply(callback ?? (() => undefined), undefined, [error]),
    );
    return undefined;
  }

  /** Node's own way remembers TLS sessions, which saves the pod half of a handshake. */
  async #secure(options: Parameters<Agent['createConnection']>[0]): Promise<Duplex> {
    const socket = await this.#open();
    const host = options.hostname ?? options.host ?? '';
    const servername = this.options.servername ?? (isIP(host) ? '' : host);
    const over: typeof options & { socket: Duplex } = { ...options, socket, host, servername };
    const secured = super.createConnection(over);
    if (!secured) throw new Error('no TLS connection was made');
    return secured;
  }
}
