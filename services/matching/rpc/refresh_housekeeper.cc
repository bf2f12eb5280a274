#include "services/matching/rpc/refresh_housekeeper.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/observability/log.h"
#include "services/matching/rpc/refresh_helper.h"

namespace mitra::matching {
namespace {

constexpr absl::Duration kStartPause = absl::Milliseconds(20);
constexpr absl::Duration kPollPause = absl::Seconds(1);
constexpr absl::Duration kHelpPause = absl::Milliseconds(500);
constexpr absl::Duration kTellTimeout = absl::Milliseconds(500);
constexpr absl::Duration kDriftPause = absl::Minutes(1);

}  // namespace

RefreshHousekeeper::RefreshHousekeeper(Parts parts) : parts_(std::move(parts)) {
  parts_.runner->SetAddress(parts_.address);
  parts_.directory->SetAddress(parts_.address);
  keeper_ = std::thread([this] { Run(); });
  if (parts_.tools->redis != nullptr) {
    helper_ = std::thread([this] { Help(); });
  }
}

RefreshHousekeeper::~RefreshHousekeeper() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  keeper_.join();
  if (helper_.joinable()) helper_.join();
}

// False at the end.
bool RefreshHousekeeper::Wait(absl::Duration time) {
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(
      absl::Condition(
          +[](std::atomic<bool>* stop) { return stop->load(); }, &stop_),
      time);
  return !stop_;
}

void RefreshHousekeeper::Run() {
  while (!parts_.ready()) {
    if (!Wait(kStartPause)) return;
  }
  const RefreshTools& tools = *parts_.tools;
  tools.keeper->Restore(tools.views().members);
  tools.keeper->Poll(tools.views().members);
  // Before the first answer: the prices are those of before the restart.
  tools.prices->Follow(tools.views().members);
  restored_ = true;
  absl::Time followed = absl::Now();
  do {
    parts_.runner->Resume();
    parts_.runner->Sweep();
    parts_.directory->Tell(parts_.runner->List(), kTellTimeout);
    tools.keeper->Poll(tools.views().members);
    parts_.teller->Tell(tools.keeper->current(), kTellTimeout);
    if (absl::Now() - followed > kDriftPause) {
      followed = absl::Now();
      tools.prices->Follow(tools.views().members);
    }
  } while (Wait(kPollPause));
}

void RefreshHousekeeper::Help() {
  const RefreshTools& tools = *parts_.tools;
  RefreshHelper helper(tools, NewUlid());
  while (Wait(kHelpPause)) {
    if (!restored_ || !tools.redis->available()) continue;
    const auto announced =
        FindAnnouncement(*tools.redis, absl::Milliseconds(500));
    if (!announced.ok() || !announced->has_value() ||
        (*announced)->address == parts_.address) {
      continue;
    }
    const size_t sent = helper.Help(**announced, stop_);
    if (sent > 0) {
      LogInfo("helped with a refresh", {{"refresh", (*announced)->refresh_id},
                                        {"chunks", absl::StrCat(sent)}});
    }
  }
}

}  // namespace mitra::matching
