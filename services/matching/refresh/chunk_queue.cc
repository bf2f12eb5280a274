#include "services/matching/refresh/chunk_queue.h"

#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/redis/keys.h"
#include "common/redis/tasks.h"
#include "common/status/status_macros.h"

namespace mitra::matching {
namespace {

constexpr char kGroup[] = "workers";
constexpr char kField[] = "chunk";
// Entries of one XADD script call.
constexpr size_t kFillAtOnce = 500;

// KEYS: stream; ARGV: time to live in ms, then numbers.
const redis::Script& FillScript() {
  static const redis::Script& script = *new redis::Script(R"lua(
for i = 2, #ARGV do redis.call('XADD', KEYS[1], '*', 'chunk', ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
)lua");
  return script;
}

// The claim of a reply [[id, [field, value]], …] or nothing.
absl::StatusOr<std::optional<ChunkQueue::Claim>> FirstOf(
    const redis::Reply& entries) {
  // An entry that was trimmed away reads as nil.
  for (const redis::Reply& entry : entries.elements) {
    if (entry.elements.size() != 2 || entry.elements[1].elements.size() != 2) {
      continue;
    }
    ChunkQueue::Claim claim;
    claim.entry = entry.elements[0].text;
    if (entry.elements[1].elements[0].text != kField ||
        !absl::SimpleAtoi(entry.elements[1].elements[1].text, &claim.chunk)) {
      return absl::InternalError("chunks: a strange entry");
    }
    return std::optional<ChunkQueue::Claim>(std::move(claim));
  }
  return std::optional<ChunkQueue::Claim>();
}

}  // namespace

ChunkQueue::ChunkQueue(redis::Client& client, const std::string& refresh_id,
                       std::string consumer, Options options)
    : client_(client),
      key_(redis::RefreshChunksKey(refresh_id)),
      consumer_(std::move(consumer)),
      options_(options) {}

absl::StatusOr<redis::Reply> ChunkQueue::Execute(
    std::vector<std::string> args) {
  MITRA_ASSIGN_OR_RETURN(
      redis::Reply reply,
      rpc::SyncWait(redis::Execute(client_, std::move(args),
                                   absl::Now() + options_.timeout)));
  if (reply.error_code() == "NOGROUP") {
    return absl::NotFoundError("chunks: no stream");
  }
  MITRA_RETURN_IF_ERROR(redis::StatusOf(reply));
  return reply;
}

absl::Status ChunkQueue::Fill(absl::Span<const uint32_t> chunks) {
  MITRA_RETURN_IF_ERROR(Execute({"UNLINK", key_}).status());
  MITRA_RETURN_IF_ERROR(
      Execute({"XGROUP", "CREATE", key_, kGroup, "0", "MKSTREAM"}).status());
  for (size_t at = 0; at < chunks.size(); at += kFillAtOnce) {
    std::vector<std::string> args = {
        absl::StrCat(absl::ToInt64Milliseconds(redis::kRefreshJobs.ttl))};
    for (const uint32_t chunk : chunks.subspan(at, kFillAtOnce)) {
      args.push_back(absl::StrCat(chunk));
    }
    MITRA_RETURN_IF_ERROR(
        rpc::SyncWait(redis::Eval(client_, FillScript(), {key_},
                                  std::move(args),
                                  absl::Now() + options_.timeout))
            .status());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<ChunkQueue::Claim>> ChunkQueue::Take() {
  MITRA_ASSIGN_OR_RETURN(const redis::Reply fresh,
                         Execute({"XREADGROUP", "GROUP", kGroup, consumer_,
                                  "COUNT", "1", "STREAMS", key_, ">"}));
  if (!fresh.is_nil() && !fresh.elements.empty() &&
      fresh.elements[0].elements.size() == 2) {
    return FirstOf(fresh.elements[0].elements[1]);
  }
  MITRA_ASSIGN_OR_RETURN(
      const redis::Reply claimed,
      Execute({"XAUTOCLAIM", key_, kGroup, consumer_,
               absl::StrCat(absl::ToInt64Milliseconds(options_.abandoned)), "0",
               "COUNT", "1"}));
  if (claimed.elements.size() < 2) return std::optional<Claim>();
  return FirstOf(claimed.elements[1]);
}

void ChunkQueue::Done(const Claim& claim) {
  client_.Execute({"XACK", key_, kGroup, claim.entry},
                  absl::Now() + options_.timeout,
                  [](absl::StatusOr<redis::Reply>) {});
}

void ChunkQueue::Remove() {
  client_.Execute({"UNLINK", key_}, absl::Now() + options_.timeout,
                  [](absl::StatusOr<redis::Reply>) {});
}

}  // namespace mitra::matching
