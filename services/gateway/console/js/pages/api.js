// All methods, from the service's own description, and a place to try them.

import { exchange, openDocument } from '../api.js';
import { h, put } from '../dom.js';
import { head } from '../page.js';
import { card, chip, failure, load, table } from '../ui.js';
import { number, t } from '../words.js';

const VERBS = ['get', 'post', 'put', 'patch', 'delete'];

function methodsOf(document) {
  const methods = [];
  for (const [path, ways] of Object.entries(document.paths ?? {})) {
    for (const verb of VERBS) {
      if (ways[verb]) methods.push({ verb, path, ...ways[verb] });
    }
  }
  return methods.sort((a, b) => a.path.localeCompare(b.path) || VERBS.indexOf(a.verb) - VERBS.indexOf(b.verb));
}

// An example body from the schema: every property once, nested ones to a depth.
function exampleOf(schema, all, depth = 0) {
  if (schema === undefined) return {};
  if (schema.$ref) return exampleOf(all[schema.$ref.split('/').pop()], all, depth);
  if (schema.example !== undefined) return schema.example;
  if (schema.enum) return schema.enum[0];
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === 'array') return [];
  if (type === 'object' && schema.properties && depth < 2) {
    return Object.fromEntries(Object.entries(schema.properties).slice(0, depth === 0 ? 6 : 4)
        .map(([name, property]) => [name, exampleOf(property, all, depth + 1)])
        .filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0) && value !== ''));
  }
  if (type === 'boolean') return false;
  if (type === 'integer' || type === 'number') return 0;
  return type === 'string' ? '' : {};
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function tryBox(method, document) {
  const fields = (method.parameters ?? []).filter((p) => p.in !== 'header').map((p) => {
    const input = h('input', { id: `p-${p.name}`, required: p.in === 'path', autocomplete: 'off', spellcheck: 'false' });
    return { ...p, input, node: h('div', { class: 'field' }, h('label', { for: input.id }, `${p.name}${p.in === 'path' ? ' *' : ''}`), input,
        p.description ? h('span', { class: 'small muted' }, p.description) : null) };
  });
  const schema = method.requestBody?.content?.['application/json']?.schema;
  const bodyText = schema ? h('textarea', { id: 'body', spellcheck: 'false',
    value: JSON.stringify(exampleOf(schema, document.components?.schemas ?? {}), null, 2) }) : null;
  const answer = h('div', { class: 'stack', 'aria-live': 'polite' });
  const address = () => {
    const query = {};
    let path = method.path;
    for (const f of fields) {
      const value = f.input.value.trim();
      if (f.in === 'path') path = path.replace(`{${f.name}}`, encodeURIComponent(value));
      else if (value !== '') query[f.name] = value.includes(',') && f.schema?.type === 'array' ? value.split(',') : value;
    }
    return { path, query };
  };
  const send = async (event) => {
    event.preventDefault();
    let body;
    try {
      body = bodyText && bodyText.value.trim() !== '' ? JSON.parse(bodyText.value) : undefined;
    } catch {
      return put(answer, h('p', { class: 'notice error' }, t('api_body_broken')));
    }
    const reads = method.verb === 'get' || method['x-mitra-policy']?.idempotency === 'read_only' || /READ_ONLY/i.test(method['x-mitra-policy']?.idempotency ?? '');
    if (!reads && !window.confirm(t('api_confirm'))) return undefined;
    try {
      const { path, query } = address();
      const { response, text, milliseconds } = await exchange(method.verb.toUpperCase(), path, { query, body });
      return put(answer, h('div', { class: 'row' }, h('h3', null, t('api_answer')), chip(String(response.status), response.ok ? 'good' : 'bad'),
          chip(`${number(milliseconds, 1)} ms`), chip(response.headers.get('x-request-id') ?? '')), h('pre', { class: 'code', tabindex: 0 }, pretty(text)));
    } catch (error) {
      return put(answer, failure(error));
    }
  };
  const curl = () => {
    const { path, query } = address();
    const search = new URLSearchParams(query).toString();
    const body = bodyText && bodyText.value.trim() !== '' ? ` \\\n  -H 'Content-Type: application/json' -d '${bodyText.value.replaceAll("'", "'\\''")}'` : '';
    return `curl -X ${method.verb.toUpperCase()} -H "Authorization: Bearer $MITRA_API_KEY"${body} \\\n  '${location.origin}${path}${search ? `?${search}` : ''}'`;
  };
  const shell = h('pre', { class: 'code', tabindex: 0 });
  const policy = method['x-mitra-policy'];
  return h('section', { class: 'card' },
      h('header', null, h('h2', null, method.operationId ?? method.summary ?? method.path), policy ? chip(t('api_scope', { scope: policy.scope, cost: policy.cost }), 'cool') : null),
      h('p', null, h('span', { class: `verb ${method.verb}` }, method.verb.toUpperCase()), ' ', h('code', null, method.path)),
      method.description ? h('p', { class: 'muted small', vars: { 'white-space': 'pre-line' } }, method.description) : null,
      h('form', { class: 'stack', onsubmit: send }, fields.length > 0 ? h('h3', null, t('api_parameters')) : null, fields.map((f) => f.node),
          bodyText ? h('div', { class: 'field' }, h('label', { for: 'body' }, t('api_body')), bodyText) : null,
          h('div', null, h('button', { class: 'button primary', type: 'submit' }, t('api_send')))),
      answer,
      h('details', { class: 'more', ontoggle: (event) => { if (event.target.open) shell.textContent = curl(); } }, h('summary', null, t('api_curl')), shell));
}

