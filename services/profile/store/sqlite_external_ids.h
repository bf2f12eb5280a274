// Which member an id of another system means; each means one at most.

#ifndef MITRA_SERVICES_PROFILE_STORE_SQLITE_EXTERNAL_IDS_H_
#define MITRA_SERVICES_PROFILE_STORE_SQLITE_EXTERNAL_IDS_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "services/profile/store/sqlite_connection.h"
#include "services/profile/store/write_batch.h"

namespace mitra::profile {

// The table of external ids, as the writer's transaction sees it. Used by the
// writer's thread. Methods return an error only if the storage failed.
class SqliteExternalIds {
 public:
  // Before all else; `connection` must outlive the object.
  absl::Status Prepare(Connection& connection);

  // `refusal`: EXTERNAL_ID_TAKEN if one of the put's belongs to another member.
  absl::Status Check(const Put& put, absl::Status& refusal);
  // After Check of the same put. `replaces`: the member is stored already.
  absl::Status Store(const Put& put, bool replaces);
  absl::Status Delete(absl::string_view member);

 private:
  // How many of the put under way are its own already.
  size_t own_ = 0;
  Statement find_, insert_, count_, delete_;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_STORE_SQLITE_EXTERNAL_IDS_H_
