// API keys from a file, read again when it changes.

#ifndef MITRA_SERVICES_GATEWAY_EDGE_KEY_FILE_SOURCE_H_
#define MITRA_SERVICES_GATEWAY_EDGE_KEY_FILE_SOURCE_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/security/api_key.h"
#include "services/gateway/edge/authenticator.h"
#include "services/gateway/edge/reloaded_file.h"

namespace mitra::gateway {

// Thread-safe. A file that turns wrong leaves the keys of the last good one in
// force.
class KeyFileSource final : public CredentialSource {
 public:
  // The error of the file if it is wrong at the start.
  static absl::StatusOr<std::unique_ptr<KeyFileSource>> Open(
      const std::string& path, absl::Duration poll = absl::Seconds(1));

  // Takes the same time whether or not there is such a key.
  std::optional<Caller> Find(absl::string_view key) const override;

  // Reads the file now if it has changed.
  void Poll() { file_->Poll(); }

 private:
  using File = ReloadedFile<KeySet>;
  explicit KeyFileSource(std::unique_ptr<File> file) : file_(std::move(file)) {}

  const std::unique_ptr<File> file_;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_EDGE_KEY_FILE_SOURCE_H_
