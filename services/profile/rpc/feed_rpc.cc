// The change feed and the status of the process.

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/version.h"
#include "common/status/errors.h"
#include "mitra/v1/change_feed_service.pb.h"
#include "mitra/v1/operations_service.pb.h"
#include "services/profile/feed/change_encoder.h"
#include "services/profile/rpc/methods.h"

namespace mitra::profile {
namespace {

using rpc::CallContext;
using rpc::RawMessage;
using rpc::Task;

// Of the impressions in one message to a follower.
constexpr size_t kMaxShownBytes = 128 << 10;

void DescribeRecord(const RecordHealth& health, v1::ComponentStatus& record) {
  record.set_name("record");
  record.set_ok(health.writable.ok() && !health.disk_full);
  if (!health.writable.ok()) {
    record.set_detail("writes are refused until a restart");
  } else if (health.disk_full) {
    record.set_detail("the disk is full");
  }
  const std::pair<std::string, uint64_t> figures[] = {
      {"queued_operations", health.queued_operations},
      {"log_bytes", health.log_bytes},
      {"commits", health.commits},
      {"operations", health.operations},
      {"damaged_reads", health.damaged_reads}};
  for (const auto& [name, value] : figures) {
    (*record.mutable_figures())[name] = static_cast<double>(value);
  }
}

Task<absl::Status> ReadSnapshot(ProfileParts& parts, CallContext& call,
                                const RawMessage& in, RawMessage& out) {
  absl::Status allowed = RefuseOutsiders(call);
  if (!allowed.ok()) co_return allowed;
  v1::ReadSnapshotRequest request;
  absl::Status parsed = in.ParseTo(request);
  if (!parsed.ok()) co_return parsed;
  auto page = co_await parts.feed.ReadSnapshot(request);
  if (!page.ok()) co_return page.status();
  out = RawMessage(absl::string_view(*page));
  co_return absl::OkStatus();
}

Task<absl::Status> Watch(ProfileParts& parts, CallContext& call,
                         rpc::RawStream& stream) {
  absl::Status allowed = RefuseOutsiders(call);
  if (!allowed.ok()) co_return allowed;
  std::optional<RawMessage> raw = co_await stream.Read();
  v1::WatchRequest request;
  if (raw) {
    absl::Status parsed = raw->ParseTo(request);
    if (!parsed.ok()) co_return parsed;
  }
  const std::string afresh = parts.feed.CheckStart(request);
  if (!afresh.empty()) {
    (void)co_await stream.Write(RawMessage(absl::string_view(afresh)));
    co_return absl::OkStatus();
  }
  const Selection selection = Selection::From(request.selector());
  uint64_t from = request.start_revision();
  uint64_t shown = parts.impressions.head();
  bool first = true;
  while (!call.cancelled()) {
    auto message = co_await parts.feed.Next(selection, from, first);
    first = false;
    if (!message.ok()) co_return message.status();
    from = message->watermark + 1;
    if (request.selector().impressions()) {
      shown =
          parts.impressions.AppendSince(shown, kMaxShownBytes, message->bytes);
    }
    const bool written =
        co_await stream.Write(RawMessage(absl::string_view(message->bytes)));
    if (!written) break;
  }
  co_return MakeError(absl::StatusCode::kUnavailable, "FEED_ENDED",
                      "the feed ends; connect again");
}

}  // namespace

absl::Status RefuseOutsiders(const CallContext& call) {
  if (call.identity.credential.empty() && !call.identity.is_member()) {
    return absl::OkStatus();
  }
  return MakeError(absl::StatusCode::kPermissionDenied, "INTERNAL_METHOD",
                   "this method is for the services only");
}

void RegisterFeedMethods(ProfileParts& parts, rpc::Server::Builder& builder) {
  builder.RawUnary(
      "/mitra.v1.ChangeFeed/ReadSnapshot",
      [&parts](CallContext& call, const RawMessage& in, RawMessage& out) {
        return ReadSnapshot(parts, call, in, out);
      },
      "mitra.v1.ReadSnapshotRequest", "mitra.v1.ReadSnapshotResponse");
  builder.RawStreaming(
      "/mitra.v1.ChangeFeed/Watch",
      [&parts](CallContext& call, rpc::RawStream& stream) {
        return Watch(parts, call, stream);
      },
      "mitra.v1.WatchRequest", "mitra.v1.WatchResponse");
}

void RegisterOperations(ProfileParts& parts, rpc::Server::Builder& builder) {
  const absl::Time start = absl::Now();
  builder.Unary<v1::GetStatusRequest, v1::ServiceStatus>(
      "/mitra.v1.ProfileOperations/GetProfileStatus",
      [&parts, start](CallContext&, const v1::GetStatusRequest&,
                      v1::ServiceStatus& status) -> Task<absl::Status> {
        status.set_service("profile");
        status.set_version(kVersion);
        status.mutable_start_time()->set_seconds(absl::ToUnixSeconds(start));
        status.set_ready(true);
        status.set_revision(parts.store.head());
        DescribeRecord(parts.store.health(), *status.add_components());
        co_return absl::OkStatus();
      });
}

void RegisterProfileMethods(ProfileParts& parts,
                            rpc::Server::Builder& builder) {
  RegisterRecordMethods(parts, builder);
  RegisterFeedMethods(parts, builder);
  RegisterArchiveMethods(parts, builder);
  RegisterOperations(parts, builder);
}

}  // namespace mitra::profile
