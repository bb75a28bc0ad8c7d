import { spawn } from 'node:child_process';

/** The program that opens addresses here, with its first arguments; null where nobody could see a window. */
export function browserCommand(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): readonly string[] | null {
  const chosen = env['BROWSER'];
  if (chosen) return [chosen];
  // What a remote shell opens appears in front of somebody else, or nowhere.
  if (env['SSH_CONNECTION']) return null;
  if (platform === 'darwin') return ['open'];
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler'];
  return env['DISPLAY'] || env['WAYLAND_DISPLAY'] ? ['xdg-open'] : null;
}

/** Opens an address, without a shell in between. False when the program cannot be started. */
export function openBrowser(command: readonly string[], url: string): Promise<boolean> {
  const [program = '', ...args] = command;
  return new Promise((done) => {
    const child = spawn(program, [...args, url], { stdio: 'ignore', detached: true });
    child.once('error', () => done(false));
    child.once('spawn', () => {
      child.unref();
      done(true);
    });
  });
}
