"""The Python client against a real cluster; run by clients_test.cc."""

import os
import threading
import time
import unittest
from concurrent import futures

import grpc
import mitra_client
from google.rpc import error_details_pb2, status_pb2
from google.protobuf import timestamp_pb2
from mitra.v1 import evidence_pb2, profile_pb2, profiles_service_pb2


def a_mentor(member_id, name='Bu Tini'):
  profile = profile_pb2.Profile(
      profile_id=member_id, kind='MEMBER_KIND_PERSON', display_name=name,
      region_code='33.72.01')
  profile.facets.add(role='ROLE_MENTOR')
  return profile


class ClusterTest(unittest.TestCase):

  @classmethod
  def setUpClass(cls):
    cls.client = mitra_client.Client(os.environ['MITRA_SERVER'],
                                     os.environ['MITRA_API_KEY'])

  @classmethod
  def tearDownClass(cls):
    cls.client.close()

  def test_writes_reads_and_deletes(self):
    client = self.client
    stored = client.profiles.upsert_profile(profile=a_mentor('py-1'))
    self.assertGreater(stored.revision, 0)
    self.assertEqual(
        client.profiles.GetProfile(profile_id='py-1').display_name, 'Bu Tini')
    client.profiles.delete_profile(profile_id='py-1')
    with self.assertRaises(mitra_client.NotFound):
      client.profiles.get_profile(profile_id='py-1')

  def test_an_old_etag_is_refused(self):
    client = self.client
    stored = client.profiles.upsert_profile(profile=a_mentor('py-2'))
    client.profiles.upsert_profile(profile=a_mentor('py-2', 'Bu Tini Dua'))
    stored.display_name = 'Bu Tini Tiga'
    with self.assertRaises(mitra_client.Aborted) as caught:
      client.profiles.upsert_profile(profile=stored)
    self.assertEqual(caught.exception.reason, 'ETAG_MISMATCH')

  def test_every_error_names_its_reason_and_field(self):
    with self.assertRaises(mitra_client.InvalidArgument) as caught:
      self.client.profiles.upsert_profile(profile=profile_pb2.Profile(
          profile_id='py-3', kind='MEMBER_KIND_PERSON'))
    self.assertEqual(caught.exception.reason, 'INVALID_FIELD')
    self.assertIn('profile.display_name',
                  [field for field, _ in caught.exception.fields])
    with self.assertRaises(mitra_client.NotFound) as caught:
      self.client.profiles.get_profile(profile_id='nobody')
    self.assertEqual(caught.exception.reason, 'PROFILE_NOT_FOUND')

  def test_a_wrong_key_and_no_key_are_refused(self):
    for key in ('wrong', None):
      with mitra_client.Client(os.environ['MITRA_SERVER'], key) as client:
        with self.assertRaises(mitra_client.Unauthenticated):
          client.profiles.get_profile(profile_id='x')

  def test_pages_give_every_member_once(self):
    ids = [p.profile_id for p in self.client.pages(
        self.client.profiles.list_profiles, page_size=37)]
    self.assertGreater(len(ids), 200)
    self.assertEqual(len(ids), len(set(ids)))
    found = list(self.client.pages(
        self.client.search.search_profiles, query='keripik', page_size=5))
    self.assertEqual(len(found), len({h.profile_id for h in found}))
    self.assertGreater(len(found), 5)

  def test_recommends_with_reasons(self):
    member = self.client.search.search_profiles(
        query='keripik', roles=['ROLE_BUSINESS']).hits[0].profile_id
    answer = self.client.recommendations.recommend(
        profile_id=member, kinds=['RECOMMENDATION_KIND_MENTOR'], page_size=3,
        language='en')
    picks = answer.slates[0].recommendations
    self.assertEqual(len(picks), 3)
    self.assertTrue(picks[0].reasons[0].text)
    self.assertGreaterEqual(picks[0].score, picks[-1].score * .5)

  def test_what_is_written_is_seen_at_once(self):
    for i in range(20):
      self.client.profiles.upsert_profile(
          profile=a_mentor(f'py-seen-{i}', f'Zzyzx{i} Mentor'))
      hits = self.client.search.search_profiles(query=f'Zzyzx{i}').hits
      self.assertIn(f'py-seen-{i}', [h.profile_id for h in hits])

  def test_imports_a_stream_with_a_verdict_for_each_row(self):
    Row = profiles_service_pb2.ImportRequest
    rows = [Row(row=i, profile=a_mentor(f'py-row-{i}')) for i in range(50)]
    rows.append(Row(row=50, profile=a_mentor('bad id')))
    now = timestamp_pb2.Timestamp()
    now.GetCurrentTime()
    rows.append(Row(row=51, evidence=evidence_pb2.Evidence(
        author_id='py-row-0', about_id='py-row-1',
        kind='EVIDENCE_KIND_REFERENCE', event_time=now)))
    results = [r for response in self.client.profiles.Import(iter(rows))
               for r in response.results]
    self.assertEqual([r.row for r in results], list(range(52)))
    verdict = profiles_service_pb2.RowVerdict
    self.assertEqual(results[50].verdict, verdict.ROW_VERDICT_REJECTED)
    self.assertEqual(results[51].verdict, verdict.ROW_VERDICT_CREATED)

  def test_a_deadline_ends_a_call(self):
    with self.assertRaises(mitra_client.DeadlineExceeded):
      self.client.recommendations.batch_recommend(
          profile_ids=['py-x'] * 100, options={
              'kinds': ['RECOMMENDATION_KIND_MENTOR']}, timeout=1e-6)

  def test_internal_methods_are_not_offered(self):
    self.assertFalse(hasattr(self.client, 'hop'))
    self.assertFalse(hasattr(self.client, 'retrieval'))

  def test_threads_share_a_client(self):
    with futures.ThreadPoolExecutor(8) as pool:
      names = list(pool.map(
          lambda i: self.client.profiles.upsert_profile(
              profile=a_mentor(f'py-thread-{i}')).profile_id, range(64)))
    self.assertEqual(len(set(names)), 64)


