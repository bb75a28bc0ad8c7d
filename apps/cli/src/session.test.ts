import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { updateCliConfig } from '@hexabase/client/config-file.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { expect, it } from 'vitest';
import { accessToken } from './session.ts';

it('who has to sign in again is told so once, with the command', async () => {
  const { code, message } = new AppError('session_ended');
  await using server = createServer((_request, response) => {
    response.writeHead(401, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: { code, message } }));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const dir = mkdtempSync(join(tmpdir(), 'session-'));
  try {
    const configFile = join(dir, 'config.yaml');
    await updateCliConfig(configFile, (config) => {
      config.currentContext = 'there';
      config.contexts['there'] = { server: url, accessToken: 'a', refreshToken: 'r' };
    });
    const place = { configFile, context: null, token: null, server: null };
    await expect(accessToken(place, AbortSignal.timeout(10_000))).rejects.toThrow(
      `This session has ended. Sign in again: \`hks login ${url}\`, or start \`hks up\` on this machine.`,
    );
  } finally {
    rmSync(dir, { recursive: true });
  }
});
