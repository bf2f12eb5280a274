#include "services/matching/rpc/refresh_helper.h"

#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/thread_priority.h"
#include "mitra/v1/refreshes_service.pb.h"

namespace mitra::matching {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(10);
constexpr absl::Duration kCatchUp = absl::Seconds(10);

std::string Method(absl::string_view name) {
  return absl::StrCat("/mitra.v1.Refreshes/", name);
}

template <typename Response, typename Request>
absl::StatusOr<Response> Ask(rpc::Channel& channel, absl::string_view method,
                             const Request& request) {
  rpc::CallContext call;
  call.deadline = absl::Now() + kCallTimeout;
  return rpc::SyncWait(channel.Call<Response>(call, Method(method), request));
}

}  // namespace

bool RefreshHelper::OneChunk(rpc::Channel& coordinator,
                             const std::string& refresh_id, ChunkQueue& queue,
                             const std::atomic<bool>& stop,
                             std::atomic<size_t>& sent) {
  const auto claim = queue.Take();
  if (!claim.ok() || !claim->has_value()) return false;
  v1::GetRefreshChunkRequest get;
  get.set_refresh_id(refresh_id);
  get.set_chunk((*claim)->chunk);
  const auto chunk = Ask<v1::RefreshChunk>(coordinator, "GetRefreshChunk", get);
  if (!chunk.ok()) return false;
  if (chunk->done()) {
    queue.Done(**claim);
    return true;
  }
  v1::Refresh like;
  *like.mutable_kinds() = chunk->kinds();
  like.set_slate_size(chunk->slate_size());
  *like.mutable_ranking_arms() = chunk->ranking_arms();
  // Profiles reach this process within seconds; others go on without it.
  auto plan = PlanOf(tools_, like);
  if (!plan.ok()) return false;
  plan->min_revision = chunk->min_revision();
  MatchingView view = tools_.views();
  const absl::Time late = absl::Now() + kCatchUp;
  while (view.revision < chunk->min_revision()) {
    if (stop || absl::Now() > late) return false;
    absl::SleepFor(absl::Milliseconds(20));
    view = tools_.views();
  }
  const std::vector<std::string> members(chunk->profile_ids().begin(),
                                         chunk->profile_ids().end());
  const auto result = tools_.worker->Compute(view, members, *plan, stop);
  if (!result.ok()) return false;
  v1::SubmitRefreshChunkRequest submit;
  submit.set_refresh_id(refresh_id);
  submit.set_chunk((*claim)->chunk);
  submit.set_result(EncodeChunk(*result, view.members));
  const auto taken = Ask<v1::SubmitRefreshChunkResponse>(
      coordinator, "SubmitRefreshChunk", submit);
  if (!taken.ok()) return false;
  queue.Done(**claim);
  ++sent;
  return !taken->all_done();
}

size_t RefreshHelper::Help(const Announcement& announcement,
                           const std::atomic<bool>& stop) {
  const auto coordinator = rpc::Channel::Create(announcement.address);
  std::atomic<size_t> sent{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < tools_.threads; ++i) {
    threads.emplace_back([&, i] {
      LowerThreadPriority();
      ChunkQueue queue(*tools_.redis, announcement.refresh_id,
                       absl::StrCat(name_, "-", i), ChunkQueue::Options());
      while (!stop && OneChunk(*coordinator, announcement.refresh_id, queue,
                               stop, sent)) {
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return sent;
}

}  // namespace mitra::matching