class FlakyServer(grpc.GenericRpcHandler):
  """Fails the first calls, then answers; counts."""

  def __init__(self, failures, code, retry_seconds=None):
    self.calls = 0
    self.failures = failures
    self.code = code
    self.retry_seconds = retry_seconds
    self.lock = threading.Lock()

  def service(self, details):
    return grpc.unary_unary_rpc_method_handler(self._answer)

  def _answer(self, request, context):
    with self.lock:
      self.calls += 1
      failing = self.calls <= self.failures
    if failing:
      if self.retry_seconds is not None:
        info = error_details_pb2.RetryInfo()
        info.retry_delay.FromNanoseconds(int(self.retry_seconds * 1e9))
        status = status_pb2.Status(code=self.code.value[0])
        status.details.add().Pack(info)
        context.set_trailing_metadata(
            (('grpc-status-details-bin', status.SerializeToString()),))
      context.abort(self.code, 'not now')
    return b''


class RetryTest(unittest.TestCase):

  def serve(self, *arguments):
    handler = FlakyServer(*arguments)
    server = grpc.server(futures.ThreadPoolExecutor(2), (handler,))
    port = server.add_insecure_port('127.0.0.1:0')
    server.start()
    self.addCleanup(server.stop, 0)
    client = mitra_client.Client(f'127.0.0.1:{port}', 'k')
    self.addCleanup(client.close)
    return handler, client

  def test_reads_are_repeated_when_nobody_answers(self):
    handler, client = self.serve(2, grpc.StatusCode.UNAVAILABLE)
    client.profiles.get_profile(profile_id='x')
    self.assertEqual(handler.calls, 3)

  def test_writes_never_are(self):
    handler, client = self.serve(2, grpc.StatusCode.UNAVAILABLE)
    with self.assertRaises(mitra_client.Unavailable):
      client.profiles.delete_profile(profile_id='x')
    self.assertEqual(handler.calls, 1)

  def test_there_is_an_end_to_it(self):
    handler, client = self.serve(99, grpc.StatusCode.UNAVAILABLE)
    with self.assertRaises(mitra_client.Unavailable):
      client.profiles.get_profile(profile_id='x')
    self.assertEqual(handler.calls, 4)

  def test_a_full_cluster_says_when(self):
    handler, client = self.serve(1, grpc.StatusCode.RESOURCE_EXHAUSTED, .2)
    start = time.monotonic()
    client.profiles.get_profile(profile_id='x')
    self.assertGreaterEqual(time.monotonic() - start, .2)
    self.assertEqual(handler.calls, 2)

  def test_a_pause_beyond_the_deadline_is_not_waited_for(self):
    handler, client = self.serve(1, grpc.StatusCode.RESOURCE_EXHAUSTED, 60)
    start = time.monotonic()
    with self.assertRaises(mitra_client.ResourceExhausted):
      client.profiles.get_profile(profile_id='x', timeout=5)
    self.assertLess(time.monotonic() - start, 5)
    self.assertEqual(handler.calls, 1)

  def test_errors_of_the_caller_are_not_repeated(self):
    handler, client = self.serve(1, grpc.StatusCode.INVALID_ARGUMENT)
    with self.assertRaises(mitra_client.InvalidArgument):
      client.profiles.get_profile(profile_id='x')
    self.assertEqual(handler.calls, 1)


if __name__ == '__main__':
  unittest.main(verbosity=2)
