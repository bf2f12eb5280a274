// Runs code of FAISS; its exceptions end here.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_FAISS_GUARD_H_
#define MITRA_SERVICES_SEARCH_PARTITION_FAISS_GUARD_H_

#include <exception>
#include <new>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace mitra::search {

// RESOURCE_EXHAUSTED if memory did not suffice, INTERNAL for whatever else was
// thrown; the messages begin with `what`.
template <typename Work>
absl::Status GuardFaiss(absl::string_view what, Work work) {
  try {
    work();
    return absl::OkStatus();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(absl::StrCat(what, ": out of memory"));
  } catch (const std::exception& e) {
    return absl::InternalError(absl::StrCat(what, ": ", e.what()));
  }
}

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_FAISS_GUARD_H_
