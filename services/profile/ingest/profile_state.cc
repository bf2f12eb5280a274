#include "services/profile/ingest/profile_state.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"
#include "common/validation/field_checks.h"
#include "mitra/v1/change_feed_service.pb.h"
#include "mitra/v1/profile.pb.h"
#include "services/profile/ingest/request_validation.h"

namespace mitra::profile {
namespace {

// Gives items without an id the first free "<prefix>-<n>", so that the same
// list gets the same ids again.
template <typename Items, typename Get, typename Set>
void NumberItems(Items& items, absl::string_view prefix, Get get, Set set) {
  absl::flat_hash_set<std::string> taken;
  for (const auto& item : items) taken.insert(get(item));
  int n = 0;
  for (auto& item : items) {
    if (!get(item).empty()) continue;
    std::string id;
    do {
      id = absl::StrCat(prefix, "-", ++n);
    } while (taken.contains(id));
    set(item, id);
  }
}

void NormaliseRegion(std::string& code) {
  if (code.empty()) return;
  std::optional<std::string> current = taxonomy::CurrentRegion(code);
  if (current) code = *std::move(current);
}

// KBLI 2020 in the followers' form. True if that is not what was given.
template <typename Sectors>
bool CanonicalSectors(Sectors& sectors) {
  bool changed = false;
  for (int i = sectors.size() - 1; i >= 0; --i) {
    v1::Sector& sector = sectors[i];
    const absl::string_view code =
        taxonomy::NormaliseSector(sector.code(), sector.edition());
    if (code.empty()) {
      sectors.DeleteSubrange(i, 1);
      changed = true;
    } else if (code != sector.code() ||
               sector.edition() > v1::KBLI_EDITION_2020 ||
               sector.edition() == v1::KBLI_EDITION_2015) {
      sector.set_code(std::string(code));
      sector.set_edition(v1::KBLI_EDITION_2020);
      changed = true;
    }
  }
  return changed;
}

bool CanonicalAll(v1::Profile& p) {
  bool changed = CanonicalSectors(*p.mutable_sectors());
  for (v1::Facet& facet : *p.mutable_facets()) {
    for (v1::Need& need : *facet.mutable_needs()) {
      changed |= CanonicalSectors(*need.mutable_sectors());
    }
    for (v1::Offer& offer : *facet.mutable_offers()) {
      changed |= CanonicalSectors(*offer.mutable_sectors());
    }
  }
  for (v1::Product& product : *p.mutable_products()) {
    if (!product.has_sector()) continue;
    google::protobuf::RepeatedPtrField<v1::Sector> one;
    *one.Add() = product.sector();
    if (!CanonicalSectors(one)) continue;
    changed = true;
    if (one.empty()) {
      product.clear_sector();
    } else {
      *product.mutable_sector() = one[0];
    }
  }
  return changed;
}

// Collects when the state changes next.
class Horizon {
 public:
  explicit Horizon(absl::Time now) : now_(now) {}
  // True if `time` has come; else it is noted.
  bool Reached(const google::protobuf::Timestamp& proto) {
    const absl::Time time = ToTime(proto);
    if (time <= now_) return true;
    if (!next_ || time < *next_) next_ = time;
    return false;
  }
  std::optional<absl::Time> next() const { return next_; }

