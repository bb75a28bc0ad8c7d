import { describe, expect, it } from 'vitest';
import { gatewayPrefix, parseAddress } from './address.ts';

const at = (rest: string) => parseAddress(`${gatewayPrefix}team${rest}`);

describe('the path of a request to a cluster', () => {
  it.each([
    [
      '/api/v1/resource%71uotas/hexabase',
      '/api/v1/resourcequotas/hexabase',
      '/api/v1/resourcequotas/hexabase',
    ],
    ['/clusterroles/hexabase:viewer', '/clusterroles/hexabase:viewer', '/clusterroles/hexabase:viewer'],
    ['/clusterroles/hexabase%3aviewer', '/clusterroles/hexabase:viewer', '/clusterroles/hexabase:viewer'],
    ['/clusterroles/caf%c3%a9', '/clusterroles/café', '/clusterroles/caf%C3%A9'],
    ['/clusterroles/a%20b%22', '/clusterroles/a b"', '/clusterroles/a%20b%22'],
    ['/clusterroles/%5ba%5D%3Fb%23', '/clusterroles/[a]?b#', '/clusterroles/%5Ba%5D%3Fb%23'],
    ['', '/', '/'],
  ])('%s means %s and is passed on as %s', (spelled, path, url) => {
    expect(at(spelled)).toMatchObject({ path, url, query: '' });
    expect(at(`${spelled}?a=%2F&b`)).toMatchObject({ path, url: `${url}?a=%2F&b`, query: '?a=%2F&b' });
    expect(at(url)).toMatchObject({ path, url });
  });

  it.each(['/a%ff', '/a%c0%ae', '/a%ed%a0%80', '/a%c2%85', '/a%2571', '/a%0a', '/%2E%2E', '/a%5cb', '/a%'])(
    'that is no text, or could be read twice, is refused: %s',
    (spelled) => expect(at(spelled)).toEqual({ kind: 'unsafe' }),
  );
});
