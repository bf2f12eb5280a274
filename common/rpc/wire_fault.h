// What is wrong with bytes that are not a message: protobuf itself only says
// that they are not.

#ifndef MITRA_COMMON_RPC_WIRE_FAULT_H_
#define MITRA_COMMON_RPC_WIRE_FAULT_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace google::protobuf {
class Descriptor;
}

namespace mitra::rpc {

struct WireFault {
  // "profile.facets[2].headline"; empty for the message itself.
  std::string path;
  // "is not UTF-8 at byte 4", counted within the field.
  std::string what;
  // Of the first wrong byte, within the whole message.
  size_t position = 0;
};

// The first fault in `bytes` as a message of `type`, nothing if there is none:
// text that is not UTF-8, lengths that lead out of the message, broken numbers
// and tags, more than 100 levels. Takes about as long as parsing.
std::optional<WireFault> FindWireFault(
    absl::string_view bytes, const google::protobuf::Descriptor& type);

// INVALID_ARGUMENT (MALFORMED_MESSAGE) naming the field and the position.
absl::Status ToStatus(const WireFault& fault,
                      const google::protobuf::Descriptor& type);

// The same for bytes that would not parse as `type`, whatever is wrong with
// them.
absl::Status ExplainMalformed(absl::string_view bytes,
                              const google::protobuf::Descriptor& type);

}  // namespace mitra::rpc

#endif  // MITRA_COMMON_RPC_WIRE_FAULT_H_
