// Whether bytes are text.

#ifndef MITRA_SERVICES_GATEWAY_HTTP_UTF8_H_
#define MITRA_SERVICES_GATEWAY_HTTP_UTF8_H_

#include "absl/strings/string_view.h"

namespace mitra::gateway {

// True for well-formed UTF-8: no surrogates, no overlong forms. Linear.
bool IsUtf8(absl::string_view bytes);

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_HTTP_UTF8_H_
