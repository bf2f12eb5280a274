// Small verbs for tests that write to a RecordStore.

#ifndef MITRA_SERVICES_PROFILE_STORE_STORE_TESTING_H_
#define MITRA_SERVICES_PROFILE_STORE_STORE_TESTING_H_

#include <future>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "services/profile/store/record_store.h"

namespace mitra::profile {

// Commits and waits for the answer.
inline absl::StatusOr<CommitResult> CommitNow(RecordStore& store,
                                              WriteBatch batch) {
  std::promise<absl::StatusOr<CommitResult>> answer;
  store.Commit(std::move(batch), [&](absl::StatusOr<CommitResult> result) {
    answer.set_value(std::move(result));
  });
  return answer.get_future().get();
}

inline WriteBatch BatchOf(std::vector<Operation> operations) {
  WriteBatch batch;
  batch.authority = {"tester", /*all_members=*/true};
  batch.time = absl::FromUnixSeconds(1'790'000'000);
  batch.operations = std::move(operations);
  return batch;
}

// The verdict on one operation; an error of the batch is its status.
inline OperationResult Do(RecordStore& store, Operation operation) {
  std::vector<Operation> operations;
  operations.push_back(std::move(operation));
  auto result = CommitNow(store, BatchOf(std::move(operations)));
  if (!result.ok()) {
    OperationResult refused;
    refused.status = result.status();
    return refused;
  }
  return result->results.at(0);
}

// A hash of 16 bytes that differs with the text.
inline std::string HashFor(absl::string_view text) {
  std::string hash(text.substr(0, 16));
  hash.resize(16, '.');
  return hash;
}

inline Put ProfilePut(absl::string_view id, absl::string_view content) {
  Put put;
  put.key = std::string(id);
  put.content_hash = HashFor(content);
  put.body = absl::StrCat("body of ", content);
  put.secret = absl::StrCat("secret of ", content);
  put.vectors = absl::StrCat("vectors of ", content);
  return put;
}

inline Put EvidencePut(absl::string_view id, absl::string_view author,
                       absl::string_view about, absl::string_view content) {
  Put put = ProfilePut(id, content);
  put.type = EntityType::kEvidence;
  put.mode = Put::Mode::kCreate;
  put.links = {{std::string(author), Relation::kAuthor, "author_id", false},
               {std::string(about), Relation::kAbout, "about_id", false}};
  return put;
}

inline Put Withdrawal(absl::string_view id) {
  Put put;
  put.type = EntityType::kEvidence;
  put.key = std::string(id);
  put.mode = Put::Mode::kUpdate;
  put.removed = true;
  put.derived = true;
  put.body = "ids only";
  return put;
}

inline DeleteMember Deletion(absl::string_view id) {
  return {std::string(id), HashFor(absl::StrCat("hash of ", id)), {}};
}

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_STORE_STORE_TESTING_H_
