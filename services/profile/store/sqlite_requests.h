// What was answered to requests that carry a key, for their repeats.

#ifndef MITRA_SERVICES_PROFILE_STORE_SQLITE_REQUESTS_H_
#define MITRA_SERVICES_PROFILE_STORE_SQLITE_REQUESTS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/profile/store/sqlite_connection.h"
#include "services/profile/store/write_batch.h"

namespace mitra::profile {

// The table of requests, as the writer's transaction sees it; each is kept for
// a day. Used by the writer's thread. Methods return an error only if the
// storage failed.
class SqliteRequests {
 public:
  // Before all else; `connection` must outlive the object.
  absl::Status Prepare(Connection& connection);

  // The first results of a batch that was carried out before; in `result`
  // REQUEST_ID_REUSED if that was another one. The batch must have a key.
  absl::Status Find(const WriteBatch& batch,
                    absl::StatusOr<CommitResult>& result, bool& found);
  absl::Status Store(const WriteBatch& batch, const CommitResult& result);
  // Some of those that are too old, now and then.
  absl::Status ForgetOld(absl::Time now);

 private:
  absl::Time last_forgetting_ = absl::InfinitePast();
  Statement find_, insert_, forget_;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_STORE_SQLITE_REQUESTS_H_
