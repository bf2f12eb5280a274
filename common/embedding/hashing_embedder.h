// The default embedder: no model, no training, Indonesian and English alike.
//
// A text becomes features: words, character 3- to 5-grams of words with
// boundary marks; a facet adds its resources and the ancestors of its sectors.
// Each feature is hashed to a few coordinates and signs (Weinberger et al.,
// "Feature Hashing for Large Scale Multitask Learning", ICML 2009), so inner
// products estimate the weighted overlap of features.

#ifndef MITRA_COMMON_EMBEDDING_HASHING_EMBEDDER_H_
#define MITRA_COMMON_EMBEDDING_HASHING_EMBEDDER_H_

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/embedding/embedder.h"

namespace mitra::embedding {

// Id "hashing-v1". Deterministic across machines and releases; a change of any
// weight, hash or word list makes a new id.
class HashingEmbedder : public Embedder {
 public:
  static constexpr size_t kDefaultDimension = 128;

  // INVALID_ARGUMENT, naming "dimension", unless it is a power of 2 from 16 to
  // 4096.
  static absl::StatusOr<std::unique_ptr<HashingEmbedder>> Create(
      size_t dimension = kDefaultDimension);

  absl::string_view id() const override { return "hashing-v1"; }
  size_t dimension() const override { return dimension_; }

  // O(bytes of the text).
  void Embed(absl::string_view text, absl::Span<float> out) const override;

  // Words, sectors and resources are embedded apart, each to norm 1, and then
  // added with fixed shares of the squared norm; absent parts leave their share
  // to the others. Sectors that are unknown to the taxonomy are ignored.
  void EmbedFacet(const FacetText& facet, absl::Span<float> out) const override;

 private:
  explicit HashingEmbedder(size_t dimension) : dimension_(dimension) {}

  size_t dimension_;
};

}  // namespace mitra::embedding

#endif  // MITRA_COMMON_EMBEDDING_HASHING_EMBEDDER_H_