 private:
  absl::Time now_;
  std::optional<absl::Time> next_;
};

// Marks what time has ended. True if more than marks changed.
bool MarkExpired(v1::Profile& p, Horizon& horizon) {
  bool changed = false;
  const bool over =
      (p.event().has_end_time() && horizon.Reached(p.event().end_time())) ||
      (p.programme().has_intake_end_time() &&
       horizon.Reached(p.programme().intake_end_time()));
  for (v1::Facet& facet : *p.mutable_facets()) {
    for (v1::Need& need : *facet.mutable_needs()) {
      need.set_expired(need.has_expire_time() &&
                       horizon.Reached(need.expire_time()));
    }
    for (v1::Offer& offer : *facet.mutable_offers()) {
      offer.set_expired(offer.has_expire_time() &&
                        horizon.Reached(offer.expire_time()));
    }
    if (facet.paused() && facet.has_pause_until_time() &&
        horizon.Reached(facet.pause_until_time())) {
      facet.set_paused(false);
      facet.clear_pause_until_time();
      changed = true;
    }
    // An event that is over and a programme that takes nobody any more are no
    // candidates in any role.
    if (over && !facet.paused()) {
      facet.set_paused(true);
      changed = true;
    }
  }
  for (v1::Norm& norm : *p.mutable_norms()) {
    norm.set_expired(norm.has_valid_to_time() &&
                     horizon.Reached(norm.valid_to_time()));
  }
  return changed;
}

void ClearMarks(v1::Profile& p) {
  for (v1::Facet& facet : *p.mutable_facets()) {
    for (v1::Need& need : *facet.mutable_needs()) need.clear_expired();
    for (v1::Offer& offer : *facet.mutable_offers()) offer.clear_expired();
  }
  for (v1::Norm& norm : *p.mutable_norms()) norm.clear_expired();
}

absl::Status Damaged() {
  return MakeError(absl::StatusCode::kInternal, "DAMAGED_RECORD",
                   "the stored record cannot be read");
}

// What the followers' form lacks, from a secret that is not the whole form.
void AddSecret(const v1::Profile& secret, v1::Profile& profile) {
  if (secret.has_contact()) *profile.mutable_contact() = secret.contact();
  *profile.mutable_external_ids() = secret.external_ids();
  const int norms = std::min(secret.norms_size(), profile.norms_size());
  for (int i = 0; i < norms; ++i) {
    profile.mutable_norms(i)->set_number(secret.norms(i).number());
  }
}

bool IsWhole(const v1::Profile& secret) { return !secret.profile_id().empty(); }

struct Stored {
  v1::Profile body;
  v1::Profile secret;
};

absl::StatusOr<Stored> Parse(const Entity& entity) {
  Stored stored;
  if (entity.damaged || !stored.body.ParseFromString(entity.body) ||
      !stored.secret.ParseFromString(entity.secret)) {
    return Damaged();
  }
  return stored;
}

template <typename Items>
void RestoreSectors(const Items& given, Items& shown) {
  for (int i = 0; i < std::min(given.size(), shown.size()); ++i) {
    *shown[i].mutable_sectors() = given[i].sectors();
  }
}

}  // namespace

void NormaliseGiven(v1::Profile& p) {
  p.DiscardUnknownFields();
  p.clear_owner();
  p.clear_verified_by();
  p.clear_etag();
  p.clear_create_time();
  p.clear_update_time();
  p.clear_revision();
  ClearMarks(p);
  NormaliseRegion(*p.mutable_region_code());
  for (v1::Facet& facet : *p.mutable_facets()) {
    if (facet.has_seats()) facet.mutable_seats()->clear_taken();
    if (facet.has_acceptance()) {
      for (std::string& code :
           *facet.mutable_acceptance()->mutable_region_codes()) {
        NormaliseRegion(code);
      }
    }
    if (!facet.paused()) facet.clear_pause_until_time();
    NumberItems(
        *facet.mutable_needs(), "need",
        [](const v1::Need& need) { return need.need_id(); },
        [](v1::Need& need, std::string id) { need.set_need_id(id); });
    NumberItems(
        *facet.mutable_offers(), "offer",
        [](const v1::Offer& offer) { return offer.offer_id(); },
        [](v1::Offer& offer, std::string id) { offer.set_offer_id(id); });
  }
}

ProfileState DeriveState(const v1::Profile& given, absl::Time now,
                         v1::Profile* shown) {
  ProfileState state;
  v1::Profile local;
  v1::Profile& body = shown == nullptr ? local : *shown;
  body = given;
  Horizon horizon(now);
  bool changed = CanonicalAll(body);
  changed |= MarkExpired(body, horizon);
  state.next_expiry = horizon.next();

  v1::Profile secret;
  bool numbers = false;
  for (const v1::Norm& norm : given.norms()) {
    numbers = numbers || !norm.number().empty();
  }
  if (changed) {
    secret = given;
  } else {
    if (given.has_contact()) *secret.mutable_contact() = given.contact();
    *secret.mutable_external_ids() = given.external_ids();
    for (int i = 0; numbers && i < given.norms_size(); ++i) {
      secret.add_norms()->set_number(given.norms(i).number());
    }
  }
  body.clear_contact();
  body.clear_external_ids();
  for (v1::Norm& norm : *body.mutable_norms()) norm.clear_number();
  for (v1::Facet& facet : *body.mutable_facets()) {
    facet.clear_need_vector();
    facet.clear_offer_vector();
  }
  for (v1::Facet& facet : *secret.mutable_facets()) {
    facet.clear_need_vector();
    facet.clear_offer_vector();
  }
  state.body = body.SerializeAsString();
  state.secret = secret.SerializeAsString();
  return state;
}

absl::StatusOr<v1::Profile> GivenOf(const Entity& entity) {
  MITRA_ASSIGN_OR_RETURN(Stored stored, Parse(entity));
  if (IsWhole(stored.secret)) return std::move(stored.secret);
  ClearMarks(stored.body);
  AddSecret(stored.secret, stored.body);
  return std::move(stored.body);
}

void AddTakenSeats(const Entity& entity, v1::Profile& profile) {
  v1::Standing standing;
  if (entity.tally.empty() || !standing.ParseFromString(entity.tally)) return;
  for (const v1::RoleSeats& seats : standing.seats()) {
    for (v1::Facet& facet : *profile.mutable_facets()) {
      if (facet.role() != seats.role() || !facet.has_seats()) continue;
      facet.mutable_seats()->set_taken(seats.held() + seats.engaged());
    }
  }
}

absl::StatusOr<v1::Profile> ViewOf(const Entity& entity,
                                   uint64_t record_incarnation, bool all) {
  MITRA_ASSIGN_OR_RETURN(Stored stored, Parse(entity));
  v1::Profile& view = stored.body;
  if (IsWhole(stored.secret)) {
    const v1::Profile& given = stored.secret;
    *view.mutable_sectors() = given.sectors();
    *view.mutable_products() = given.products();
    for (int i = 0; i < std::min(view.facets_size(), given.facets_size());
         ++i) {
      RestoreSectors(given.facets(i).needs(),
                     *view.mutable_facets(i)->mutable_needs());
      RestoreSectors(given.facets(i).offers(),
                     *view.mutable_facets(i)->mutable_offers());
    }
  }
  if (all) {
    AddSecret(stored.secret, view);
    view.set_owner(entity.owner);
  }
  AddTakenSeats(entity, view);
  view.set_verified_by(entity.verified_by);
  view.set_etag(EncodeEtag(record_incarnation, entity.revision));
  SetTime(entity.create_time, *view.mutable_create_time());
  SetTime(entity.update_time, *view.mutable_update_time());
  view.set_revision(entity.revision);
  return std::move(view);
}

}  // namespace mitra::profile
