// The public HTTP API, and nothing else. The key lives in this module's memory
// until the page is left or the user signs out.

import { settings } from './settings.js';
import { t } from './words.js';

let key = null;
let refused = null;    // hears that the key is not valid any more

export function signIn(value, onRefused) {
  key = value;
  refused = onRefused ?? null;
}
export function signOut() {
  key = null;
  refused = null;
}
export function signedIn() { return key !== null; }

// The server answers within ten seconds, be it with an error.
const PATIENCE_MS = 15000;

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
    const retry = (error.details ?? []).find((d) => d.retryDelay);
    this.retrySeconds = retry ? Math.max(1, Math.ceil(parseFloat(retry.retryDelay))) : 0;
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

// The signal of a call that ends when `signal` does or after `ms`, with what
// tells which and what takes the timer back.
function withPatience(signal, ms) {
  const both = new AbortController();
  const patience = { signal: both.signal, over: false };
  const timer = setTimeout(() => { patience.over = true; both.abort(); }, ms);
  const abort = () => both.abort();
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort);
  patience.end = () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  };
  return patience;
}

async function call(verb, path, options = {}) {
  const patience = withPatience(options.signal, PATIENCE_MS);
  const asked = key;
  let answer;
  try {
    answer = await exchange(verb, path, { ...options, signal: patience.signal });
  } catch (error) {
    if (patience.over) throw new ApiError(0, { error: { message: t('no_answer'), details: [{ reason: 'NO_ANSWER' }] } });
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, { error: { message: t('unreachable') } });
  } finally {
    patience.end();
  }
  let parsed = null;
  try {
    parsed = answer.text === '' ? {} : JSON.parse(answer.text);
  } catch {
    throw new ApiError(answer.response.status, null);
  }
  if (answer.response.ok) return parsed;
  const error = new ApiError(answer.response.status, parsed);
  // An answer to a key that is still the one in use.
  if (error.httpStatus === 401 && asked === key) refused?.(error);
  throw error;
}

// Browsers take "." and ".." out of a path, however they are written; no id is
// one of them.
function of(id) {
  if (id === '.' || id === '..') {
    throw new ApiError(404, { error: { message: t('no_such_id', { id }), details: [{ reason: 'PROFILE_NOT_FOUND' }] } });
  }
  return `/v1/profiles/${encodeURIComponent(id)}`;
}

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
