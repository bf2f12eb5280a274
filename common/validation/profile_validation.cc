#include "common/validation/profile_validation.h"

#include <array>
#include <bitset>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/embedding/vector.h"
#include "common/taxonomy/currency.h"
#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"
#include "common/taxonomy/unit.h"
#include "mitra/v1/profile.pb.h"

namespace mitra {
namespace {

using Seen = absl::flat_hash_set<absl::string_view>;

constexpr int kMaxSectors = 8;
constexpr int kMaxItems = 16;
constexpr int kMaxRules = 64;
constexpr double kMaxAmount = 1e15;
constexpr int64_t kMaxTermSeconds = int64_t{100} * 366 * 86'400;

bool IsWord(absl::string_view text, size_t max, absl::string_view extra) {
  if (text.empty() || text.size() > max) return false;
  if (!absl::ascii_islower(static_cast<unsigned char>(text[0]))) return false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (!absl::ascii_islower(byte) && !absl::ascii_isdigit(byte) &&
        extra.find(c) == absl::string_view::npos) {
      return false;
    }
  }
  return true;
}

bool IsPhone(absl::string_view phone) {
  if (phone.size() < 8 || phone.size() > 16 || phone[0] != '+') return false;
  if (phone[1] == '0') return false;
  for (const char c : phone.substr(1)) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

bool IsEmail(absl::string_view email) {
  const size_t at = email.find('@');
  return email.size() <= 254 && at != 0 && at != absl::string_view::npos &&
         at + 1 < email.size() &&
         email.find('@', at + 1) == absl::string_view::npos &&
         email.find_first_of(" \t\r\n") == absl::string_view::npos;
}

// One profile under examination.
class Examination {
 public:
  // `draft`: what only the record needs may be absent.
  Examination(const VectorRules& vectors, bool draft, FieldChecks& checks)
      : vectors_(vectors), draft_(draft), checks_(checks) {}

  void Profile(const v1::Profile& p, const FieldPath& path);

 private:
  template <typename Enum>
  void Known(const FieldPath& path, Enum value, bool (*is_valid)(int),
             bool required) {
    if (!is_valid(value)) {
      checks_.Add(path, absl::StrCat("unknown value ", value));
    } else if (required && value == 0) {
      checks_.Add(path, "is required");
    }
  }

  void Sector(const v1::Sector& sector, const FieldPath& path) {
    if (!v1::KbliEdition_IsValid(sector.edition())) {
      checks_.Add(path.Field("edition"),
                  absl::StrCat("unknown value ", sector.edition()));
    } else if (!taxonomy::IsValidSector(sector.code(), sector.edition())) {
      checks_.Add(path.Field("code"),
                  "is not a code of that edition of the KBLI");
    }
  }

  template <typename Sectors>
  void SectorList(const Sectors& sectors, const FieldPath& path) {
    checks_.Count(path.Field("sectors"), sectors.size(), kMaxSectors);
    for (int i = 0; i < sectors.size() && i < kMaxSectors; ++i) {
      Sector(sectors[i], path.At("sectors", i));
    }
  }

  // `level`: the broadest level that is allowed.
  void Region(absl::string_view code, const FieldPath& path, int level) {
    const auto current = taxonomy::CurrentRegion(code);
    if (!current) {
      checks_.Add(path, "is not a Kemendagri region code");
    } else if (taxonomy::RegionLevel(*current) < level) {
      checks_.Add(path, "must name at least a kabupaten or kota");
    }
  }

  void Vector(const v1::Vector& vector, const FieldPath& path) {
    if (!vectors_.from_callers) {
      checks_.Add(path, "is not taken: vectors are made from the texts here");
      return;
    }
    if (vector.model_id() != vectors_.model) {
      checks_.Add(path.Field("model_id"),
                  absl::StrCat("must be \"", vectors_.model,
                               "\", the model of this space"));
    }
    const absl::Status status = embedding::ValidateVector(
        path.ToString(), vector.values(), vectors_.dimension);
    if (status.ok()) return;
    // The message begins with the field.
    absl::string_view message = status.message();
    const size_t colon = message.find(": ");
    if (colon != absl::string_view::npos) message.remove_prefix(colon + 2);
    checks_.Add(path, message);
  }

  void Money(const v1::Money& money, const FieldPath& path) {
    if (!taxonomy::IsValidCurrency(money.currency_code())) {
      checks_.Add(path.Field("currency_code"), "must be an ISO 4217 code");
    }
    if (money.units() < 0 || money.units() > 1'000'000'000'000'000) {
      checks_.Add(path.Field("units"), absl::StrCat("must be from 0 to 10^15, "
                                                    "is ",
                                                    money.units()));
    }
  }

  // What needs and offers have in common.
  template <typename Item>
  void NeedOrOffer(const Item& item, absl::string_view id_name,
                   absl::string_view id, Seen& ids, const FieldPath& path) {
    checks_.IdOrEmpty(path.Field(id_name), id);
    if (!id.empty() && !ids.insert(id).second) {
      checks_.Add(path.Field(id_name), "stands twice in the facet");
    }
    Known(path.Field("resource"), item.resource(), v1::Resource_IsValid, true);
    checks_.Text(path.Field("text"), item.text(), 2000);
    SectorList(item.sectors(), path);
    if (item.has_quantity()) {
      const FieldPath quantity = path.Field("quantity");
      checks_.Number(quantity.Field("amount"), item.quantity().amount(), 0,
                     kMaxAmount);
      if (!taxonomy::IsValidUnit(item.quantity().unit())) {
        checks_.Add(quantity.Field("unit"), "is not a known unit");
      }
    }
    if (item.has_money()) Money(item.money(), path.Field("money"));
    if (item.has_term() &&
        (item.term().seconds() < 0 || item.term().seconds() > kMaxTermSeconds ||
         item.term().nanos() < 0 || item.term().nanos() > 999'999'999)) {
      checks_.Add(path.Field("term"), "must be from 0 to 100 years");
    }
    if (item.has_expire_time()) {
      checks_.Time(path.Field("expire_time"), item.expire_time());
    }
  }

  void Acceptance(const v1::AcceptanceRules& rules, const FieldPath& path);
  void Facet(const v1::Facet& facet, const FieldPath& path);
  void ExternalIds(const v1::Profile& p, const FieldPath& path);
  void Norm(const v1::Norm& norm, const Seen& products, const FieldPath& path);
  void Window(const FieldPath& from_path, bool has_from,
              const google::protobuf::Timestamp& from, const FieldPath& to_path,
              bool has_to, const google::protobuf::Timestamp& to);

  const VectorRules& vectors_;
  const bool draft_;
  FieldChecks& checks_;
};

void Examination::Acceptance(const v1::AcceptanceRules& rules,
                             const FieldPath& path) {
  checks_.Count(path.Field("roles"), rules.roles_size(), kMaxRules);
  checks_.Count(path.Field("scales"), rules.scales_size(), kMaxRules);
  checks_.Count(path.Field("norms"), rules.norms_size(), kMaxRules);
  checks_.Count(path.Field("region_codes"), rules.region_codes_size(),
                kMaxRules);
  checks_.Count(path.Field("sector_codes"), rules.sector_codes_size(),
                kMaxRules);
  for (int i = 0; i < rules.roles_size() && i < kMaxRules; ++i) {
    Known(path.At("roles", i), rules.roles(i), v1::Role_IsValid, true);
  }
  for (int i = 0; i < rules.scales_size() && i < kMaxRules; ++i) {
    Known(path.At("scales", i), rules.scales(i), v1::Scale_IsValid, true);
  }
  for (int i = 0; i < rules.norms_size() && i < kMaxRules; ++i) {
    Known(path.At("norms", i), rules.norms(i), v1::NormKind_IsValid, true);
  }
  for (int i = 0; i < rules.region_codes_size() && i < kMaxRules; ++i) {
    Region(rules.region_codes(i), path.At("region_codes", i), 1);
  }
  for (int i = 0; i < rules.sector_codes_size() && i < kMaxRules; ++i) {
    if (!taxonomy::IsValidSector(rules.sector_codes(i),
                                 v1::KBLI_EDITION_2020)) {
      checks_.Add(path.At("sector_codes", i), "is not a code of KBLI 2020");
    }
  }
}

void Examination::Facet(const v1::Facet& facet, const FieldPath& path) {
  checks_.Text(path.Field("headline"), facet.headline(), 500);
  checks_.Count(path.Field("needs"), facet.needs_size(), kMaxItems);
  checks_.Count(path.Field("offers"), facet.offers_size(), kMaxItems);
  Seen needs;
  for (int i = 0; i < facet.needs_size() && i < kMaxItems; ++i) {
    const v1::Need& need = facet.needs(i);
    NeedOrOffer(need, "need_id", need.need_id(), needs, path.At("needs", i));
  }
  Seen offers;
  for (int i = 0; i < facet.offers_size() && i < kMaxItems; ++i) {
    const v1::Offer& offer = facet.offers(i);
    NeedOrOffer(offer, "offer_id", offer.offer_id(), offers,
                path.At("offers", i));
  }
  if (facet.has_seats()) {
    const FieldPath seats = path.Field("seats");
    checks_.Number(seats.Field("total"), facet.seats().total(), 0, 100'000);
    if (facet.seats().taken_elsewhere() > facet.seats().total()) {
      checks_.Add(seats.Field("taken_elsewhere"), "must be at most total");
    }
  }
  Acceptance(facet.acceptance(), path.Field("acceptance"));
  if (facet.has_need_vector()) {
    Vector(facet.need_vector(), path.Field("need_vector"));
  }
  if (facet.has_offer_vector()) {
    Vector(facet.offer_vector(), path.Field("offer_vector"));
  }
  if (facet.has_pause_until_time()) {
    checks_.Time(path.Field("pause_until_time"), facet.pause_until_time());
  }
}

void Examination::ExternalIds(const v1::Profile& p, const FieldPath& path) {
  checks_.Count(path.Field("external_ids"), p.external_ids_size(), kMaxItems);
  absl::flat_hash_set<std::string> seen;
  for (int i = 0; i < p.external_ids_size() && i < kMaxItems; ++i) {
    const v1::ExternalId& id = p.external_ids(i);
    const FieldPath at = path.At("external_ids", i);
    if (!IsWord(id.system(), 32, "-")) {
      checks_.Add(at.Field("system"),
                  "must be a lower-case word of at most 32 letters, digits "
                  "and hyphens");
    }
    checks_.Line(at.Field("value"), id.value(), 128);
    if (!seen.insert(absl::StrCat(id.system(), "\n", id.value())).second) {
      checks_.Add(at, "stands twice in the profile");
    }
  }
}

void Examination::Window(const FieldPath& from_path, bool has_from,
                         const google::protobuf::Timestamp& from,
                         const FieldPath& to_path, bool has_to,
                         const google::protobuf::Timestamp& to) {
  if (has_from) checks_.Time(from_path, from);
  if (has_to) checks_.Time(to_path, to);
  if (has_from && has_to && ToTime(to) < ToTime(from)) {
    checks_.Add(to_path, "must not be before the beginning");
  }
}

void Examination::Norm(const v1::Norm& norm, const Seen& products,
                       const FieldPath& path) {
  Known(path.Field("kind"), norm.kind(), v1::NormKind_IsValid, true);
  Known(path.Field("status"), norm.status(), v1::NormStatus_IsValid, false);
  checks_.LineOrEmpty(path.Field("issuer"), norm.issuer(), 200);
  checks_.LineOrEmpty(path.Field("verifier"), norm.verifier(), 200);
  checks_.LineOrEmpty(path.Field("number"), norm.number(), 128);
  if (norm.status() == v1::NORM_STATUS_VERIFIED && norm.verifier().empty()) {
    checks_.Add(path.Field("verifier"), "is required for a verified norm");
  }
  if (!norm.product_id().empty() && !products.contains(norm.product_id())) {
    checks_.Add(path.Field("product_id"), "is not a product of the profile");
  }
  Window(path.Field("valid_from_time"), norm.has_valid_from_time(),
         norm.valid_from_time(), path.Field("valid_to_time"),
         norm.has_valid_to_time(), norm.valid_to_time());
}

void Examination::Profile(const v1::Profile& p, const FieldPath& path) {
  if (!draft_ || !p.profile_id().empty()) {
    checks_.Id(path.Field("profile_id"), p.profile_id());
  }
  Known(path.Field("kind"), p.kind(), v1::MemberKind_IsValid, !draft_);
  if (!draft_ || !p.display_name().empty()) {
    checks_.Line(path.Field("display_name"), p.display_name(), 200);
  }
  checks_.Text(path.Field("about"), p.about(), 4000);
  if (!p.region_code().empty()) {
    Region(p.region_code(), path.Field("region_code"), 2);
  } else if (!draft_ && p.kind() != v1::MEMBER_KIND_PROGRAMME &&
             !(p.kind() == v1::MEMBER_KIND_EVENT && p.event().online())) {
    checks_.Add(path.Field("region_code"), "is required");
  }
  SectorList(p.sectors(), path);
  Known(path.Field("scale"), p.scale(), v1::Scale_IsValid, false);

  if (p.facets_size() < 1 || p.facets_size() > 4) {
    checks_.Add(path.Field("facets"), absl::StrCat("must have 1 to 4 entries, "
                                                   "has ",
                                                   p.facets_size()));
  }
  std::bitset<64> roles;
  for (int i = 0; i < p.facets_size() && i < 4; ++i) {
    const v1::Role role = p.facets(i).role();
    const FieldPath at = path.At("facets", i);
    Known(at.Field("role"), role, v1::Role_IsValid, true);
    if (v1::Role_IsValid(role)) {
      if (roles[role]) checks_.Add(at.Field("role"), "has a facet already");
      roles[role] = true;
    }
    Facet(p.facets(i), at);
  }
  ExternalIds(p, path);

  checks_.Count(path.Field("links"), p.links_size(), kMaxItems);
  for (int i = 0; i < p.links_size() && i < kMaxItems; ++i) {
    const v1::PublicLink& link = p.links(i);
    const FieldPath at = path.At("links", i);
    if (!IsWord(link.kind(), 32, "-_")) {
      checks_.Add(at.Field("kind"), "must be a lower-case word");
    }
    checks_.Line(at.Field("url"), link.url(), 512);
    if (!absl::StartsWith(link.url(), "https://") ||
        link.url().find_first_of(" <>\"") != std::string::npos) {
      checks_.Add(at.Field("url"), "must be an https address");
    }
  }

  checks_.Count(path.Field("products"), p.products_size(), 50);
  Seen products;
  for (int i = 0; i < p.products_size() && i < 50; ++i) {
    const v1::Product& product = p.products(i);
    const FieldPath at = path.At("products", i);
    checks_.Id(at.Field("product_id"), product.product_id());
    if (!products.insert(product.product_id()).second) {
      checks_.Add(at.Field("product_id"), "stands twice in the profile");
    }
    checks_.LineOrEmpty(at.Field("name"), product.name(), 200);
    checks_.Text(at.Field("description"), product.description(), 2000);
    if (product.has_sector()) Sector(product.sector(), at.Field("sector"));
  }

  checks_.Count(path.Field("norms"), p.norms_size(), 32);
  for (int i = 0; i < p.norms_size() && i < 32; ++i) {
    Norm(p.norms(i), products, path.At("norms", i));
  }

  checks_.Count(path.Field("languages"), p.languages_size(), 8);
  for (int i = 0; i < p.languages_size() && i < 8; ++i) {
    const std::string& tag = p.languages(i);
    if (!IsLanguageTag(tag)) {
      checks_.Add(path.At("languages", i),
                  "must be a primary language tag such as \"id\"");
    }
  }

  const FieldPath event = path.Field("event");
  if (p.kind() == v1::MEMBER_KIND_EVENT) {
    if (!p.event().has_start_time()) {
      checks_.Add(event.Field("start_time"), "is required for an event");
    }
    Window(event.Field("start_time"), p.event().has_start_time(),
           p.event().start_time(), event.Field("end_time"),
           p.event().has_end_time(), p.event().end_time());
  } else if (p.has_event()) {
    checks_.Add(event, "is only for members of kind event");
  }
  const FieldPath programme = path.Field("programme");
  if (p.kind() == v1::MEMBER_KIND_PROGRAMME) {
    const v1::ProgrammeDetails& details = p.programme();
    checks_.IdOrEmpty(programme.Field("owner_profile_id"),
                      details.owner_profile_id());
    Window(programme.Field("intake_start_time"),
           details.has_intake_start_time(), details.intake_start_time(),
           programme.Field("intake_end_time"), details.has_intake_end_time(),
           details.intake_end_time());
  } else if (p.has_programme()) {
    checks_.Add(programme, "is only for members of kind programme");
  }

  const FieldPath contact = path.Field("contact");
  if (!p.contact().phone().empty() && !IsPhone(p.contact().phone())) {
    checks_.Add(contact.Field("phone"), "must be a number in E.164 form");
  }
  if (!p.contact().email().empty() && !IsEmail(p.contact().email())) {
    checks_.Add(contact.Field("email"), "must be a mail address");
  }
  checks_.LineOrEmpty(contact.Field("email"), p.contact().email(), 254);
  if (p.ByteSizeLong() > kMaxProfileBytes) {
    checks_.Add(path, absl::StrCat("must have at most ", kMaxProfileBytes,
                                   " bytes in all"));
  }
}

}  // namespace

VectorRules VectorRulesOf(absl::string_view space) {
  VectorRules rules;
  const std::vector<std::string> parts = absl::StrSplit(space, '/');
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[1], &rules.dimension)) {
    return rules;
  }
  rules.model = parts[0];
  rules.from_callers = !absl::StartsWith(rules.model, "hashing-");
  return rules;
}

absl::Status ValidateProfile(const v1::Profile& profile, const FieldPath& path,
                             const VectorRules& vectors) {
  FieldChecks checks;
  Examination(vectors, /*draft=*/false, checks).Profile(profile, path);
  return checks.ToStatus();
}

absl::Status ValidateDraft(const v1::Profile& profile, const FieldPath& path,
                           const VectorRules& vectors) {
  FieldChecks checks;
  Examination(vectors, /*draft=*/true, checks).Profile(profile, path);
  return checks.ToStatus();
}

}  // namespace mitra
