import { allOperations } from '@hexabase/contract/all-operations.ts';
import type { Operation } from '@hexabase/contract/operation.ts';
import { resources } from '@hexabase/contract/index.ts';
import type { Resource } from '@hexabase/contract/resource.ts';
import { errorCodes } from '@hexabase/kernel/error-codes.ts';
import * as z from 'zod';
import { html, type Html } from './html.ts';

/** The API to read in a browser: every operation with its input and output, and the error codes. No script. */
export function docsPage(): Html {
  return html`<h1>Hexabase AI API</h1>
    <p class="lead">
      ${allOperations().length} operations. Send <code>Authorization: Bearer …</code> from
      <code>POST /auth/login</code>. The same as <a href="/openapi.json">OpenAPI 3.1</a>.
    </p>
    ${Object.values<Resource>(resources).map(resourceSection)}
    <h2>Errors</h2>
    <table>
      <tr>
        <th>Code</th>
        <th>Status</th>
        <th>Meaning</th>
      </tr>
      ${Object.entries(errorCodes).map(
        ([code, { status, message }]) =>
          html`<tr>
            <td><code>${code}</code></td>
            <td>${status}</td>
            <td>${message}</td>
          </tr>`,
      )}
    </table>`;
}

function resourceSection(resource: Resource): Html {
  return html`<h2 id="${resource.noun}">${resource.plural}</h2>
    <p class="lead">${resource.help}</p>
    ${Object.values(resource.operations).map(operationDetails)}`;
}

function operationDetails(operation: Operation): Html {
  return html`<details id="${operation.id}">
    <summary>
      <code><b>${operation.method}</b> ${operation.path}</code><br />${operation.summary}
    </summary>
    <dl>
      <dt>Operation</dt>
      <dd><code>${operation.id}</code></dd>
      <dt>Needs</dt>
      <dd>${'action' in operation.access ? operation.access.action : operation.access.kind}</dd>
      <dt>Answers</dt>
      <dd>
        ${operation.status}${operation.errors.length > 0 ? `; may refuse with ${operation.errors.join(', ')}` : ''}
      </dd>
    </dl>
    ${
      operation.query
        ? html`<p>Query</p>
            ${schemaText(operation.query, 'input')}`
        : ''
    }
    ${
      operation.body
        ? html`<p>Body</p>
            ${schemaText(operation.body, 'input')}`
        : ''
    }
    ${
      operation.output
        ? html`<p>Data</p>
            ${schemaText(operation.output, 'output')}`
        : ''
    }
  </details>`;
}

function schemaText(schema: z.ZodType, io: 'input' | 'output'): Html {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io });
  return html`<pre>${JSON.stringify(rest, null, 2)}</pre>`;
}
