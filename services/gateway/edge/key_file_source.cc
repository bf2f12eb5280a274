#include "services/gateway/edge/key_file_source.h"

#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/observability/log.h"
#include "common/status/status_macros.h"

namespace mitra::gateway {
namespace {

// Changes whenever the file does, also when it is replaced.
std::string StampOf(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return "absent";
  return absl::StrCat(info.st_ino, "/", info.st_size, "/", info.st_mtim.tv_sec,
                      "/", info.st_mtim.tv_nsec);
}

}  // namespace

absl::StatusOr<std::unique_ptr<KeyFileSource>> KeyFileSource::Open(
    const std::string& path, absl::Duration poll) {
  MITRA_ASSIGN_OR_RETURN(auto keys, LoadKeyFile(path));
  return std::unique_ptr<KeyFileSource>(
      new KeyFileSource(path, poll, std::move(keys)));
}

KeyFileSource::KeyFileSource(std::string path, absl::Duration poll,
                             std::shared_ptr<const KeySet> keys)
    : path_(std::move(path)),
      poll_(poll),
      keys_(std::move(keys)),
      stamp_(StampOf(path_)),
      thread_([this] { Run(); }) {}

KeyFileSource::~KeyFileSource() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

std::optional<rpc::Identity> KeyFileSource::Find(absl::string_view key) const {
  std::shared_ptr<const KeySet> keys;
  {
    absl::MutexLock lock(&mutex_);
    keys = keys_;
  }
  const KeyRecord* record = keys->Verify(key, absl::Now());
  if (record == nullptr) return std::nullopt;
  rpc::Identity identity;
  identity.credential = record->label;
  identity.member_id = record->member_id;
  identity.scopes = record->scopes;
  return identity;
}

void KeyFileSource::Poll() {
  const std::string stamp = StampOf(path_);
  {
    absl::MutexLock lock(&mutex_);
    if (stamp == stamp_) return;
    stamp_ = stamp;
  }
  auto keys = LoadKeyFile(path_);
  if (!keys.ok()) {
    LogWarning("gateway: the key file is wrong, the former keys stay",
               {{"error", std::string(keys.status().message())}});
    return;
  }
  LogInfo("gateway: read the key file again",
          {{"keys", (*keys)->records().size()}});
  absl::MutexLock lock(&mutex_);
  keys_ = *std::move(keys);
}

void KeyFileSource::Run() {
  for (;;) {
    {
      absl::MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), poll_)) return;
    }
    Poll();
  }
}

}  // namespace mitra::gateway
