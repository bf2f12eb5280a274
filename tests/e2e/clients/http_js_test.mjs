// The JavaScript client against a real cluster; run by clients_test.cc.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

const { Mitra, MitraError } = await import(pathToFileURL(process.env.MITRA_JS));
const mitra = new Mitra(process.env.MITRA_HTTP, process.env.MITRA_API_KEY);

test('recommends with reasons', async () => {
  const { hits } = await mitra.get('/v1/profiles:search', { query: 'keripik', roles: 'ROLE_BUSINESS' });
  const { slates } = await mitra.post(`/v1/profiles/${hits[0].profileId}:recommend`,
      { kinds: ['RECOMMENDATION_KIND_MENTOR'], pageSize: 3, language: 'en' });
  assert.equal(slates[0].recommendations.length, 3);
  assert.ok(slates[0].recommendations[0].reasons[0].text);
});

test('pages give every member once', async () => {
  const ids = [];
  for await (const profile of mitra.pages('/v1/profiles', 'profiles', { pageSize: 37 })) ids.push(profile.profileId);
  assert.ok(ids.length > 200);
  assert.equal(new Set(ids).size, ids.length);
});

test('writes, reads and deletes', async () => {
  await mitra.put('/v1/profiles/js-1', { kind: 'MEMBER_KIND_PERSON', displayName: 'Bu Tini', regionCode: '33.72.01',
    facets: [{ role: 'ROLE_MENTOR' }] });
  assert.equal((await mitra.get('/v1/profiles/js-1')).displayName, 'Bu Tini');
  await mitra.delete('/v1/profiles/js-1');
  await assert.rejects(mitra.get('/v1/profiles/js-1'), (error) =>
    error instanceof MitraError && error.reason === 'PROFILE_NOT_FOUND' && error.httpStatus === 404 && error.requestId !== '');
});

test('names wrong fields', async () => {
  await assert.rejects(mitra.put('/v1/profiles/js-2', { kind: 'MEMBER_KIND_PERSON' }),
      (error) => error.fields.some((f) => f.field === 'profile.display_name'));
});
