// The version of all programs of this build.

#ifndef MITRA_COMMON_BASE_VERSION_H_
#define MITRA_COMMON_BASE_VERSION_H_

namespace mitra {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace mitra

#endif  // MITRA_COMMON_BASE_VERSION_H_
