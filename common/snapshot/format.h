// The bytes of the container, shared by writer and reader. Internal.

#ifndef MITRA_COMMON_SNAPSHOT_FORMAT_H_
#define MITRA_COMMON_SNAPSHOT_FORMAT_H_

#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"

namespace mitra::snapshot::internal {

inline constexpr char kMagic[9] = "MITRASNP";
inline constexpr uint32_t kContainerVersion = 1;
inline constexpr size_t kBlockBytes = 1 << 20;
inline constexpr size_t kTailBytes = 8 + 8 + 8;
inline constexpr size_t kBlockHeaderBytes = 4 + 4 + 8;

template <typename T>
void Put(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

inline void PutString(std::string& out, absl::string_view text) {
  Put<uint32_t>(out, static_cast<uint32_t>(text.size()));
  out.append(text.data(), text.size());
}

// Takes values from the front of `in`; false when it is too short.
template <typename T>
bool Take(absl::string_view& in, T& value) {
  if (in.size() < sizeof(T)) return false;
  std::memcpy(&value, in.data(), sizeof(T));
  in.remove_prefix(sizeof(T));
  return true;
}

inline bool TakeString(absl::string_view& in, std::string& text) {
  uint32_t size = 0;
  if (!Take(in, size) || in.size() < size) return false;
  text.assign(in.data(), size);
  in.remove_prefix(size);
  return true;
}

}  // namespace mitra::snapshot::internal

#endif  // MITRA_COMMON_SNAPSHOT_FORMAT_H_
