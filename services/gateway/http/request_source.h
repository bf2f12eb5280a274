// The requests of a streaming call, from an HTTP body.

#ifndef MITRA_SERVICES_GATEWAY_HTTP_REQUEST_SOURCE_H_
#define MITRA_SERVICES_GATEWAY_HTTP_REQUEST_SOURCE_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "common/rpc/raw_message.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "services/gateway/http/gzip.h"

namespace mitra::gateway {

// Gives the requests of a call one after another. Used by one thread at a time.
class RequestSource {
 public:
  virtual ~RequestSource() = default;
  // Nothing at the end and after an error.
  virtual std::optional<rpc::RawMessage> Next() = 0;
  // Why it ended; OK at the end.
  virtual absl::Status status() const { return absl::OkStatus(); }
};

// One request.
class SingleRequest final : public RequestSource {
 public:
  explicit SingleRequest(rpc::RawMessage request)
      : request_(std::move(request)) {}
  std::optional<rpc::RawMessage> Next() override {
    return std::exchange(request_, std::nullopt);
  }

 private:
  std::optional<rpc::RawMessage> request_;
};

// One request on each line, as JSON; empty lines are skipped. Lines are
// unpacked and read when they are asked for, so that memory stays flat. Errors
// name the line, counted from 1: INVALID_ARGUMENT for one that is no such
// request, RESOURCE_EXHAUSTED (MESSAGE_TOO_LARGE) for one above 1 MiB or a body
// above 64 MiB when unpacked.
//
// Requests that are rows, known by a number `row` and a google.rpc.Status
// `unreadable`, have the number of their line unless they bring one; a line
// that is no such request, or too long, becomes a row that says so, and what
// follows goes on. Of other requests an error is the end.
class RequestLines final : public RequestSource {
 public:
  RequestLines(std::string body, bool packed,
               const google::protobuf::Descriptor* type);
  std::optional<rpc::RawMessage> Next() override;
  absl::Status status() const override { return status_; }

 private:
  // The next line into `line_`; false at the end.
  bool NextLine();
  absl::Status AtLine(const absl::Status& status) const;
  // The line as a request.
  absl::Status ReadLine(google::protobuf::Message& request) const;
  // Makes `request` the row that says why its line is none.
  void TellUnreadable(const absl::Status& why,
                      google::protobuf::Message& request) const;

  const std::string body_;
  const google::protobuf::Descriptor* const type_;
  // Both or none.
  const google::protobuf::FieldDescriptor* row_ = nullptr;
  const google::protobuf::FieldDescriptor* unreadable_ = nullptr;
  std::unique_ptr<GzipReader> unpacked_;  // null: the body is the text
  bool more_ = true;
  std::string text_;  // read and not given yet, from `at_` on
  size_t at_ = 0;
  size_t total_ = 0;
  std::string line_;
  bool too_long_ = false;  // then `line_` is empty
  size_t number_ = 0;
  absl::Status status_;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_HTTP_REQUEST_SOURCE_H_
