// A record on disk with members in it, for tests of the calls that change it.

#ifndef MITRA_SERVICES_PROFILE_INGEST_RECORDS_FIXTURE_H_
#define MITRA_SERVICES_PROFILE_INGEST_RECORDS_FIXTURE_H_

#include <memory>
#include <optional>

#include "common/base/fake_clock.h"
#include "common/rpc/executor.h"
#include "common/validation/profile_testing.h"
#include "gtest/gtest.h"
#include "services/profile/ingest/profile_records.h"
#include "services/profile/store/sqlite_record_store.h"
#include "tests/support/temp_dir.h"

namespace mitra::profile {

// The clock stands at kTestNow. A test adds the calls that it is about, over
// the same record; they are gone before it.
class RecordsFixture : public ::testing::Test {
 protected:
  explicit RecordsFixture(const EngagementRules& rules = {}) : rules_(rules) {
    SqliteRecordStore::Options options;
    options.directory = directory_.path();
    options.space = ingest_.space();
    store_ = *SqliteRecordStore::Open(options);
    store_->SetCommitListener(
        [this](const CommittedChanges& changes) { redirects_.Note(changes); });
    profiles_.emplace(*store_, ingest_, executor_, clock_, redirects_, rules_);
  }
  ~RecordsFixture() override { store_.reset(); }

  const testing::TempDir directory_;
  FakeClock clock_{absl::FromUnixSeconds(kTestNow)};
  Redirects redirects_;
  ProfileIngest ingest_{16};
  const EngagementRules rules_;
  rpc::Executor executor_{{.threads = 2, .max_queue = 100}};
  std::unique_ptr<RecordStore> store_;
  std::optional<ProfileRecords> profiles_;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_RECORDS_FIXTURE_H_
