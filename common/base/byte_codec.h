// Values as bytes, in this machine's order: for caches and files that only
// programs of one architecture exchange. What must outlive that, and is
// checked, goes into common/snapshot.

#ifndef MITRA_COMMON_BASE_BYTE_CODEC_H_
#define MITRA_COMMON_BASE_BYTE_CODEC_H_

#include <cstddef>
#include <cstring>
#include <string>
#include <type_traits>

#include "absl/strings/string_view.h"

namespace mitra {

template <typename T>
void PutBytes(std::string& out, T value) {
  static_assert(std::is_trivially_copyable_v<T>);
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

// Reads values from the front. Once something was missing it is not ok() and
// gives zeros and empty texts.
class ByteReader {
 public:
  explicit ByteReader(absl::string_view bytes) : bytes_(bytes) {}

  template <typename T>
  T Get() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    Read(&value, sizeof(T));
    return value;
  }
  void Read(void* to, size_t size) {
    const absl::string_view taken = Text(size);
    if (!taken.empty()) std::memcpy(to, taken.data(), taken.size());
  }
  absl::string_view Text(size_t size) {
    if (!ok_ || bytes_.size() < size) {
      ok_ = false;
      return {};
    }
    const absl::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  size_t left() const { return bytes_.size(); }
  bool ok() const { return ok_; }
  // All was there and nothing is left.
  bool done() const { return ok_ && bytes_.empty(); }

 private:
  absl::string_view bytes_;
  bool ok_ = true;
};

}  // namespace mitra

#endif  // MITRA_COMMON_BASE_BYTE_CODEC_H_