function errorsTable(document) {
  const errors = document['x-mitra-errors'] ?? [];
  const indonesian = window.document.documentElement.lang === 'id';
  return h('section', { class: 'card' }, h('details', { class: 'more' }, h('summary', null, t('api_errors')),
      table(t('api_errors'), [t('api_reason'), 'HTTP', t('retry'), t('api_meaning')], errors.map((e) =>
        [h('code', null, e.reason), String(e.httpStatus), e.retry, indonesian ? e.forPerson : e.meaning]))));
}

export function apiPage({ body, params, signal, go }) {
  const content = h('div');
  body.append(head(t('nav_api'), t('api_lead'),
      h('div', { class: 'row' }, h('a', { class: 'button', href: '/docs' }, t('api_reference')), h('a', { class: 'button', href: '/openapi.json' }, t('api_document')))), content);
  load(content, async () => {
    const document = await openDocument('/openapi.json');
    const methods = methodsOf(document);
    const chosen = methods.find((m) => `${m.verb} ${m.path}` === params.get('method'));
    const list = h('div', { class: 'methods' });
    const draw = (text) => put(list, methods.filter((m) => `${m.verb} ${m.path} ${m.operationId ?? ''}`.toLowerCase().includes(text.toLowerCase())).map((m) =>
      h('button', { type: 'button', 'aria-pressed': String(m === chosen), onclick: () => go('api', '', { method: `${m.verb} ${m.path}` }) },
          h('span', { class: `verb ${m.verb}` }, m.verb.toUpperCase()), h('span', { class: 'mono' }, m.path))));
    draw('');
    const filter = h('input', { id: 'filter', type: 'search', oninput: () => draw(filter.value) });
    return h('div', { class: 'columns' },
        h('section', { class: 'card w5' }, h('h2', null, `${t('api_methods')} (${methods.length})`),
            h('div', { class: 'field' }, h('label', { for: 'filter' }, t('api_filter')), filter), list),
        h('div', { class: 'stack w7' }, chosen ? tryBox(chosen, document) : card(null, h('p', { class: 'empty' }, t('api_pick'))), errorsTable(document)));
  }, signal);
}
