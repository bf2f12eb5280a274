// Mitra from JavaScript: a browser or Node.js 18 and later, nothing to install.
//
//   import { Mitra, MitraError } from './mitra.mjs';
//   const mitra = new Mitra('http://127.0.0.1:8080', key);
//   const { slates } = await mitra.post('/v1/profiles/umkm-000123:recommend',
//       { kinds: ['RECOMMENDATION_KIND_MENTOR'], pageSize: 5 });
//   for (const pick of slates[0].recommendations) {
//     console.log(pick.displayName, pick.reasons[0].text);
//   }

// What the API refused or failed at.
export class MitraError extends Error {
  constructor(status, body) {
    const error = body?.error ?? {};
    super(error.message ?? `HTTP ${status}`);
    this.httpStatus = status;
    const of = (key) => error.details?.find((detail) => key in detail);
    this.reason = of('reason')?.reason ?? '';
    this.fields = of('fieldViolations')?.fieldViolations ?? [];
    this.requestId = of('requestId')?.requestId ?? '';
  }
}

export class Mitra {
  constructor(base, key) {
    this.base = base;
    this.key = key;
  }

  get(path, query) { return this.#call('GET', path, query); }
  put(path, body) { return this.#call('PUT', path, {}, body); }
  post(path, body) { return this.#call('POST', path, {}, body); }
  delete(path) { return this.#call('DELETE', path); }

  // All items of a list, a page at a time: `for await (const p of
  // mitra.pages('/v1/profiles', 'profiles')) …`
  async * pages(path, field, query = {}) {
    let pageToken;
    do {
      const page = await this.get(path, { ...query, ...(pageToken ? { pageToken } : {}) });
      yield* page[field] ?? [];
      pageToken = page.nextPageToken;
    } while (pageToken);
  }

  async #call(method, path, query = {}, body = undefined) {
    const search = new URLSearchParams(query).toString();
    const response = await fetch(this.base + path + (search ? `?${search}` : ''), {
      method,
      headers: {
        Authorization: `Bearer ${this.key}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const answer = await response.json().catch(() => null);
    if (!response.ok) throw new MitraError(response.status, answer);
    return answer;
  }
}
