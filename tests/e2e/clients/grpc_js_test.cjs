// @grpc/grpc-js, a gRPC of its own, against a real cluster; run by
// clients_test.cc in a folder where it is installed.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const path = require('node:path');
const grpc = require(path.join(process.cwd(), 'node_modules/@grpc/grpc-js'));
const loader = require(path.join(process.cwd(), 'node_modules/@grpc/proto-loader'));

const files = ['profiles_service', 'recommendations_service', 'search_service'].map((name) => `mitra/v1/${name}.proto`);
const { v1 } = grpc.loadPackageDefinition(loader.loadSync(files,
    { includeDirs: [process.env.MITRA_PROTO], enums: String, longs: String, defaults: true })).mitra;
const credentials = grpc.credentials.createInsecure();
const metadata = new grpc.Metadata();
metadata.set('authorization', `Bearer ${process.env.MITRA_API_KEY}`);

function call(Service, method, request) {
  const client = new Service(process.env.MITRA_SERVER, credentials);
  return new Promise((resolve, reject) => client[method](request, metadata, (error, answer) =>
    (error ? reject(error) : resolve(answer)))).finally(() => client.close());
}

test('searches and recommends', async () => {
  const { hits } = await call(v1.Search, 'SearchProfiles', { query: 'keripik', roles: ['ROLE_BUSINESS'] });
  const { slates } = await call(v1.Recommendations, 'Recommend',
      { profileId: hits[0].profileId, kinds: ['RECOMMENDATION_KIND_PARTNER'], pageSize: 4 });
  assert.equal(slates[0].recommendations.length, 4);
});

test('errors carry code and details', async () => {
  await assert.rejects(call(v1.Profiles, 'GetProfile', { profileId: 'nobody' }), (error) =>
    error.code === grpc.status.NOT_FOUND && error.metadata.get('grpc-status-details-bin').length === 1);
});

test('streams an import both ways', async () => {
  const client = new v1.Profiles(process.env.MITRA_SERVER, credentials);
  const stream = client.Import(metadata);
  const verdicts = [];
  stream.on('data', ({ results }) => verdicts.push(...results.map((r) => r.verdict)));
  for (let row = 0; row < 100; ++row) {
    stream.write({ row, profile: { profileId: `grpc-js-${row}`, kind: 'MEMBER_KIND_PERSON', displayName: `Bu ${row}`,
      regionCode: '33.72.01', facets: [{ role: 'ROLE_MENTOR' }] } });
  }
  stream.end();
  await new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject));
  client.close();
  assert.deepEqual(new Set(verdicts), new Set(['ROW_VERDICT_CREATED']));
  assert.equal(verdicts.length, 100);
});
