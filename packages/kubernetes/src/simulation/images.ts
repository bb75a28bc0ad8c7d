/**
 * Which image names "pull". Nothing is ever downloaded: a name resolves unless one of these rules says otherwise, so that
 * users can see what a failing pull looks like.
 */
export const FAILING_IMAGES: readonly {
  part: 'host' | 'repository' | 'tag';
  pattern: RegExp;
  meaning: string;
}[] = [
  {
    part: 'host',
    pattern: /^invalid\.|\.invalid(:\d+)?$/,
    meaning: 'a host that can never exist (RFC 2606)',
  },
  {
    part: 'repository',
    pattern: /(^|\/)(nope|does-not-exist|doesnotexist|invalid|missing)/,
    meaning: 'a repository that says it is not there',
  },
  {
    part: 'tag',
    pattern: /^(nope|does-not-exist|doesnotexist|invalid|missing)/,
    meaning: 'a tag that says it is not there',
  },
];

export type ImageResolution =
  | { kind: 'pulls'; canonical: string; imageId: string }
  | { kind: 'fails'; canonical: string; message: string }
  | { kind: 'invalid'; message: string };

/** `[host/]path[:tag][@digest]` of the OCI distribution reference grammar. */
const REFERENCE =
  /^(?:([a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::\d+)?)\/)?([a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*)(?::([\w][\w.-]{0,127}))?(?:@(sha256:[a-f0-9]{64}))?$/;

/** What pulling an image would answer, with the words of a kubelet over containerd. */
export function resolveImage(image: string): ImageResolution {
  const match = REFERENCE.exec(image);
  if (!match) {
    return {
      kind: 'invalid',
      message: `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`,
    };
  }
  const [host, repository] = splitHost(match[1], match[2] ?? '');
  const [tag, digest] = [match[3], match[4]];
  const canonical = `${host}/${repository}${digest ? `@${digest}` : `:${tag ?? 'latest'}`}`;
  const parts = { host, repository, tag: tag ?? 'latest' };
  const failing = FAILING_IMAGES.find(({ part, pattern }) => pattern.test(parts[part]));
  if (!failing)
    return {
      kind: 'pulls',
      canonical,
      imageId: `${host}/${repository}@${digest ?? pseudoDigest(canonical)}`,
    };
  const why =
    failing.part === 'host'
      ? `failed to do request: Head "https://${host}/v2/${repository}/manifests/${parts.tag}": dial tcp: lookup ${host}: no such host`
      : `${canonical}: not found`;
  const code = failing.part === 'host' ? 'Unknown' : 'NotFound';
  return {
    kind: 'fails',
    canonical,
    message: `rpc error: code = ${code} desc = failed to pull and unpack image "${canonical}": failed to resolve reference "${canonical}": ${why}`,
  };
}

/** The first part is a host only with a dot, a port, a capital, or as `localhost`; otherwise the image is on Docker Hub. */
function splitHost(first: string | undefined, rest: string): [string, string] {
  if (first === undefined) return ['docker.io', rest.includes('/') ? rest : `library/${rest}`];
  if (/[.:A-Z]/.test(first) || first === 'localhost') return [first, rest];
  return ['docker.io', `${first}/${rest}`];
}

/** Looks like a digest and is the same for the same name; it is the digest of nothing. */
function pseudoDigest(text: string): string {
  let hash = 0x811c9dc5;
  let digits = '';
  for (let round = 0; round < 8; round++) {
    for (let index = 0; index < text.length; index++)
      hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
    digits += hash.toString(16).padStart(8, '0');
  }
  return `sha256:${digits}`;
}
