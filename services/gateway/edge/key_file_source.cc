#include "services/gateway/edge/key_file_source.h"

#include "absl/time/clock.h"
#include "common/status/status_macros.h"

namespace mitra::gateway {

absl::StatusOr<std::unique_ptr<KeyFileSource>> KeyFileSource::Open(
    const std::string& path, absl::Duration poll) {
  MITRA_ASSIGN_OR_RETURN(auto file, File::Open(path, LoadKeyFile, poll));
  return std::unique_ptr<KeyFileSource>(new KeyFileSource(std::move(file)));
}

std::optional<Caller> KeyFileSource::Find(absl::string_view key) const {
  const std::shared_ptr<const KeySet> keys = file_->Get();
  const KeyRecord* record = keys->Verify(key, absl::Now());
  if (record == nullptr) return std::nullopt;
  Caller caller;
  caller.identity.credential = record->Identity();
  caller.identity.member_id = record->member_id;
  caller.identity.delegate_id = record->delegate_id;
  caller.identity.scopes = record->scopes;
  caller.quota = {record->units_per_second, record->burst_units};
  return caller;
}

}  // namespace mitra::gateway
