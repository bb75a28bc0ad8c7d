import type { Landing } from '../http-deps.ts';
import { html, type Html } from './html.ts';

/** The first thing a newcomer sees in the browser. */
export function landingPage(landing: Landing | null, state: { ready: boolean }): Html {
  return html`<h1>Hexabase AI</h1>
    <p class="lead">Kubernetes workspaces of your own, in seconds.</p>
    <dl>
      <dt>State</dt>
      <dd>
        ${state.ready ? html`<span class="good">ready</span>` : 'starting, or the database does not answer'}
      </dd>
      ${
        landing
          ? html`<dt>Kubernetes gateway</dt>
              <dd><code>${landing.kubernetesUrl}</code></dd>`
          : ''
      }
      <dt>API</dt>
      <dd><a href="/docs">browse it</a> · <a href="/openapi.json">OpenAPI 3.1</a></dd>
      <dt>Health</dt>
      <dd><a href="/health">/health</a> · <a href="/ready">/ready</a></dd>
    </dl>
    ${
      landing?.simulated
        ? html`<p class="lead">
            Workspaces here are simulated: the Kubernetes API is real, nodes and containers are not.
          </p>`
        : ''
    }
    ${
      landing
        ? html`<h2>What to type next</h2>
            <pre>${landing.commands.join('\n')}</pre>
            <p class="lead">
              <code>hks</code> lies in the folder of Hexabase: type <code>./hks</code> there, or put the
              folder into your PATH.
            </p>`
        : ''
    }`;
}
