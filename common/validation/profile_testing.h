// A valid profile for tests to change.

#ifndef MITRA_COMMON_VALIDATION_PROFILE_TESTING_H_
#define MITRA_COMMON_VALIDATION_PROFILE_TESTING_H_

#include <string>

#include "absl/strings/string_view.h"
#include "mitra/v1/evidence.pb.h"
#include "mitra/v1/profile.pb.h"

namespace mitra {

inline constexpr int64_t kTestNow = 1'790'000'000;  // 2026-09-21

// A bakery in Surakarta that seeks mentoring and offers goods.
inline v1::Profile ABakery(absl::string_view id) {
  v1::Profile p;
  p.set_profile_id(std::string(id));
  p.set_kind(v1::MEMBER_KIND_BUSINESS);
  p.set_display_name("Roti Laweyan");
  p.set_about("Roti dan kue basah untuk warung sekitar");
  p.set_region_code("33.72.01");
  p.add_sectors()->set_code("10710");
  p.set_scale(v1::SCALE_MICRO);
  v1::Facet& facet = *p.add_facets();
  facet.set_role(v1::ROLE_BUSINESS);
  facet.set_headline("Roti rumahan");
  v1::Need& need = *facet.add_needs();
  need.set_resource(v1::RESOURCE_MENTORING);
  need.set_text("pembukuan dan izin edar");
  v1::Offer& offer = *facet.add_offers();
  offer.set_resource(v1::RESOURCE_COLLABORATION);
  offer.set_text("roti manis, bolu, donat");
  p.mutable_contact()->set_phone("+6281234567890");
  v1::Norm& norm = *p.add_norms();
  norm.set_kind(v1::NORM_KIND_SPP_IRT);
  norm.set_number("2063372010001-26");
  v1::ExternalId& external = *p.add_external_ids();
  external.set_system("nib");
  external.set_value("nib-of-" + std::string(id));
  p.add_languages("id");
  return p;
}

inline v1::Evidence AReference(absl::string_view author,
                               absl::string_view about) {
  v1::Evidence e;
  e.set_author_id(std::string(author));
  e.set_about_id(std::string(about));
  e.set_kind(v1::EVIDENCE_KIND_REFERENCE);
  e.mutable_event_time()->set_seconds(kTestNow - 86'400);
  e.set_quality(0.9);
  e.set_external_ref("order-17");
  e.set_note("selalu tepat waktu");
  return e;
}

}  // namespace mitra

#endif  // MITRA_COMMON_VALIDATION_PROFILE_TESTING_H_
