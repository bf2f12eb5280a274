// The port that turns what a facet seeks or gives into a vector.
//
// Search ranks by the inner product of one member's need with another's offer,
// so an embedder must bring a need and an offer that mean the same near each
// other: both sides go through the same function.

#ifndef MITRA_COMMON_EMBEDDING_EMBEDDER_H_
#define MITRA_COMMON_EMBEDDING_EMBEDDER_H_

#include <cstddef>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace mitra::v1 {
enum Resource : int;
}

namespace mitra::embedding {

// One side (needs or offers) of a facet. Views must live through the call.
// Weights are relative within their list and must be > 0; 1 is usual.
struct FacetText {
  struct Text {
    absl::string_view text;
    float weight = 1;
  };
  struct Sector {
    // KBLI 2020 code of 2 to 5 digits (taxonomy::NormaliseSector).
    absl::string_view code;
    float weight = 1;
  };
  struct ResourceWeight {
    v1::Resource resource;
    float weight = 1;
  };
  std::vector<Text> texts;
  std::vector<Sector> sectors;
  std::vector<ResourceWeight> resources;

  void Clear() {
    texts.clear();
    sectors.clear();
    resources.clear();
  }
};

// Implementations are immutable and safe for concurrent use.
class Embedder {
 public:
  virtual ~Embedder() = default;

  // Names the function, for example "hashing-v1": the same id and dimension
  // give the same vector for the same input on every machine.
  virtual absl::string_view id() const = 0;

  // Length of the vectors, d.
  virtual size_t dimension() const = 0;

  // Writes the vector of a plain text to `out`, which has d floats: l2 norm 1,
  // or all 0 if nothing in the text says anything (see IsStopWord).
  virtual void Embed(absl::string_view text, absl::Span<float> out) const = 0;

  // Writes the vector of one side of a facet: l2 norm 1, or all 0 if it has
  // neither words nor known sectors nor resources.
  virtual void EmbedFacet(const FacetText& facet,
                          absl::Span<float> out) const = 0;
};

}  // namespace mitra::embedding

#endif  // MITRA_COMMON_EMBEDDING_EMBEDDER_H_
