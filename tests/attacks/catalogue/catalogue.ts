/** An attack of the catalogue, and why nothing can be tried where there is nothing to attack. */
export interface CataloguedAttack {
  attack: string;
  /** Set when the started product has nothing that this could be tried at; says what holds instead, if anything. */
  notApplicable?: string;
}

const noAgent = 'there is no AI agent in the product';
const ofTheHost = (what: string): string =>
  `of a host cluster: the built-in driver ${what}. On a host, docs/operations/isolation.md says what holds and how it is tested`;

/**
 * What others were broken by, by the ids that test names begin with: A tenancy and access, B identity, C input and data,
 * D clusters, E agents. Ids are never given anew.
 */
export const catalogue: Readonly<Record<string, CataloguedAttack>> = {
  A01: { attack: 'each operation as nobody, as another organization’s owner, as a member of less' },
  A02: { attack: 'a child of organization B under the path of A' },
  A03: { attack: 'making something under a name that is used elsewhere' },
  A04: { attack: 'names that are prefixes or look-alikes of others' },
  A05: { attack: 'role, organization, plan, phase and the like in every write body' },
  A06: { attack: 'filters and sorts on hidden columns, operators as objects' },
  A07: { attack: 'forged or edited pages and continue tokens' },
  A08: { attack: 'the least reader reads all, and finds secrets' },
  A09: { attack: 'using access, refresh, cluster token and open streams after the right was taken' },
  A10: { attack: 'the same e-mail address or name, made anew' },
  A11: { attack: 'using what belongs to an organization or project that was ended' },
  A12: { attack: 'telling whether something exists' },
  A13: { attack: 'use after delete, use after a failed create' },
  A14: { attack: 'raising one’s own role, touching who stands above, removing the last owner' },
  A15: { attack: 'magic words as tokens; internal addresses on public ports' },
  A16: { attack: 'other spellings of paths, methods and hosts' },
  A17: { attack: 'headers that claim an address or a person' },
  A18: { attack: 'invitations used twice, by others, too late, or guessed' },
  A19: { attack: 'a request hidden in another one, so that it is taken for somebody else’s' },
  B01: { attack: 'redirect addresses that are nearly the registered one' },
  B02: { attack: 'the code flow without its proof' },
  B03: { attack: 'a code again, by another client, at another address' },
  B04: { attack: 'a refresh token again: one after the other, at once, after a restart' },
  B05: { attack: 'refreshing what belongs to a disabled account, client or workspace' },
  B06: { attack: 'forged tokens: none, HS256, foreign keys, wrong claims, wrong times' },
  B07: { attack: 'a token at another door than its own' },
  B08: { attack: 'changing keys under load; a flood of unknown keys' },
  B09: { attack: 'the device flow: guessing, polling, taking twice' },
  B10: { attack: 'guessing passwords: one account, many accounts, many at once' },
  B11: { attack: 'locking somebody else out on purpose' },
  B12: { attack: 'requests of another site with the cookies of a browser' },
  B13: { attack: 'a session or form that the attacker has prepared' },
  B14: { attack: 'more sessions than are allowed; sessions after their time and after signing out' },
  B15: { attack: 'proofs of possession: replayed, for another address, stale', notApplicable: 'tokens are not bound to keys (no DPoP); they are short and end within a second' }, // prettier-ignore
  B16: { attack: 'another provider vouches for somebody else’s address; mixed-up issuers' },
  B17: { attack: 'empty, cut and padded tokens' },
  B18: { attack: 'WebSockets without a right, of another site, after their time, too many, too large' },
  B19: { attack: 'changing or vouching for one’s own address' },
  C01: { attack: 'addresses that we are made to call' },
  C02: { attack: 'another address under the stored credential' },
  C03: { attack: 'what our own calls carry along' },
  C04: { attack: 'references of git, charts and archives', notApplicable: 'tenants give the product no repository, chart or archive' }, // prettier-ignore
  C05: { attack: 'shell, templates, line ends and patterns in names and values' },
  C06: {
    attack: 'webhooks that come in: unsigned, old, again',
    notApplicable: 'the product takes no webhooks',
  },
  C07: { attack: 'bodies too large, too deep, packed; connections that never finish' },
  C08: { attack: 'scripts in what pages show' },
  C09: { attack: 'provoking errors that tell of the inside' },
  C10: { attack: 'secrets in logs, traces and the audit log' },
  C11: { attack: 'many at once at a limit' },
  C12: { attack: 'somebody else’s idempotency key' },
  C13: { attack: 'a flood of requests; addresses that change' },
  C14: {
    attack: 'restoring another’s or a changed backup',
    notApplicable: 'the product has no backup of its own',
  },
  C15: { attack: 'changing the audit log' },
  C16: { attack: 'reading and exchanging what lies in the database' },
  C17: { attack: 'asking for so much that everybody else waits' },
  D01: { attack: 'giving oneself more rights in a cluster' },
  D02: { attack: 'acting as somebody else by Impersonate-*' },
  D03: { attack: 'choosing one’s own groups' },
  D04: { attack: 'labels that say whose a namespace is' },
  D05: { attack: 'lowering the Pod Security level' },
  D06: { attack: 'the same from a service account of the tenant', notApplicable: ofTheHost('issues no tokens to service accounts; `packages/kubernetes/src/auth/attacks.test.ts` tries the same as one') }, // prettier-ignore
  D07: { attack: 'things of the whole cluster in a bundle for one namespace' },
  D08: { attack: 'naming a secret of another namespace' },
  D09: { attack: 'pods that would leave their container' },
  D10: { attack: 'the node’s disk, or another’s, through a claim' },
  D11: { attack: 'choosing nodes, priorities and runtimes', notApplicable: ofTheHost('has simulated nodes that belong to one workspace') }, // prettier-ignore
  D12: { attack: 'another’s host name in an Ingress', notApplicable: ofTheHost('serves no Ingress') },
  D13: { attack: 'services that take foreign addresses', notApplicable: ofTheHost('has no network: an address in a Service is text') }, // prettier-ignore
  D14: { attack: 'reaching other tenants, nodes and metadata over the network', notApplicable: ofTheHost('has no network') }, // prettier-ignore
  D15: { attack: 'shells, logs and proxies across tenants' },
  D16: { attack: 'the host’s API with a tenant’s token', notApplicable: ofTheHost('has no host') }, // prettier-ignore
  D17: { attack: 'floods of objects' },
  D18: { attack: 'watching kinds that one may not list' },
  D19: { attack: 'writing into what is being deleted' },
  D20: { attack: 'joining as another cluster', notApplicable: 'clusters do not join by themselves: operators add them with a kubeconfig' }, // prettier-ignore
  D21: { attack: 'stores and metrics without credentials' },
  E01: { attack: 'orders hidden in logs and objects', notApplicable: noAgent },
  E02: { attack: 'asking an agent for what one may not do', notApplicable: noAgent },
  E03: { attack: 'commands in an agent’s arguments', notApplicable: noAgent },
  E04: { attack: 'changing what was approved', notApplicable: noAgent },
  E05: { attack: 'letting an agent carry secrets out', notApplicable: noAgent },
  E06: { attack: 'endless work for an agent', notApplicable: noAgent },
};
