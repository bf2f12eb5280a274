#include "services/gateway/http/stream_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "services/gateway/http/error_body.h"
#include "services/gateway/http/json_codec.h"
#include "services/gateway/http/transcoder.h"

namespace mitra::gateway {

using rpc::RawMessage;
using rpc::Task;

void StreamCall::Start(Forwarder& forwarder, Admission::Ticket ticket,
                       std::function<void(const absl::Status&)> ended) {
  ticket_ = std::move(ticket);
  rpc::Spawn(Run(shared_from_this(), forwarder, std::move(ended)));
}

Task<> StreamCall::Run(std::shared_ptr<StreamCall> self, Forwarder& forwarder,
                       std::function<void(const absl::Status&)> ended) {
  absl::Status status =
      co_await forwarder.Relay(self->call_, self->method_, *self);
  // A service that heard no more says that all is well.
  if (status.ok()) status = self->requests_->status();
  self->ticket_ = Admission::Ticket();
  ended(status);
  self->pipe_.Close(status);
}

Task<std::optional<RawMessage>> StreamCall::Read() {
  co_return requests_->Next();
}

Task<bool> StreamCall::Write(RawMessage message) {
  const auto answer = NewMessage(method_.descriptor->output_type());
  if (!message.ParseTo(*answer).ok()) co_return false;
  std::string json;
  WriteJson(*answer, json);
  co_return co_await pipe_.Put(Format(json, "", cursor_.IdOf(*answer)));
}

Task<absl::Status> StreamCall::First() {
  first_ = co_await pipe_.Take();
  if (first_) co_return absl::OkStatus();
  // OK for a call that ended well without a word.
  error_told_ = true;
  co_return pipe_.status();
}

Task<std::optional<std::string>> StreamCall::Next() {
  if (first_) co_return std::exchange(first_, std::nullopt);
  std::optional<std::string> chunk = co_await pipe_.Take();
  if (chunk) co_return chunk;
  const absl::Status status = pipe_.status();
  if (status.ok() || std::exchange(error_told_, true)) co_return std::nullopt;
  co_return Format(ErrorBody(status, call_.request_id), "error", "");
}

void StreamCall::Beat() {
  if (form_ == Form::kEvents) pipe_.Beat(":\n\n");
}

void StreamCall::Abandon() {
  pipe_.Abandon();
  call_.Cancel();
}

std::string StreamCall::Format(absl::string_view json, absl::string_view event,
                               absl::string_view id) const {
  if (form_ == Form::kLines) return absl::StrCat(json, "\n");
  // JSON has no line breaks here, so it is one `data` line.
  return absl::StrCat(event.empty() ? "" : "event: ", event,
                      event.empty() ? "" : "\n", id.empty() ? "" : "id: ", id,
                      id.empty() ? "" : "\n", "data: ", json, "\n\n");
}

}  // namespace mitra::gateway
