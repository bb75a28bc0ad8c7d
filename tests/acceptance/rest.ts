/** An answer of the REST API as it came over the wire. */
export interface RestAnswer {
  status: number;
  headers: Headers;
  text: string;
  data: Record<string, unknown>;
  error: { code: string; message: string; details: unknown } | undefined;
  meta: Record<string, unknown>;
}

export interface Rest {
  token: string;
  call(
    method: string,
    path: string,
    more?: { body?: unknown; headers?: Record<string, string> },
  ): Promise<RestAnswer>;
}

/** Sends requests to the API with a token, or without one when it is empty. */
export function rest(baseUrl: string, token = ''): Rest {
  return {
    token,
    async call(method, path, { body, headers = {} } = {}) {
      const response = await fetch(baseUrl + path, {
        method,
        headers: {
          ...(token && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, ...read(text) };
    },
  };
}

/** Signs in by e-mail and password. Throws when that is refused. */
export async function signIn(baseUrl: string, email: string, password: string): Promise<Rest> {
  const { status, text } = await rest(baseUrl).call('POST', '/auth/login', { body: { email, password } });
  const answer: unknown = JSON.parse(text);
  if (status !== 200 || typeof answer !== 'object' || answer === null)
    throw new Error(`sign-in answered ${status}: ${text}`);
  return rest(baseUrl, String(Reflect.get(answer, 'access_token')));
}

function read(text: string): Pick<RestAnswer, 'data' | 'error' | 'meta'> {
  try {
    const { data = {}, error, meta = {} } = JSON.parse(text) as Partial<RestAnswer>;
    return { data, error, meta };
  } catch {
    return { data: {}, error: undefined, meta: {} };
  }
}
