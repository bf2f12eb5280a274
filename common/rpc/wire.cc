#include "common/rpc/wire.h"

#include <grpc/grpc.h>

#include <algorithm>
#include <atomic>
#include <random>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "google/rpc/status.pb.h"

namespace mitra::rpc::internal {
namespace {

constexpr size_t kMaxValue = 4096;
// gRPC cuts connections whose trailers exceed 8 KiB; details beyond this size
// are dropped, code and message stay.
constexpr size_t kMaxDetails = 5000;

bool IsPrintableAscii(absl::string_view value) {
  return std::all_of(value.begin(), value.end(),
                     [](char c) { return c >= 0x20 && c <= 0x7e; });
}

}  // namespace

bool IsLegalMetadata(absl::string_view key, absl::string_view value) {
  if (key.empty() || value.size() > kMaxValue || !IsPrintableAscii(value)) {
    return false;
  }
  return std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' ||
           c == '_' || c == '.';
  });
}

MetadataViews MetadataOf(const CallContext& call, std::string& scratch) {
  MetadataViews pairs;
  const auto add = [&](absl::string_view key, absl::string_view value) {
    if (!value.empty() && IsLegalMetadata(key, value)) {
      pairs.emplace_back(key, value);
    }
  };
  const Identity& who = call.identity;
  if (!who.credential.empty() || who.is_member() || !who.scopes.empty()) {
    scratch = EncodeIdentity(who);
    add(kIdentityKey, scratch);
  }
  add(kRequestIdKey, call.request_id);
  add(kTraceparentKey, call.traceparent);
  return pairs;
}

void ReadMetadata(absl::string_view key, absl::string_view value,
                  bool trust_identity, CallContext& call) {
  if (key == kIdentityKey) {
    if (trust_identity) call.identity = DecodeIdentity(value);
  } else if (key == kRequestIdKey) {
    if (IsRequestId(value)) call.request_id = std::string(value);
  } else if (key == kTraceparentKey) {
    if (value.size() <= 128 && IsPrintableAscii(value)) {
      call.traceparent = std::string(value);
    }
  } else if (!trust_identity && value.size() <= kMaxValue &&
             IsPrintableAscii(value)) {
    if (key == "authorization") call.authorization = std::string(value);
    if (key == "x-api-key") call.api_key = std::string(value);
  }
}

void EnsureRequestId(CallContext& call) {
  if (!call.request_id.empty()) return;
  static const uint64_t process = std::random_device{}();
  static std::atomic<uint64_t> counter{0};
  call.request_id =
      absl::StrCat(absl::Hex(process, absl::kZeroPad8), "-",
                   absl::Hex(counter.fetch_add(1), absl::kZeroPad8));
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const google::rpc::Status proto = ToRpcStatus(status);
  std::string details = proto.SerializeAsString();
  if (details.size() > kMaxDetails) {
    details = ToRpcStatus(MakeError(status.code(), ReasonOf(status),
                                    CutUtf8(status.message(), 500)))
                  .SerializeAsString();
  }
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      proto.message(), details);
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  google::rpc::Status proto;
  if (!status.error_details().empty() &&
      proto.ParseFromString(status.error_details()) &&
      proto.code() == status.error_code()) {
    return FromRpcStatus(proto);
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
}

void Prepare(const CallContext& call, grpc::ClientContext& context) {
  context.set_deadline(absl::ToChronoTime(call.deadline));
  std::string scratch;
  for (const auto& [key, value] : MetadataOf(call, scratch)) {
    context.AddMetadata(std::string(key), std::string(value));
  }
}

std::vector<std::pair<std::string, std::string>> TrailersOf(
    const grpc::ClientContext& context) {
  std::vector<std::pair<std::string, std::string>> trailers;
  for (const auto& [key, value] : context.GetServerTrailingMetadata()) {
    const absl::string_view name(key.data(), key.size());
    if (absl::StartsWith(name, "mitra-")) {
      trailers.emplace_back(std::string(name),
                            std::string(value.data(), value.size()));
    }
  }
  return trailers;
}

grpc::ChannelArguments ClientArguments(int max_message_bytes) {
  grpc::ChannelArguments args;
  args.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kClientPingMs);
  args.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  args.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  // In spite of its name: how long one attempt to connect may take, handshake
  // included. Calls wait for the first; TLS on a busy machine is not quick.
  args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5'000);
  // Channels to one target from one process do not share a subchannel, so that
  // closing one never cuts another.
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  args.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
  args.SetMaxReceiveMessageSize(max_message_bytes);
  args.SetLoadBalancingPolicyName("round_robin");
  return args;
}

}  // namespace mitra::rpc::internal
