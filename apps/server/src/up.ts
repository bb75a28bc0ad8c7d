import { announcement } from './start/announce.ts';
import { compose } from './compose.ts';
import type { ServerConfig } from './config.ts';
import { ensureFirstOwner } from './start/first-start.ts';
import { chosenDriver } from './hosts/built-in-driver.ts';
import { requirePublicIssuer } from './hosts/default-host.ts';
import { isInstallation, loadMasterKey } from './lifecycle/master-key.ts';
import { reportToStarter } from './lifecycle/detach.ts';
import { choosePorts, rememberPorts } from './lifecycle/ports.ts';
import { readNote } from './lifecycle/notes.ts';
import { claimRun } from './lifecycle/run-file.ts';
import { agreeOnPool } from './start/warm-pool.ts';
import { openListeners } from './listeners.ts';
import { storeLocalSession } from './start/local-session.ts';
import { createLog } from './log.ts';

/** `hks up`: runs until it is asked to stop. Throws `StartError` for what the user can mend. */
export async function up(config: ServerConfig, launcher: string): Promise<void> {
  // Else what earlier starts had decides, which only the database knows.
  if (config.publicUrl !== undefined || !isInstallation(config)) requirePublicIssuer(config);
  const stopping = stopSignal();
  await using resources = new AsyncDisposableStack();
  const claim = resources.use(claimRun(config.dataDir));
  const ports = await choosePorts(
    config.dataDir,
    {
      ...(config.httpPort !== undefined && { http: config.httpPort }),
      ...(config.httpsPort !== undefined && { https: config.httpsPort }),
    },
    config.listen,
  );
  const log = createLog(config.logLevel);
  const product = resources.use(await compose({ config, ports, masterKey: loadMasterKey(config), log }));
  const { urls } = product;
  resources.use(await openListeners(product, ports, config.listen));
  rememberPorts(config.dataDir, ports);
  await agreeOnPool(product.database, config);

  const owner = await ensureFirstOwner(product);
  const at = { configFile: config.configFile, server: urls.http };
  const notSignedIn = await storeLocalSession(product.identity, owner, at);
  claim.publish({ httpUrl: urls.http, httpsUrl: urls.https, ready: true });
  const text = announcement({
    httpUrl: urls.http,
    httpsUrl: urls.https,
    dataDir: config.dataDir,
    owner: owner.password === null ? null : { email: owner.email, password: owner.password },
    notSignedIn,
    launcher,
    hostNames: product.hostNames(),
    hostKnownAs: product.hostKnownAs,
    builtInDriver: chosenDriver(config, readNote(config.dataDir, 'driver') ?? null),
  });
  if (!reportToStarter({ kind: 'ready', text })) process.stdout.write(`${text}\n`);

  await stopping;
  log.info({}, 'stopping');
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = (): void => {
      if (asked) process.exit(130);
      asked = true;
      resolve();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });
}
