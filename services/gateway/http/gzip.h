// Packed bodies (RFC 1952). What counts against a limit is what comes out.

#ifndef MITRA_SERVICES_GATEWAY_HTTP_GZIP_H_
#define MITRA_SERVICES_GATEWAY_HTTP_GZIP_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mitra::gateway {

// Unpacks a piece at a time, so that memory stays flat whatever is in there.
// Several members after one another are one text. Not thread-safe.
class GzipReader {
 public:
  // `packed` must outlive this.
  explicit GzipReader(absl::string_view packed);
  ~GzipReader();
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  // Appends at most `max_bytes` more; false at the end. INVALID_ARGUMENT
  // (MALFORMED_GZIP) if the bytes are not gzip, are cut, or do not fit their
  // checksum.
  absl::StatusOr<bool> Read(size_t max_bytes, std::string& out);

 private:
  struct Stream;
  absl::string_view rest_;
  std::unique_ptr<Stream> stream_;
  bool done_ = false;
};

// The whole text. RESOURCE_EXHAUSTED (MESSAGE_TOO_LARGE) if it is longer than
// `max_bytes`, found out at most 64 KiB later.
absl::StatusOr<std::string> Gunzip(absl::string_view packed, size_t max_bytes);

// `text` packed, fast rather than small.
std::string Gzip(absl::string_view text);

// Whether a header Accept-Encoding takes gzip (RFC 9110, 12.5.3).
bool AcceptsGzip(absl::string_view accept_encoding);

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_HTTP_GZIP_H_
