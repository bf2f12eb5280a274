#include "services/search/lexical/profile_text.h"

#include "mitra/v1/profile.pb.h"

namespace mitra::search {

void ForEachText(const v1::Profile& profile,
                 absl::FunctionRef<void(TextField, absl::string_view)> text) {
  text(TextField::kName, profile.display_name());
  for (const v1::Facet& facet : profile.facets()) {
    text(TextField::kBody, facet.headline());
    for (const v1::Need& need : facet.needs()) {
      if (!need.expired()) text(TextField::kBody, need.text());
    }
    for (const v1::Offer& offer : facet.offers()) {
      if (!offer.expired()) text(TextField::kBody, offer.text());
    }
  }
  for (const v1::Product& product : profile.products()) {
    text(TextField::kProductName, product.name());
    text(TextField::kBody, product.description());
  }
}

}  // namespace mitra::search
