#include "services/profile/ingest/facet_vectors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "absl/types/span.h"
#include "common/embedding/vector.h"
#include "mitra/v1/change_feed_service.pb.h"
#include "mitra/v1/profile.pb.h"

namespace mitra::profile {
namespace {

static_assert(std::endian::native == std::endian::little,
              "vectors are stored little-endian");

// Shares relative to the text of a need or offer, which has 1. Chosen so that
// what a member says of itself helps where it says nothing more exact.
constexpr float kHeadlineWeight = 0.7f;
constexpr float kProductWeight = 0.5f;
constexpr float kAboutWeight = 0.3f;
constexpr float kOwnSectorWeight = 0.5f;

bool Sells(v1::Role role) {
  return role == v1::ROLE_BUSINESS || role == v1::ROLE_SUPPLIER ||
         role == v1::ROLE_ENTERPRISE;
}

void AddText(absl::string_view text, float weight, embedding::FacetText& side) {
  if (!text.empty()) side.texts.push_back({text, weight});
}

void AddOwnSectors(const v1::Profile& profile, float weight,
                   embedding::FacetText& side) {
  // The main line of business counts most.
  float share = weight;
  for (const v1::Sector& sector : profile.sectors()) {
    side.sectors.push_back({sector.code(), share});
    share = std::max(share * 0.7f, weight * 0.2f);
  }
}

template <typename Items>
bool AddItems(const Items& items, embedding::FacetText& side) {
  bool any = false;
  bool sectors = false;
  for (const auto& item : items) {
    if (item.expired()) continue;
    any = true;
    AddText(item.text(), 1, side);
    side.resources.push_back({item.resource(), 1});
    for (const v1::Sector& sector : item.sectors()) {
      side.sectors.push_back({sector.code(), 1});
      sectors = true;
    }
  }
  return any && !sectors;
}

template <typename Items>
bool AnyCurrent(const Items& items) {
  return std::any_of(items.begin(), items.end(),
                     [](const auto& item) { return !item.expired(); });
}

// The vector's bytes; empty if the side says nothing.
std::string Embed(const embedding::FacetText& side,
                  const embedding::Embedder& embedder,
                  std::vector<float>& buffer) {
  embedder.EmbedFacet(side, absl::MakeSpan(buffer));
  const bool empty = std::all_of(buffer.begin(), buffer.end(),
                                 [](float value) { return value == 0; });
  if (empty) return "";
  return std::string(reinterpret_cast<const char*>(buffer.data()),
                     buffer.size() * sizeof(float));
}

std::string Take(const v1::Vector& vector) {
  std::vector<float> values(vector.values().begin(), vector.values().end());
  if (!embedding::Normalise(absl::MakeSpan(values))) return "";
  return std::string(reinterpret_cast<const char*>(values.data()),
                     values.size() * sizeof(float));
}

void Restore(absl::string_view bytes, absl::string_view model,
             v1::Vector& vector) {
  vector.set_model_id(std::string(model));
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  vector.mutable_values()->Add(values.begin(), values.end());
}

}  // namespace

std::string EmbedFacets(const v1::Profile& shown,
                        const embedding::Embedder& embedder) {
  v1::ProfileChange change;
  std::vector<float> buffer(embedder.dimension());
  embedding::FacetText side;
  for (const v1::Facet& facet : shown.facets()) {
    v1::FacetVectors& vectors = *change.add_vectors();
    vectors.set_role(facet.role());
    if (AnyCurrent(facet.needs())) {
      side.Clear();
      const bool own_sectors = AddItems(facet.needs(), side);
      AddOwnSectors(shown, own_sectors ? 1 : kOwnSectorWeight, side);
      vectors.set_need(Embed(side, embedder, buffer));
    }
    side.Clear();
    const bool bare = !AnyCurrent(facet.offers());
    const bool own_sectors = AddItems(facet.offers(), side);
    AddText(facet.headline(), bare ? 1 : kHeadlineWeight, side);
    AddText(shown.about(), bare ? 1 : kAboutWeight, side);
    if (Sells(facet.role())) {
      for (const v1::Product& product : shown.products()) {
        AddText(product.name(), kProductWeight, side);
      }
    }
    AddOwnSectors(shown, own_sectors || bare ? 1 : kOwnSectorWeight, side);
    vectors.set_offer(Embed(side, embedder, buffer));
  }
  return change.SerializeAsString();
}

std::string TakeVectors(const v1::Profile& given) {
  v1::ProfileChange change;
  for (const v1::Facet& facet : given.facets()) {
    v1::FacetVectors& vectors = *change.add_vectors();
    vectors.set_role(facet.role());
    if (facet.has_need_vector()) vectors.set_need(Take(facet.need_vector()));
    if (facet.has_offer_vector()) {
      vectors.set_offer(Take(facet.offer_vector()));
    }
  }
  return change.SerializeAsString();
}

void RestoreVectors(absl::string_view vectors, absl::string_view model,
                    v1::Profile& given) {
  v1::ProfileChange stored;
  if (!stored.ParseFromArray(vectors.data(),
                             static_cast<int>(vectors.size()))) {
    return;
  }
  for (v1::Facet& facet : *given.mutable_facets()) {
    for (const v1::FacetVectors& side : stored.vectors()) {
      if (side.role() != facet.role()) continue;
      if (!facet.has_need_vector() && !side.need().empty()) {
        Restore(side.need(), model, *facet.mutable_need_vector());
      }
      if (!facet.has_offer_vector() && !side.offer().empty()) {
        Restore(side.offer(), model, *facet.mutable_offer_vector());
      }
    }
  }
}

}  // namespace mitra::profile
