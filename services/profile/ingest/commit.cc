#include "services/profile/ingest/commit.h"

#include <xxhash.h>

#include "absl/strings/str_cat.h"
#include "google/protobuf/message_lite.h"
#include "services/profile/ingest/access.h"

namespace mitra::profile {

WriteBatch BatchFor(const rpc::CallContext& call, absl::Time now) {
  WriteBatch batch;
  batch.authority = AuthorityOf(call);
  batch.time = now;
  batch.deadline = call.deadline;
  return batch;
}

std::string ContentHash(absl::string_view a, absl::string_view b) {
  const uint64_t seed = XXH3_64bits(b.data(), b.size());
  const XXH128_hash_t hash = XXH3_128bits_withSeed(a.data(), a.size(), seed);
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, hash);
  return std::string(reinterpret_cast<const char*>(bytes.digest),
                     sizeof bytes.digest);
}

std::optional<RequestKey> RequestKeyFor(
    const rpc::CallContext& call, absl::string_view method,
    absl::string_view request_id,
    const google::protobuf::MessageLite& request) {
  if (request_id.empty()) return std::nullopt;
  return RequestKey{CallerKey(call), std::string(method),
                    std::string(request_id),
                    ContentHash(request.SerializeAsString())};
}

rpc::Task<absl::StatusOr<CommitResult>> CommitFor(rpc::CallContext& call,
                                                  RecordStore& store,
                                                  WriteBatch batch) {
  const auto start =
      [&](std::function<void(absl::StatusOr<CommitResult>)> done) {
        store.Commit(std::move(batch), std::move(done));
      };
  absl::StatusOr<CommitResult> result =
      co_await rpc::Callback<absl::StatusOr<CommitResult>>(start);
  if (result.ok()) {
    call.SetTrailer(rpc::kRevisionKey, absl::StrCat(store.info().incarnation,
                                                    "-", result->revision));
  }
  co_return result;
}

rpc::Task<absl::StatusOr<OperationResult>> CommitOne(rpc::CallContext& call,
                                                     RecordStore& store,
                                                     WriteBatch batch) {
  absl::StatusOr<CommitResult> result =
      co_await CommitFor(call, store, std::move(batch));
  if (!result.ok()) co_return result.status();
  OperationResult& only = result->results.at(0);
  if (!only.status.ok()) co_return only.status;
  co_return std::move(only);
}

}  // namespace mitra::profile
