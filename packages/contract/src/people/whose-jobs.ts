/** Claims that hold whose a job is, by name (GitHub, GitLab): at least the owner stands before any wildcard. */
const paths: readonly string[] = ['repository', 'project_path'];
/** Those that hold one word for it, without a wildcard. */
const words: readonly string[] = [
  'repository_id',
  'repository_owner',
  'repository_owner_id',
  'project_id',
  'namespace_path',
  'namespace_id',
];

/** What a rule must hold, for whoever writes it. */
export const pin = `one of them says whose the jobs are: sub=repo:OWNER/… (GitHub), sub=project_path:GROUP/… (GitLab), ${[...paths, ...words].join(', ')}; its wildcards come after the owner`;

/**
 * Whether jobs that meet all conditions are of one owner: strangers have jobs at the same issuer, with whatever branch,
 * environment and workflow they like.
 */
export function saysWhoseJobs({ conditions, issuer }: Pinned): boolean {
  return conditions.some((text) => pinsOwner(text, issuer));
}

/** Why a rule lets nobody in, and what to do; null for one that may be used. Older ones were not judged when they were made. */
export function problemOfRule(rule: Pinned): string | null {
  if (saysWhoseJobs(rule)) return null;
  return `It does not say whose the jobs are, so that strangers at the issuer would be let in: delete it and create it again so that ${pin}.`;
}

interface Pinned {
  conditions: readonly string[];
  issuer: string;
}

function pinsOwner(text: string, issuer: string): boolean {
  const claim = text.slice(0, text.indexOf('='));
  const value = text.slice(claim.length + 1);
  if (words.includes(claim)) return !value.includes('*');
  if (paths.includes(claim)) return /^[^*/]+\//.test(value);
  return claim === 'sub' && subjectPinsOwner(value, issuer);
}

/**
 * How a subject says whose the job is. GitHub (github.com, `*.ghe.com`, and servers of one's own under
 * `/_services/token`, behind which the slug of an enterprise may stand) lets every repository choose what its subjects are made of, so that one without `repo:` may be
 * any stranger's, word for word (GitHub docs, “Customizing the token claims”). GitLab's always begin with the path.
 */
function subjectPinsOwner(value: string, issuer: string): boolean {
  // An issuer that is no URL is refused for that.
  const { hostname = '', pathname = '' } = URL.parse(issuer) ?? {};
  const isGitHub = hostname.startsWith('token.actions.') || /\/_services\/token(?:\/|$)/i.test(pathname);
  const isGitLab = hostname.startsWith('gitlab.');
  if (isGitHub) return /^repo:[^*:/]+\//.test(value);
  if (isGitLab) return /^project_path:[^*:/]+\//.test(value);
  // Elsewhere a whole subject is one account's (OpenID Connect Core §2), and the same two forms are in use.
  return !value.includes('*') || /^(?:repo|project_path):[^*:/]+\//.test(value);
}
