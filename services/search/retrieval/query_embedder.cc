#include "services/search/retrieval/query_embedder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "common/embedding/hashing_embedder.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::search {

absl::StatusOr<Space> ParseSpace(absl::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(text, '/');
  Space space;
  if (parts.size() != 3 || parts[0].empty() || parts[2].empty() ||
      !absl::SimpleAtoi(parts[1], &space.dimension) || space.dimension == 0) {
    return InvalidField("space", "must be <embedder>/<dimension>/<generation>");
  }
  space.embedder = parts[0];
  space.generation = parts[2];
  return space;
}

absl::StatusOr<std::shared_ptr<const embedding::Embedder>> QueryEmbedder::For(
    absl::string_view space) {
  absl::MutexLock lock(&mutex_);
  if (embedder_ != nullptr && space_ == space) return embedder_;
  MITRA_ASSIGN_OR_RETURN(const Space parsed, ParseSpace(space));
  auto hashing = embedding::HashingEmbedder::Create(parsed.dimension);
  if (!hashing.ok() || (*hashing)->id() != parsed.embedder) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     "TEXT_NOT_EMBEDDABLE",
                     absl::StrCat("text: the vectors of space ", space,
                                  " come from callers"));
  }
  embedder_ = *std::move(hashing);
  space_ = std::string(space);
  return embedder_;
}

absl::StatusOr<std::vector<float>> QueryEmbedder::Embed(
    absl::string_view space, absl::string_view text) {
  MITRA_ASSIGN_OR_RETURN(const std::shared_ptr<const embedding::Embedder> by,
                         For(space));
  std::vector<float> vector(by->dimension());
  by->Embed(text, absl::MakeSpan(vector));
  const bool silent =
      std::all_of(vector.begin(), vector.end(), [](float v) { return v == 0; });
  if (silent) vector.clear();
  return vector;
}

}  // namespace mitra::search
