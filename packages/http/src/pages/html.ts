import { createHash } from 'node:crypto';
import type { FastifyReply } from 'fastify';

/** Text that is safe to send as HTML. */
export interface Html {
  readonly html: string;
}

/** Template tag: everything put in is escaped, unless it is Html already; lists are joined. */
export function html(
  parts: TemplateStringsArray,
  ...values: readonly (string | number | Html | readonly Html[])[]
): Html {
  return { html: parts.map((part, index) => part + textOf(values[index])).join('') };
}

function textOf(value: string | number | Html | readonly Html[] | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'string' || typeof value === 'number') return escapeHtml(String(value));
  return 'html' in value ? value.html : value.map((item) => item.html).join('');
}

function escapeHtml(text: string): string {
  const names: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => names[character] ?? character);
}

/** One style for all pages; the content security policy allows exactly it, and a script only where a page names it. */
const style = `:root{color-scheme:light dark;--ink:light-dark(#1b2330,#e6eaf0);--dim:light-dark(#5b6675,#9aa6b5);--paper:light-dark(#fbfbfa,#12161c);--card:light-dark(#fff,#1a2029);--line:light-dark(#e2e5e9,#2b333f);--accent:light-dark(#0b62c4,#6fb2ff);--good:light-dark(#187a3c,#5fd38a);--bad:light-dark(#b3261e,#ff8a80)}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:56rem;margin:0 auto;padding:3rem 1.25rem;overflow-wrap:anywhere}h1{font-size:1.8rem;margin:0 0 .25rem}h2{font-size:1.15rem;margin:2.2rem 0 .6rem}
p.lead{color:var(--dim);margin:0 0 1.5rem}a{color:var(--accent)}code,pre{font:14px/1.5 ui-monospace,monospace}
pre,details{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.75rem 1rem;overflow-x:auto}
details{margin:.4rem 0}summary{cursor:pointer}summary code b{display:inline-block;min-width:4.2rem;color:var(--accent)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1.2rem;margin:0 0 1.5rem}pre{margin:0 0 1rem}dt{color:var(--dim)}dd{margin:0}
.good{color:var(--good);font-weight:600}table{border-collapse:collapse;width:100%;margin:.5rem 0}td,th{text-align:left;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}
a:focus-visible,summary:focus-visible,input:focus-visible,button:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
form{max-width:24rem;margin:1.5rem 0}label{display:block;font-weight:600;margin:1rem 0 .25rem}
input{width:100%;font:inherit;color:inherit;background:var(--card);border:1px solid var(--dim);border-radius:.5rem;padding:.55rem .75rem}
input::placeholder{color:var(--dim);opacity:1}input.code{font:1.3rem/1.4 ui-monospace,monospace;letter-spacing:.15em;text-transform:uppercase}
form p.actions{display:flex;flex-wrap:wrap;gap:.75rem;margin:1.5rem 0 0}button{font:inherit;font-weight:600;min-height:2.75rem;padding:.5rem 1.25rem;border-radius:.5rem;border:1px solid var(--accent);background:var(--accent);color:var(--paper);cursor:pointer}
button.quiet{background:none;color:var(--accent)}.problem{border-left:4px solid var(--bad);padding:.5rem .9rem;background:var(--card)}
.ways{list-style:none;padding:0;margin:1.5rem 0;max-width:24rem}.ways a{display:block;margin:.5rem 0;padding:.6rem 1rem;border:1px solid var(--accent);border-radius:.5rem;font-weight:600;text-align:center;text-decoration:none}`;

const styleSource = sourceOf(style);

/** What a content security policy calls a style or a script that stands in the page. */
function sourceOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** Sends a whole page without forms. */
export function sendPage(reply: FastifyReply, title: string, body: Html): FastifyReply {
  return sendForm(reply, { title, body, formAction: "'none'" });
}

export interface FormPage {
  title: string;
  body: Html;
  /** CSP sources that forms may be sent to; browsers also hold the redirects that follow against them. */
  formAction: string;
  /** The one script of the page, allowed by its hash. */
  script?: string;
}

/** Sends a whole page with a form. */
export function sendForm(reply: FastifyReply, page: FormPage): FastifyReply {
  const { html: text, contentSecurityPolicy } = renderForm(page);
  return reply
    .header('content-security-policy', contentSecurityPolicy)
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .send(text);
}

/** A whole page with a form, and the policy that it must be sent with. */
export function renderForm({ title, body, formAction, script }: FormPage): {
  html: string;
  contentSecurityPolicy: string;
} {
  const scripts = script === undefined ? '' : ` script-src ${sourceOf(script)};`;
  const contentSecurityPolicy = `default-src 'none'; style-src ${styleSource};${scripts} base-uri 'none'; form-action ${formAction}; frame-ancestors 'none'`;
  const page = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title><style>${style}</style></head><body><main>${body.html}</main>${script === undefined ? '' : `<script>${script}</script>`}</body></html>`;
  return { html: page, contentSecurityPolicy };
}
