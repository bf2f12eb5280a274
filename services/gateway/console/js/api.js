// The public HTTP API, and nothing else. The key lives in this module's memory
// until the page is left or the user signs out.

import { settings } from './settings.js';

let key = null;

export function signIn(value) { key = value; }
export function signOut() { key = null; }
export function signedIn() { return key !== null; }

// What the API refused or failed at, in its own terms.
export class ApiError extends Error {
  constructor(status, body) {
    const error = body?.error ?? {};
    super(error.message ?? `HTTP ${status}`);
    this.httpStatus = status;
    this.status = error.status ?? '';
    const info = (error.details ?? []).find((d) => d.reason);
    this.reason = info?.reason ?? (status === 0 ? 'UNREACHABLE' : '');
    const wrong = (error.details ?? []).find((d) => d.fieldViolations);
    this.fields = wrong?.fieldViolations ?? [];
    const request = (error.details ?? []).find((d) => d.requestId);
    this.requestId = request?.requestId ?? '';
  }
}

function queryOf(params) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== '') query.append(name, one);
    }
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

// The bare exchange: status, headers, text and how long it took.
export async function exchange(verb, path, { query, body, signal } = {}) {
  const headers = { Authorization: `Bearer ${key}` };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const start = performance.now();
  const response = await fetch(path + queryOf(query), {
    method: verb,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
    cache: 'no-store',
    credentials: 'omit',
  });
  const text = await response.text();
  return { response, text, milliseconds: performance.now() - start };
}

async function call(verb, path, options) {
  let answer;
  try {
    answer = await exchange(verb, path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, { error: { message: error.message } });
  }
  let parsed = null;
  try {
    parsed = answer.text === '' ? {} : JSON.parse(answer.text);
  } catch {
    throw new ApiError(answer.response.status, null);
  }
  if (!answer.response.ok) throw new ApiError(answer.response.status, parsed);
  return parsed;
}

const of = (id) => `/v1/profiles/${encodeURIComponent(id)}`;

export const api = {
  status: (service, signal) => call('GET', `/v1/status/${service}`, { signal }),
  search: (query, options = {}) =>
      call('GET', '/v1/profiles:search', { query: { query, pageSize: 20, ...options.query }, signal: options.signal }),
  profiles: (pageToken, signal) =>
      call('GET', '/v1/profiles', { query: { pageSize: 25, pageToken, view: 'PROFILE_VIEW_PUBLIC' }, signal }),
  profile: (id, signal) => call('GET', of(id), { signal }),
  names: (ids, signal) =>
      call('POST', '/v1/profiles:batchGet', { body: { profileIds: ids, view: 'PROFILE_VIEW_PUBLIC' }, signal }),
  evidence: (query, signal) => call('GET', '/v1/evidence', { query: { pageSize: 500, ...query }, signal }),
  recommend: (id, body, signal) =>
      call('POST', `${of(id)}:recommend`, { body: { language: settings.language, ...body }, signal }),
  whyNot: (id, candidateId, kind, signal) =>
      call('GET', `${of(id)}:whyNot`, { query: { candidateId, kind, language: settings.language }, signal }),
  explain: (id, candidateId, kind, signal) =>
      call('GET', `${of(id)}:explain`, { query: { candidateId, kind, language: settings.language }, signal }),
  trust: (id, targetId, signal) =>
      call('GET', `${of(id)}:trust`, { query: { targetId, language: settings.language }, signal }),
  standing: (id, signal) => call('GET', `${of(id)}:standing`, { query: { language: settings.language }, signal }),
  diagnose: (id, signal) => call('GET', `${of(id)}:diagnose`, { query: { language: settings.language }, signal }),
  ranking: (signal) => call('GET', '/v1/ranking', { signal }),
  refreshes: (signal) => call('GET', '/v1/refreshes', { signal }),
  refresh: (id, signal) => call('GET', `/v1/refreshes/${encodeURIComponent(id)}`, { signal }),
  startRefresh: (body) => call('POST', '/v1/refreshes', { body }),
  report: (id, signal) => call('GET', `/v1/refreshes/${encodeURIComponent(id)}:report`, { signal }),
  changeRefresh: (id, verb, body = {}) => call('POST', `/v1/refreshes/${encodeURIComponent(id)}:${verb}`, { body }),
  cancelRefresh: (id) => call('POST', `/v1/refreshes/${encodeURIComponent(id)}:cancel`, { body: {} }),
};

// Documents that need no key: words, places, lines of business, the API itself.
const documents = new Map();
export function openDocument(path) {
  if (!documents.has(path)) {
    documents.set(path, fetch(path, { credentials: 'omit' }).then((r) => {
      if (!r.ok) throw new ApiError(r.status, null);
      return r.json();
    }).catch((error) => {
      documents.delete(path);
      throw error;
    }));
  }
  return documents.get(path);
}
