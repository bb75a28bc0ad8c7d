import { request } from 'node:https';
import { text } from 'node:stream/consumers';

/** `fetch` that trusts the authority of an installation, as an independent client has to be told to. */
export function fetchTrusting(ca: string) {
  return (
    input: string | URL | Request,
    init: { method?: string; headers?: HeadersInit; body?: unknown } = {},
  ): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input);
    if (url.protocol === 'http:') return fetch(url, { method: init.method ?? 'GET', redirect: 'manual' });
    const headers = Object.fromEntries(new Headers(init.headers));
    const body = init.body instanceof URLSearchParams ? init.body.toString() : init.body;
    return new Promise((done, failed) => {
      const call = request(url, { method: init.method ?? 'GET', headers, ca }, (answer) => {
        text(answer).then((content) => {
          const pairs = Object.entries(answer.headers).flatMap(([name, value]) =>
            [value ?? []].flat().map((one): [string, string] => [name, one]),
          );
          const status = answer.statusCode ?? 0;
          done(new Response(status === 204 ? null : content, { status, headers: pairs }));
        }, failed);
      });
      call.once('error', failed);
      call.end(typeof body === 'string' ? body : undefined);
    });
  };
}

/** A browser without scripts: keeps cookies by path, follows redirects within the server, stops at a client's address. */
export class PlainBrowser {
  readonly #cookies = new Map<string, { value: string; path: string }>();
  readonly #origin: string;
  page = '';
  at = '';
  status = 0;

  constructor(origin: string) {
    this.#origin = origin;
  }

  /** Answers where it ended: here, or at the first address that is not the server's. */
  go(to: string): Promise<string> {
    return this.#follow(new URL(to, this.#origin), { method: 'GET' });
  }

  /** Sends the form of the page as it is, with what is typed into it. */
  submit(typed: Record<string, string> = {}): Promise<string> {
    const action = /<form method="post" action="([^"]+)"/.exec(this.page)?.[1] ?? this.at;
    const hidden = [...this.page.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(
      ([, name = '', value = '']): [string, string] => [name, value],
    );
    const body = new URLSearchParams({ ...Object.fromEntries(hidden), ...typed });
    const headers = { origin: this.#origin };
    return this.#follow(new URL(action, this.at), { method: 'POST', body, headers });
  }

  async #follow(
    to: URL,
    init: { method: string; body?: URLSearchParams; headers?: Record<string, string> },
  ): Promise<string> {
    if (to.origin !== this.#origin) return to.href;
    const cookie = [...this.#cookies]
      .filter(([, { path }]) => to.pathname.startsWith(path))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ');
    const response = await fetch(to, { ...init, headers: { ...init.headers, cookie }, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    [this.status, this.at, this.page] = [response.status, to.href, await response.text()];
    const next = response.headers.get('location');
    return next === null ? to.href : this.#follow(new URL(next, to), { method: 'GET' });
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    const path = /path=([^;]+)/i.exec(line)?.[1] ?? '/';
    if (value === '') this.#cookies.delete(name);
    else this.#cookies.set(name, { value, path });
  }
}
