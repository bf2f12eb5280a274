// Turns the words of a query into a vector of the deployment's space, by the
// library that made the members' vectors.

#ifndef MITRA_SERVICES_SEARCH_RETRIEVAL_QUERY_EMBEDDER_H_
#define MITRA_SERVICES_SEARCH_RETRIEVAL_QUERY_EMBEDDER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "common/embedding/embedder.h"

namespace mitra::search {

// An embedding space, "<embedder id>/<dimension>/<generation>".
struct Space {
  std::string embedder;
  size_t dimension = 0;
  std::string generation;
};
// INVALID_ARGUMENT if `text` is not of that form.
absl::StatusOr<Space> ParseSpace(absl::string_view text);

// Thread-safe.
class QueryEmbedder {
 public:
  // The unit vector of `text` in `space`; empty if the text says nothing.
  // FAILED_PRECONDITION (TEXT_NOT_EMBEDDABLE) in a space whose vectors come
  // from callers.
  absl::StatusOr<std::vector<float>> Embed(absl::string_view space,
                                           absl::string_view text);

 private:
  absl::StatusOr<std::shared_ptr<const embedding::Embedder>> For(
      absl::string_view space);

  absl::Mutex mutex_;
  std::string space_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const embedding::Embedder> embedder_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_RETRIEVAL_QUERY_EMBEDDER_H_
