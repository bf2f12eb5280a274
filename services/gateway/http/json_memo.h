// The JSON of messages that were turned into JSON lately, by their bytes.
//
// What is asked often is answered with the same bytes often, and writing JSON
// by descriptors costs more than all else that the gateway does with a call.
// The same bytes of the same type always give the same text, so nothing here
// can be out of date; all is forgotten every few minutes all the same, because
// what members say must not lie about for longer than it is of use.

#ifndef MITRA_SERVICES_GATEWAY_HTTP_JSON_MEMO_H_
#define MITRA_SERVICES_GATEWAY_HTTP_JSON_MEMO_H_

#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "google/protobuf/descriptor.h"

namespace mitra::gateway {

// A message as it is answered over HTTP.
struct JsonText {
  std::string body;
  std::string etag;  // quoted; empty for messages without one
};

// Thread-safe.
class JsonMemo {
 public:
  explicit JsonMemo(size_t max_bytes = 16u << 20) : max_bytes_(max_bytes) {}

  // Null if it is not remembered.
  std::shared_ptr<const JsonText> Find(const google::protobuf::Descriptor* type,
                                       absl::string_view bytes);
  void Put(const google::protobuf::Descriptor* type, std::string bytes,
           std::shared_ptr<const JsonText> text);

  // The same by rpc::RawMessage::identity(), which saves looking at the bytes;
  // 0 is none.
  std::shared_ptr<const JsonText> FindSame(
      const google::protobuf::Descriptor* type, uint64_t identity);
  void PutSame(const google::protobuf::Descriptor* type, uint64_t identity,
               std::shared_ptr<const JsonText> text);

 private:
  struct Same {
    const google::protobuf::Descriptor* type;
    std::shared_ptr<const JsonText> text;
  };
  struct Entry {
    const google::protobuf::Descriptor* type;
    std::string bytes;  // compared: hashes can be made to collide
    std::shared_ptr<const JsonText> text;
    std::list<uint64_t>::iterator recent;
  };

  static constexpr absl::Duration kPeriod = absl::Minutes(5);
  // Larger messages are not kept.
  static constexpr size_t kMaxMessage = 64 << 10;
  // As many as the links keep.
  static constexpr size_t kMaxSame = 1024;
  void ForgetOld() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_bytes_;
  absl::Mutex mutex_;
  absl::Time begin_ ABSL_GUARDED_BY(mutex_) = absl::Now();
  // By hash of type and bytes.
  absl::flat_hash_map<uint64_t, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<uint64_t, Same> same_ ABSL_GUARDED_BY(mutex_);
  std::list<uint64_t> recent_ ABSL_GUARDED_BY(mutex_);  // latest first
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_HTTP_JSON_MEMO_H_
