#include "services/matching/rpc/refresh_directory.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/observability/log.h"
#include "common/redis/keys.h"
#include "common/redis/tasks.h"

namespace mitra::matching {
namespace {

constexpr absl::Duration kReadTimeout = absl::Seconds(1);
// What was evicted comes back after this long.
constexpr absl::Duration kWriteAnew = absl::Minutes(5);
constexpr char kEnd = '\n';

// "<address>\n<state>"; states without what only a report needs.
std::string Encode(const std::string& address, const v1::Refresh& state) {
  v1::Refresh shown = state;
  shown.clear_fixed_pairs();
  for (v1::MarketReport& market : *shown.mutable_markets()) {
    market.clear_by_role();
    market.clear_by_region();
    market.clear_by_sector();
  }
  return absl::StrCat(address, std::string(1, kEnd), shown.SerializeAsString());
}

std::optional<RefreshDirectory::Entry> Decode(absl::string_view text) {
  const size_t end = text.find(kEnd);
  if (end == absl::string_view::npos) return std::nullopt;
  RefreshDirectory::Entry entry;
  entry.address = std::string(text.substr(0, end));
  const absl::string_view state = text.substr(end + 1);
  if (!entry.state.ParseFromArray(state.data(),
                                  static_cast<int>(state.size()))) {
    return std::nullopt;
  }
  return entry;
}

}  // namespace

void RefreshDirectory::SetAddress(std::string address) {
  absl::MutexLock lock(&mutex_);
  address_ = std::move(address);
}

void RefreshDirectory::Tell(const std::vector<v1::Refresh>& own,
                            absl::Duration timeout) {
  if (redis_ == nullptr || !redis_->available()) return;
  std::vector<std::string> set = {"HSET", redis::RefreshDirectoryKey()};
  std::vector<std::string> forget = {"HDEL", redis::RefreshDirectoryKey()};
  absl::flat_hash_map<std::string, std::string> now;
  {
    absl::MutexLock lock(&mutex_);
    if (address_.empty()) return;
    const bool anew = absl::Now() > told_ + kWriteAnew;
    for (const v1::Refresh& refresh : own) {
      std::string text = Encode(address_, refresh);
      const auto before = written_.find(refresh.refresh_id());
      if (anew || before == written_.end() || before->second != text) {
        set.push_back(refresh.refresh_id());
        set.push_back(text);
      }
      now[refresh.refresh_id()] = std::move(text);
    }
    for (const auto& [id, text] : written_) {
      if (!now.contains(id)) forget.push_back(id);
    }
  }
  bool good = true;
  const auto run = [&](std::vector<std::string> command) {
    const auto reply = rpc::SyncWait(
        redis::Execute(*redis_, std::move(command), absl::Now() + timeout));
    good = good && reply.ok();
  };
  const bool changed = set.size() > 2;
  if (changed) run(std::move(set));
  if (forget.size() > 2) run(std::move(forget));
  if (changed) {
    run({"EXPIRE", redis::RefreshDirectoryKey(),
         absl::StrCat(absl::ToInt64Seconds(redis::kRefreshDirectory.ttl))});
  }
  absl::MutexLock lock(&mutex_);
  if (!good) return;
  if (changed) told_ = absl::Now();
  written_ = std::move(now);
}

rpc::Task<std::optional<RefreshDirectory::Entry>> RefreshDirectory::Find(
    std::string refresh_id) {
  if (redis_ == nullptr || !redis_->available()) co_return std::nullopt;
  std::vector<std::string> command = {"HGET", redis::RefreshDirectoryKey(),
                                      std::move(refresh_id)};
  auto asking =
      redis::Execute(*redis_, std::move(command), absl::Now() + kReadTimeout);
  const absl::StatusOr<redis::Reply> reply = co_await std::move(asking);
  if (!reply.ok() || reply->type != redis::Reply::Type::kString) {
    co_return std::nullopt;
  }
  std::optional<Entry> entry = Decode(reply->text);
  absl::MutexLock lock(&mutex_);
  // Its own that it does not know any more.
  if (entry && entry->address == address_) co_return std::nullopt;
  co_return entry;
}

rpc::Task<std::vector<RefreshDirectory::Entry>> RefreshDirectory::FindAll() {
  std::vector<Entry> entries;
  if (redis_ == nullptr || !redis_->available()) co_return entries;
  std::vector<std::string> command = {"HVALS", redis::RefreshDirectoryKey()};
  auto asking =
      redis::Execute(*redis_, std::move(command), absl::Now() + kReadTimeout);
  const absl::StatusOr<redis::Reply> reply = co_await std::move(asking);
  if (!reply.ok()) co_return entries;
  absl::MutexLock lock(&mutex_);
  for (const redis::Reply& one : reply->elements) {
    std::optional<Entry> entry = Decode(one.text);
    if (entry && entry->address != address_) {
      entries.push_back(*std::move(entry));
    }
  }
  co_return entries;
}

std::shared_ptr<rpc::Channel> RefreshDirectory::Reach(
    const std::string& address) {
  absl::MutexLock lock(&mutex_);
  std::shared_ptr<rpc::Channel>& channel = channels_[address];
  if (channel == nullptr) channel = rpc::Channel::Create(address, options_);
  return channel;
}

}  // namespace mitra::matching
