import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig, type ServerFlags } from '../config.ts';
import { keepPublicUrl } from '../hosts/public-url.ts';
import { StartError } from '../lifecycle/data-folder.ts';
import { recallUrls } from './recall-urls.ts';

let db: TestDatabase;
let dataDir: string;
beforeEach(async () => {
  db = await testDatabase();
  dataDir = mkdtempSync(join(tmpdir(), 'hks-recall-'));
});
afterEach(async () => {
  rmSync(dataDir, { recursive: true });
  await db.close();
});

const first = 'https://hexabase.example';
const other = 'https://other.example';

/** What a start does with its addresses before it says anything to anybody; answers those that it has then. */
async function start(given: ServerFlags = {}) {
  const config = await recallUrls(db.database, readConfig({ dataDir, ...given }, {}));
  await keepPublicUrl(db.database, config, config.publicUrl ?? 'https://localhost:8443');
  return { publicUrl: config.publicUrl, discoveryUrl: config.hosts.discoveryUrl };
}

/** In a pod of its own, beside others on the same database. */
function replica(given: ServerFlags = {}) {
  return start({ dataDir: join(dataDir, 'none'), databaseUrl: db.adminUrl, ...given });
}

async function addHost(): Promise<void> {
  await db.database.asWorker((tx) =>
    sql`insert into hexabase.host_clusters (id, name, region, in_cluster, generation, created_at)
      values ('h', 'home', 'default', true, 1, now())`.execute(tx),
  );
}

describe('the addresses of an installation', () => {
  it('are those of earlier starts where a start names none, whatever its data folder', async () => {
    expect(await start()).toEqual({ publicUrl: undefined, discoveryUrl: undefined });
    await start({ publicUrl: first, discoveryUrl: other });
    expect(await start()).toEqual({ publicUrl: first, discoveryUrl: other });
    expect(await replica()).toEqual({ publicUrl: first, discoveryUrl: other });
    expect(await start({ discoveryUrl: 'none' })).toEqual({ publicUrl: first, discoveryUrl: undefined });
    expect(await replica()).toEqual({ publicUrl: first, discoveryUrl: undefined });
    expect(await start({ publicUrl: 'https://localhost:8443' })).toMatchObject({
      publicUrl: 'https://localhost:8443',
    });
    expect(await start()).toMatchObject({ publicUrl: undefined });
  });

  it('that an earlier version noted in the data folder are taken over once', async () => {
    writeFileSync(join(dataDir, 'public-url'), `${first}\n`);
    writeFileSync(join(dataDir, 'discovery-url'), `${other}\n`);
    await addHost();
    await expect(start({ publicUrl: other })).rejects.toThrow(`HKS_PUBLIC_URL_BEFORE=${first}`);
    expect(existsSync(join(dataDir, 'public-url'))).toBe(true);
    expect(await start()).toEqual({ publicUrl: first, discoveryUrl: other });
    for (const note of ['public-url', 'discovery-url']) expect(existsSync(join(dataDir, note))).toBe(false);
    expect(await replica()).toEqual({ publicUrl: first, discoveryUrl: other });
  });

  it('are refused in words where such a note is damaged', async () => {
    const note = join(dataDir, 'public-url');
    for (const text of ['rubbish', 'http://a.example', '\0\0']) {
      writeFileSync(note, text);
      await expect(start()).rejects.toThrow(StartError);
      await expect(start()).rejects.toThrow(`${note}, where an earlier start noted the public URL, holds no`);
    }
    rmSync(note);
    mkdirSync(note);
    await expect(start()).rejects.toThrow(StartError);
    await expect(start()).rejects.toThrow(
      `${note}, where an earlier start noted the public URL, cannot be read`,
    );
    // Where the database has one, nobody looks there.
    await replica({ publicUrl: first });
    for (const _start of [1, 2]) expect(await start()).toMatchObject({ publicUrl: first });
  });
});

describe('another public URL', () => {
  it('is refused with host clusters unless the start names the one that it replaces, from any pod', async () => {
    await start({ publicUrl: first });
    await addHost();
    await expect(start({ publicUrl: other })).rejects.toThrow(`is ${first}, and now it would be ${other}`);
    await expect(replica({ publicUrl: other })).rejects.toThrow(`is ${first}, and now it would be ${other}`);
    await replica({ publicUrl: other, publicUrlBefore: first });
    expect(await start()).toMatchObject({ publicUrl: other });
    // A pod with the settings of before that starts again meanwhile.
    await expect(replica({ publicUrl: first })).rejects.toThrow(`HKS_PUBLIC_URL_BEFORE=${other}`);
  });

  it('is taken without host clusters by the only server there can be, and not by one of several', async () => {
    await start({ publicUrl: first });
    await start({ publicUrl: other });
    await expect(replica({ publicUrl: first })).rejects.toThrow('Servers on the same database');
    await replica({ publicUrl: first, publicUrlBefore: other });
  });

  it('of two that start at once is refused to one of them, which is told the other', async () => {
    const urls = [first, other] as const;
    const outcomes = await Promise.allSettled(urls.map((publicUrl) => replica({ publicUrl })));
    const taken = urls.filter((_, at) => outcomes[at]?.status === 'fulfilled');
    expect(taken).toHaveLength(1);
    const refused = outcomes.find((outcome) => outcome.status === 'rejected');
    expect(refused?.reason).toBeInstanceOf(StartError);
    expect(String(refused?.reason)).toContain(`The public URL of this installation is ${taken[0]}, and now`);
    expect(await replica()).toMatchObject({ publicUrl: taken[0] });
  });
});
