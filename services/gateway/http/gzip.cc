#include "services/gateway/http/gzip.h"

#include <zlib.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::gateway {
namespace {

constexpr size_t kPiece = 64 << 10;
// zlib's own way to say: a gzip header and trailer, nothing else.
constexpr int kGzipWindow = 15 + 16;

absl::Status Malformed(absl::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, "MALFORMED_GZIP",
                   absl::StrCat("the body is labelled gzip, but ", what));
}

Bytef* In(absl::string_view text) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
}

}  // namespace

struct GzipReader::Stream {
  Stream() { good = inflateInit2(&z, kGzipWindow) == Z_OK; }
  ~Stream() {
    if (good) inflateEnd(&z);
  }
  z_stream z = {};
  bool good = false;
};

GzipReader::GzipReader(absl::string_view packed)
    : rest_(packed), stream_(std::make_unique<Stream>()) {}

GzipReader::~GzipReader() = default;

absl::StatusOr<bool> GzipReader::Read(size_t max_bytes, std::string& out) {
  if (!stream_->good) return absl::InternalError("zlib cannot start");
  z_stream& z = stream_->z;
  const size_t begin = out.size();
  out.resize(begin + max_bytes);
  size_t written = 0;
  absl::Status error;
  while (!done_ && error.ok() && written < max_bytes) {
    z.next_in = In(rest_);
    z.avail_in = static_cast<uInt>(rest_.size());
    z.next_out = reinterpret_cast<Bytef*>(&out[begin + written]);
    z.avail_out = static_cast<uInt>(max_bytes - written);
    const int result = inflate(&z, Z_NO_FLUSH);
    written = max_bytes - z.avail_out;
    rest_.remove_prefix(rest_.size() - z.avail_in);
    if (result == Z_STREAM_END) {
      done_ = rest_.empty();
      if (!done_ && inflateReset(&z) != Z_OK) error = Malformed("is broken");
    } else if (result == Z_BUF_ERROR ||
               (result == Z_OK && rest_.empty() && z.avail_out > 0)) {
      error = Malformed("ends too early");
    } else if (result != Z_OK) {
      error = Malformed("is not");
    }
  }
  out.resize(begin + written);
  if (!error.ok()) return error;
  return !done_;
}

absl::StatusOr<std::string> Gunzip(absl::string_view packed, size_t max_bytes) {
  GzipReader reader(packed);
  std::string text;
  for (bool more = true; more;) {
    MITRA_ASSIGN_OR_RETURN(more, reader.Read(kPiece, text));
    if (text.size() > max_bytes) {
      return MakeError(
          absl::StatusCode::kResourceExhausted, "MESSAGE_TOO_LARGE",
          absl::StrCat("the body unpacks to more than ", max_bytes, " bytes"));
    }
  }
  return text;
}

std::string Gzip(absl::string_view text) {
  z_stream z = {};
  if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, /*memLevel=*/8,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return "";
  }
  std::string packed(deflateBound(&z, text.size()), '\0');
  z.next_in = In(text);
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(packed.data());
  z.avail_out = static_cast<uInt>(packed.size());
  const bool whole = deflate(&z, Z_FINISH) == Z_STREAM_END;
  packed.resize(whole ? packed.size() - z.avail_out : 0);
  deflateEnd(&z);
  return packed;
}

bool AcceptsGzip(absl::string_view accept_encoding) {
  double any = 0;
  double gzip = -1;
  for (absl::string_view item : absl::StrSplit(accept_encoding, ',')) {
    const std::vector<absl::string_view> parts = absl::StrSplit(item, ';');
    const absl::string_view name = absl::StripAsciiWhitespace(parts[0]);
    double weight = 1;
    for (size_t i = 1; i < parts.size(); ++i) {
      absl::string_view parameter = absl::StripAsciiWhitespace(parts[i]);
      if (!absl::ConsumePrefix(&parameter, "q=") ||
          !absl::SimpleAtod(parameter, &weight)) {
        weight = 0;
      }
    }
    if (absl::EqualsIgnoreCase(name, "gzip")) gzip = weight;
    if (name == "*") any = weight;
  }
  return gzip >= 0 ? gzip > 0 : any > 0;
}

}  // namespace mitra::gateway
