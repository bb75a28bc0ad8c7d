/** Attacks, by the names of their tests, that no change of our sources lets through; each with the reason. */
export const withoutWeakening: Readonly<Record<string, string>> = {
  'A16 the method %s does nothing':
    'no route takes these methods: there is no check that could be taken away',
  'A16 a method in a header or in the query is no method': 'nothing reads such a header: there is no check',
  'B06 forged ID tokens sign nobody out and open nothing':
    'ID tokens are verified by oidc-provider, whose sources are not ours to change; our own verifier is weakened for the other B06',
  'B06 a job’s token of an issuer with a suffix or another spelling is refused':
    'an issuer of another spelling names no rule: the search is the comparison',
  'B06 what another issuer or for another audience signed is refused by independent clients':
    'the refusal is the client’s: the product’s part is to say issuer and audience truly',
  'B16 a code of another issuer is not taken by a client that is told so (RFC 9207)':
    'the refusal is the client’s: the product’s part is to say its issuer',
  'B19 nobody changes an address or vouches for it by themselves':
    'no operation changes an address: there is no check',
  'C01 a client’s listener that redirects is not followed, and is told again':
    'nothing listens where it points: following would look the same as not following',
  'C01 the issuer %s is never asked':
    'nothing answers there, so that being asked would look the same: the check is weakened for an issuer that would answer',
  'C02 a host cluster’s address is never changed under the credential that is stored':
    'address and credential come in one kubeconfig: there is no field for one of them',
  'D04 labels that an administrator forges change nothing of another tenant':
    'every workspace has a cluster of its own: nothing compares labels across them',
};
