import { describe, expect, it } from 'vitest';
import { inClusterEndpoint, inClusterNamespace, KubeconfigError, parseKubeconfig } from './endpoint.ts';

const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const data = Buffer.from(pem).toString('base64');

function kubeconfig({ cluster = {}, user = {} }: { cluster?: object; user?: object } = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'main',
    clusters: [
      {
        name: 'c',
        cluster: { server: 'https://10.0.0.1:6443/base/', 'certificate-authority-data': data, ...cluster },
      },
    ],
    users: [
      { name: 'u', user: { token: 'secret', ...user } },
      { name: 'cert', user: { 'client-certificate-data': data, 'client-key-data': data } },
    ],
    contexts: [
      { name: 'main', context: { cluster: 'c', user: 'u' } },
      { name: 'other', context: { cluster: 'c', user: 'cert' } },
    ],
  });
}

describe('a kubeconfig', () => {
  it('gives server, authority and credentials of the current context, or of another one', () => {
    expect(parseKubeconfig(kubeconfig())).toEqual({
      server: 'https://10.0.0.1:6443/base',
      certificateAuthority: pem,
      credentials: { kind: 'token', token: 'secret' },
    });
    expect(parseKubeconfig(kubeconfig(), 'other').credentials).toEqual({
      kind: 'certificate',
      cert: pem,
      key: pem,
    });
    expect(parseKubeconfig(kubeconfig({ cluster: { 'tls-server-name': 'api' } })).serverName).toBe('api');
  });

  it.each([
    ['runs a program', { user: { exec: { command: 'rm' } } }, /runs a program to sign in/],
    ['uses an auth-provider', { user: { 'auth-provider': { name: 'gcp' } } }, /auth-provider/],
    ['acts as somebody else', { user: { as: 'system:admin' } }, /acts as somebody else/],
    ['has a password', { user: { username: 'a', password: 'b' } }, /password/],
    ['names a key file', { user: { 'client-key': '/etc/shadow' } }, /points to a file.*--flatten/],
    ['names a token file', { user: { tokenFile: '/etc/shadow' } }, /points to a file/],
    ['names an authority file', { cluster: { 'certificate-authority': 'ca.pem' } }, /points to a file/],
    ['skips verification', { cluster: { 'insecure-skip-tls-verify': true } }, /would not be verified/],
    ['goes through a proxy', { cluster: { 'proxy-url': 'http://p' } }, /proxy-url/],
    ['speaks plain http', { cluster: { server: 'http://10.0.0.1' } }, /not a plain https address/],
    [
      'hides a password in its address',
      { cluster: { server: 'https://a:b@c' } },
      /not a plain https address/,
    ],
    [
      'hides a password without a name there',
      { cluster: { server: 'https://:b@c' } },
      /not a plain https address/,
    ],
    ['has an authority that is none', { cluster: { 'certificate-authority-data': '//8=' } }, /PEM/],
    ['has a token with a line break', { user: { token: 'a\r\nx: y' } }, /line break/],
    ['has a token that ends with one', { user: { token: 'a\n' } }, /line break/],
    ['has an endless server', { cluster: { server: `https://${'a'.repeat(100_000)}` } }, /longer than 2048/],
    [
      'has a host name for no DNS',
      { cluster: { server: `https://${'a'.repeat(254)}` } },
      /longer than the 253/,
    ],
    ['has no credentials', { user: { token: '' } }, /neither a token nor/],
  ])('that %s is refused with a sentence', (_what, changes, sentence) => {
    expect(() => parseKubeconfig(kubeconfig(changes))).toThrow(KubeconfigError);
    expect(() => parseKubeconfig(kubeconfig(changes))).toThrow(sentence);
  });

  it.each([
    [
      'a password in the address',
      kubeconfig({ cluster: { server: 'https://a:s3cret@host' } }),
      'https://…@host',
    ],
    ['one with a slash', kubeconfig({ cluster: { server: 'https://a:x/s3cret@host' } }), 'https://…@host'],
    ['one without a scheme', kubeconfig({ cluster: { server: 'a:s3cret@host' } }), '“…@host”'],
    [
      'a token behind the path',
      kubeconfig({ cluster: { server: 'https://host/?t=s3cret' } }),
      'https://host/…',
    ],
    ['a token in a broken line', 'users:\n  - token: s3cret: x\n', 'line 2, column 12'],
    ['a token that YAML takes for something else', 'token: >s3cret\n x', 'line 1, column 9'],
    ['a token that YAML takes for an alias', 'token: *s3cret', 'not valid YAML.'],
  ])('that is refused shows nobody %s', (_what, text, said) => {
    expect(() => parseKubeconfig(text)).toThrow(said);
    expect(() => parseKubeconfig(text)).not.toThrow(/s3cret/);
  });

  it.each([
    ['that is no YAML', 'a: [', /not valid YAML/],
    ['that is something else', 'kind: Pod', /not a kubeconfig/],
  ])('%s is refused with a sentence', (_what, text, sentence) => {
    expect(() => parseKubeconfig(text)).toThrow(KubeconfigError);
    expect(() => parseKubeconfig(text)).toThrow(sentence);
  });

  it('without the context that was asked for says so', () => {
    expect(() => parseKubeconfig(kubeconfig(), 'gone')).toThrow(/no context named “gone”/);
  });
});

describe('the endpoint of the own cluster', () => {
  it('takes the token anew at each use, because it is replaced while the process runs', () => {
    const files: Record<string, string> = { token: 'first\n', 'ca.crt': pem };
    const endpoint = inClusterEndpoint((file) => files[file] ?? '');
    expect(endpoint.credentials).toMatchObject({ kind: 'token', token: 'first' });
    files['token'] = 'second\n';
    expect(endpoint.credentials).toMatchObject({ token: 'second' });
  });

  it('comes with the namespace of the own pod, which others are told to let in', () => {
    expect(inClusterNamespace((file) => (file === 'namespace' ? 'control-plane\n' : ''))).toBe(
      'control-plane',
    );
  });

  it('is refused with a sentence outside of a pod', () => {
    const missing = () => {
      throw new Error('ENOENT');
    };
    expect(() => inClusterEndpoint(missing)).toThrow(/in no pod of a cluster/);
  });
});
