// Names and limits that callers send along: checked before they become
// metadata, since the gRPC client aborts the process over an illegal value.

#ifndef MITRA_SERVICES_GATEWAY_EDGE_CALL_HEADERS_H_
#define MITRA_SERVICES_GATEWAY_EDGE_CALL_HEADERS_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mitra::gateway {

// A new request id: unique, unguessable, 32 hexadecimal digits.
std::string NewRequestId();

// "250ms", "5s", "2m", or seconds as a plain number, "1.5"; above zero and at
// most a day. Nothing if it is anything else.
std::optional<absl::Duration> ParseTimeout(absl::string_view text);

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_EDGE_CALL_HEADERS_H_
