#include "common/status/errors.h"

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"

namespace mitra {
namespace {

constexpr absl::string_view kPrefix = "type.googleapis.com/";
constexpr absl::string_view kDomain = "mitra";
constexpr size_t kMaxMessage = 1000;
constexpr size_t kMaxViolations = 20;

template <typename Detail>
std::string TypeUrl() {
  return absl::StrCat(kPrefix, Detail::descriptor()->full_name());
}

template <typename Detail>
void Attach(absl::Status& status, const Detail& detail) {
  status.SetPayload(TypeUrl<Detail>(), absl::Cord(detail.SerializeAsString()));
}

template <typename Detail>
std::optional<Detail> Find(const absl::Status& status) {
  const auto payload = status.GetPayload(TypeUrl<Detail>());
  if (!payload) return std::nullopt;
  Detail detail;
  if (!detail.ParseFromString(std::string(*payload))) return std::nullopt;
  return detail;
}

}  // namespace

std::string CutUtf8(absl::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return std::string(text);
  size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
    --end;
  }
  return std::string(text.substr(0, end));
}

absl::Status MakeError(
    absl::StatusCode code, absl::string_view reason, absl::string_view message,
    std::vector<std::pair<std::string, std::string>> metadata) {
  absl::Status status(code, CutUtf8(message, kMaxMessage));
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain(std::string(kDomain));
  for (auto& [key, value] : metadata) {
    (*info.mutable_metadata())[key] = CutUtf8(value, kMaxMessage);
  }
  Attach(status, info);
  return status;
}

absl::Status InvalidField(absl::string_view field,
                          absl::string_view description) {
  FieldViolations violations;
  violations.Add(field, description);
  return violations.ToStatus();
}

void FieldViolations::Add(absl::string_view field,
                          absl::string_view description) {
  if (count_++ < kMaxViolations) {
    violations_.emplace_back(CutUtf8(field, 200), CutUtf8(description, 400));
  }
}

absl::Status FieldViolations::ToStatus() const {
  if (empty()) return absl::OkStatus();
  std::string message =
      absl::StrCat(violations_[0].first, ": ", violations_[0].second);
  if (count_ > 1) absl::StrAppend(&message, " (and ", count_ - 1, " more)");
  absl::Status status =
      MakeError(absl::StatusCode::kInvalidArgument, "INVALID_FIELD", message);
  google::rpc::BadRequest detail;
  for (const auto& [field, description] : violations_) {
    auto* violation = detail.add_field_violations();
    violation->set_field(field);
    violation->set_description(description);
  }
  Attach(status, detail);
  return status;
}

absl::Status WithRetryDelay(absl::Status status, absl::Duration delay) {
  google::rpc::RetryInfo info;
  const int64_t nanos = absl::ToInt64Nanoseconds(delay);
  info.mutable_retry_delay()->set_seconds(nanos / 1'000'000'000);
  info.mutable_retry_delay()->set_nanos(
      static_cast<int32_t>(nanos % 1'000'000'000));
  Attach(status, info);
  return status;
}

absl::Duration RetryDelayOf(const absl::Status& status) {
  const auto info = Find<google::rpc::RetryInfo>(status);
  if (!info) return absl::ZeroDuration();
  return absl::Seconds(info->retry_delay().seconds()) +
         absl::Nanoseconds(info->retry_delay().nanos());
}

std::string ReasonOf(const absl::Status& status) {
  const auto info = Find<google::rpc::ErrorInfo>(status);
  return info ? info->reason() : "";
}

std::vector<std::string> ViolatedFields(const absl::Status& status) {
  std::vector<std::string> fields;
  if (const auto detail = Find<google::rpc::BadRequest>(status)) {
    for (const auto& violation : detail->field_violations()) {
      fields.push_back(violation.field());
    }
  }
  return fields;
}

google::rpc::Status ToRpcStatus(const absl::Status& status) {
  google::rpc::Status proto;
  proto.set_code(static_cast<int>(status.code()));
  if (status.ok()) return proto;
  proto.set_message(CutUtf8(status.message(), kMaxMessage));
  bool has_info = false;
  const std::string info_url = TypeUrl<google::rpc::ErrorInfo>();
  status.ForEachPayload(
      [&](absl::string_view type_url, const absl::Cord& payload) {
        if (!absl::StartsWith(type_url, kPrefix)) return;
        has_info = has_info || type_url == info_url;
        auto* detail = proto.add_details();
        detail->set_type_url(std::string(type_url));
        detail->set_value(std::string(payload));
      });
  if (!has_info) {
    google::rpc::ErrorInfo info;
    info.set_reason(absl::StatusCodeToString(status.code()));
    info.set_domain(std::string(kDomain));
    proto.add_details()->PackFrom(info);
  }
  return proto;
}

absl::Status FromRpcStatus(const google::rpc::Status& proto) {
  if (proto.code() == 0) return absl::OkStatus();
  absl::Status status(static_cast<absl::StatusCode>(proto.code()),
                      proto.message());
  for (const auto& detail : proto.details()) {
    status.SetPayload(detail.type_url(), absl::Cord(detail.value()));
  }
  return status;
}

}  // namespace mitra
