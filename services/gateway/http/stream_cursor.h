// How a stream of server-sent events goes on after a cut: every event has an
// id, and the header Last-Event-ID says which one came last.

#ifndef MITRA_SERVICES_GATEWAY_HTTP_STREAM_CURSOR_H_
#define MITRA_SERVICES_GATEWAY_HTTP_STREAM_CURSOR_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace mitra::gateway {

// For methods whose answers tell `revision` and `record_incarnation`, and whose
// request takes `after_revision` and `record_incarnation`. An id reads
// "<incarnation>-<revision>", as the header Mitra-Revision.
class StreamCursor {
 public:
  explicit StreamCursor(const google::protobuf::MethodDescriptor& method);

  // The method's streams can be gone on with.
  bool known() const { return after_ != nullptr; }
  // The id of an answer; empty for methods without.
  std::string IdOf(const google::protobuf::Message& answer) const;
  // Makes `request` go on after that event, whatever it said before.
  // INVALID_ARGUMENT if it is no id. Only if known().
  absl::Status Resume(absl::string_view last_event_id,
                      google::protobuf::Message& request) const;

 private:
  const google::protobuf::FieldDescriptor* after_ = nullptr;
  const google::protobuf::FieldDescriptor* of_record_ = nullptr;
  const google::protobuf::FieldDescriptor* from_now_ = nullptr;  // or null
  const google::protobuf::FieldDescriptor* revision_ = nullptr;
  const google::protobuf::FieldDescriptor* incarnation_ = nullptr;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_HTTP_STREAM_CURSOR_H_
