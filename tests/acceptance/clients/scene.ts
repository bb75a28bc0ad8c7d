import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from '../browser.ts';
import { signInOn } from '../login-command.ts';
import { addPerson, startProduct, succeed, type Person, type Product } from '../product.ts';
import { checkout, run, type Outcome } from '../programs.ts';

/** The product as it starts, somebody of a group, somebody else, and a browser. */
export interface SignOnScene extends AsyncDisposable {
  product: Product;
  browser: Browser;
  /** A member of `group`, and its organization's owner. */
  ann: Person;
  /** Of no group but his own organization's. */
  bob: Person;
  /** As clients read it; the guide says `acme/platform`. */
  group: string;
  issuer: string;
  /** File with the authority behind the issuer's certificate. */
  authority: string;
  /** The https address, for independent clients. */
  gateway: { url: string; certificateAuthority: string };
  /** Types a command of the guide in a folder of this scene; `hexabase-cli` and `hks` are found by name. */
  type(command: string, env?: NodeJS.ProcessEnv): Promise<Outcome>;
  /** A folder for a program's files. */
  folder(name: string): Promise<string>;
}

export async function startSignOn(flags: readonly string[] = []): Promise<SignOnScene> {
  const [product, browser] = await Promise.all([startProduct(flags), launchBrowser()]);
  const folder = async (name: string): Promise<string> => {
    const path = join(product.configDir, name);
    await mkdir(path, { recursive: true });
    return path;
  };
  const type: SignOnScene['type'] = (command, env = {}) =>
    run('/bin/sh', ['-c', command], {
      env: { ...product.env, PATH: `${checkout}:${product.env['PATH']}`, ...env },
      cwd: product.configDir,
    });
  const [ann, bob] = [await addPerson(product, 'ann'), await addPerson(product, 'bob')];
  succeed(await ann.hks(['group', 'create', 'platform']));
  succeed(await ann.hks(['group', 'members', 'add', 'platform', ann.email]));
  const authority = join(product.configDir, 'hexabase-ca.pem');
  const certificateAuthority = succeed(await type('hexabase-cli authority'));
  await writeFile(authority, certificateAuthority);
  return {
    product,
    browser,
    ann,
    bob,
    group: 'ann-company/platform',
    issuer: `${product.httpsUrl}/oidc`,
    authority,
    gateway: { url: product.httpsUrl, certificateAuthority },
    type,
    folder,
    async [Symbol.asyncDispose]() {
      await browser.close();
      await product[Symbol.asyncDispose]();
    },
  };
}

/** A browser that nobody is signed in with. */
export async function browserOf(scene: SignOnScene): Promise<Page> {
  // The certificate at the https address is ours.
  return (await scene.browser.newContext({ ignoreHTTPSErrors: true })).newPage();
}

/** Signs in on the product's page, and lets the client know who it is. */
export async function agree(page: Page, person: Person): Promise<void> {
  await signInOn(page, person);
  await page.getByRole('button', { name: 'Allow' }).click();
}

/** Ends the sessions in which somebody signed in with a browser. */
export async function endBrowserSessions(person: Person): Promise<void> {
  const sessions: { id: string; device: string }[] = JSON.parse(
    succeed(await person.hks(['session', 'list', '-o', 'json'])),
  );
  const inBrowsers = sessions.filter(({ device }) => device.startsWith('Chrom'));
  if (inBrowsers.length === 0) throw new Error('nobody is signed in with a browser');
  for (const { id } of inBrowsers) succeed(await person.hks(['session', 'revoke', id]));
}
