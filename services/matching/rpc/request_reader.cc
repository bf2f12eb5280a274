#include "services/matching/rpc/request_reader.h"

#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/ids.h"
#include "common/base/utf8.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"
#include "services/matching/members/member_builder.h"

namespace mitra::matching {
namespace {

constexpr int kDefaultPageSize = 10;
constexpr int kMaxPageSize = 100;
constexpr int kMaxKinds = 10;
constexpr int kMaxFacets = 4;
constexpr int kMaxItems = 16;
constexpr int kMaxSectors = 8;
constexpr int kMaxLanguages = 8;
constexpr size_t kMaxText = 2000;
// What search takes of a voice.
constexpr size_t kMaxVoice = 8000;

void Merge(const absl::Status& status, absl::string_view field,
           FieldViolations& violations) {
  if (!status.ok()) violations.Add(field, "not well-formed UTF-8 or too long");
}

bool IsUnitless(const v1::Vector& vector, int dimension) {
  if (dimension != 0 && vector.values_size() != dimension) return false;
  double norm = 0;
  for (const float value : vector.values()) {
    if (!std::isfinite(value)) return false;
    norm += static_cast<double>(value) * value;
  }
  return norm > 0 && std::isfinite(norm);
}

class ProfileChecker {
 public:
  ProfileChecker(std::string path, int dimension, FieldViolations& violations)
      : path_(std::move(path)), dimension_(dimension), out_(violations) {}

  void Check(const v1::Profile& profile) {
    Text("display_name", profile.display_name(), 200);
    Text("about", profile.about(), 4000);
    if (!v1::MemberKind_IsValid(profile.kind())) Bad("kind", "unknown value");
    if (!v1::Scale_IsValid(profile.scale())) Bad("scale", "unknown value");
    if (!profile.region_code().empty() &&
        !taxonomy::CurrentRegion(profile.region_code())) {
      Bad("region_code", "unknown region");
    }
    Sectors("sectors", profile.sectors());
    if (profile.languages_size() > kMaxLanguages) Bad("languages", "too many");
    for (int i = 0; i < profile.languages_size(); ++i) {
      Text(absl::StrCat("languages[", i, "]"), profile.languages(i), 8);
    }
    for (int i = 0; i < profile.norms_size(); ++i) {
      if (!v1::NormKind_IsValid(profile.norms(i).kind())) {
        Bad(absl::StrCat("norms[", i, "].kind"), "unknown value");
      }
    }
    if (profile.facets_size() < 1 || profile.facets_size() > kMaxFacets) {
      Bad("facets", "must have 1 to 4 elements");
    }
    uint32_t roles = 0;
    for (int i = 0; i < profile.facets_size(); ++i) {
      const v1::Facet& facet = profile.facets(i);
      const std::string at = absl::StrCat("facets[", i, "].");
      if (facet.role() == 0 || !v1::Role_IsValid(facet.role())) {
        Bad(at + "role", "unknown value");
        continue;
      }
      if ((roles & RoleBit(facet.role())) != 0) {
        Bad(at + "role", "stands in another facet too");
      }
      roles |= RoleBit(facet.role());
      Text(at + "headline", facet.headline(), 500);
      Items(at + "needs", facet.needs());
      Items(at + "offers", facet.offers());
      if (facet.has_need_vector() &&
          !IsUnitless(facet.need_vector(), dimension_)) {
        Bad(at + "need_vector",
            "must be finite, not 0 and of the space's "
            "dimension");
      }
      if (facet.has_offer_vector() &&
          !IsUnitless(facet.offer_vector(), dimension_)) {
        Bad(at + "offer_vector",
            "must be finite, not 0 and of the space's "
            "dimension");
      }
    }
  }

 private:
  void Bad(absl::string_view field, absl::string_view what) {
    out_.Add(absl::StrCat(path_, ".", field), what);
  }
  void Text(absl::string_view field, absl::string_view text, size_t max) {
    const std::string name = absl::StrCat(path_, ".", field);
    Merge(ValidateText(name, text, max), name, out_);
  }
  template <typename Values>
  void Sectors(absl::string_view field, const Values& sectors) {
    if (sectors.size() > kMaxSectors) Bad(field, "at most 8");
    for (int i = 0; i < sectors.size(); ++i) {
      if (!v1::KbliEdition_IsValid(sectors[i].edition()) ||
          !taxonomy::IsValidSector(sectors[i].code(), sectors[i].edition())) {
        Bad(absl::StrCat(field, "[", i, "].code"), "unknown sector");
      }
    }
  }
  template <typename Values>
  void Items(absl::string_view field, const Values& items) {
    if (items.size() > kMaxItems) Bad(field, "at most 16");
    for (int i = 0; i < items.size(); ++i) {
      const std::string at = absl::StrCat(field, "[", i, "].");
      if (items[i].resource() == 0 ||
          !v1::Resource_IsValid(items[i].resource())) {
        Bad(at + "resource", "unknown value");
      }
      Text(at + "text", items[i].text(), kMaxText);
      Sectors(at + "sectors", items[i].sectors());
      const double amount = items[i].quantity().amount();
      if (!(amount >= 0 && amount <= 1e15)) {
        Bad(at + "quantity.amount", "must be in [0, 1e15]");
      }
      if (items[i].money().units() < 0) Bad(at + "money.units", "must be >= 0");
    }
  }

  const std::string path_;
  const int dimension_;
  FieldViolations& out_;
};

template <typename Items>
void AppendItems(const Items& items, std::string& text) {
  for (const auto& item : items) {
    absl::StrAppend(
        &text, text.empty() ? "" : "\n",
        taxonomy::ResourceName(item.resource(), Language::kIndonesian), ". ",
        item.text());
    for (const v1::Sector& sector : item.sectors()) {
      absl::StrAppend(&text, " ",
                      taxonomy::SectorTitle(sector.code(), sector.edition()));
    }
  }
}

SubjectName ReadTransient(const v1::Profile& profile) {
  SubjectName name;
  name.owned = std::shared_ptr<const Member>(MakeMember(profile, {}));
  auto voice = std::make_shared<TransientVoice>();
  for (const v1::Facet& facet : profile.facets()) {
    AppendItems(facet.needs(), voice->need_text);
    AppendItems(facet.offers(), voice->offer_text);
    if (!facet.headline().empty()) {
      absl::StrAppend(&voice->offer_text, "\n", facet.headline());
    }
    if (voice->need_vector.empty()) {
      voice->need_vector.assign(facet.need_vector().values().begin(),
                                facet.need_vector().values().end());
    }
    if (voice->offer_vector.empty()) {
      voice->offer_vector.assign(facet.offer_vector().values().begin(),
                                 facet.offer_vector().values().end());
    }
  }
  // Who says nothing of its needs seeks what fits its business.
  std::string about = profile.about();
  for (const v1::Sector& sector : profile.sectors()) {
    absl::StrAppend(&about, " ",
                    taxonomy::SectorTitle(sector.code(), sector.edition()));
  }
  if (voice->need_text.empty()) voice->need_text = about;
  absl::StrAppend(&voice->offer_text, "\n", about);
  voice->need_text = CutUtf8(voice->need_text, kMaxVoice);
  voice->offer_text = CutUtf8(voice->offer_text, kMaxVoice);
  name.voice = std::move(voice);
  return name;
}

}  // namespace

int DimensionOf(absl::string_view space) {
  const std::vector<absl::string_view> parts = absl::StrSplit(space, '/');
  int dimension = 0;
  if (parts.size() < 3 || !absl::SimpleAtoi(parts[1], &dimension)) return 0;
  return dimension;
}

absl::StatusOr<Language> ReadLanguage(absl::string_view field,
                                      absl::string_view tag) {
  const auto language = ParseLanguage(tag);
  if (!language) return InvalidField(field, "must be \"id\" or \"en\"");
  return *language;
}

absl::StatusOr<const KindSpec*> ReadKind(absl::string_view field,
                                         v1::RecommendationKind kind) {
  const KindSpec* spec = FindKind(kind);
  if (spec == nullptr) return InvalidField(field, "unknown value");
  return spec;
}

absl::Status CheckActor(const rpc::Identity& identity,
                        absl::string_view profile_id) {
  if (!identity.is_member() || identity.member_id == profile_id) {
    return absl::OkStatus();
  }
  return MakeError(absl::StatusCode::kPermissionDenied, "MEMBER_MISMATCH",
                   "profile_id: not the member of the credential");
}

absl::StatusOr<RecommendQuestion> ReadRecommend(
    const v1::RecommendRequest& request, absl::string_view path, int dimension,
    const FindProfile& find_profile) {
  FieldViolations bad;
  const auto at = [&](absl::string_view field) {
    return absl::StrCat(path, field);
  };
  if (request.has_profile()) {
    if (!request.profile_id().empty()) {
      bad.Add(at("profile"), "must be absent when profile_id is given");
    }
    ProfileChecker(at("profile"), dimension, bad).Check(request.profile());
  } else if (!IsValidId(request.profile_id())) {
    bad.Add(at("profile_id"), "required; must be a member id");
  }
  if (request.kinds_size() < 1 || request.kinds_size() > kMaxKinds) {
    bad.Add(at("kinds"), "must have 1 to 10 elements");
  }
  for (int i = 0; i < request.kinds_size(); ++i) {
    if (FindKind(request.kinds(i)) == nullptr) {
      bad.Add(at(absl::StrCat("kinds[", i, "]")), "unknown value");
    }
  }
  if (request.has_page_size() &&
      (request.page_size() < 1 || request.page_size() > kMaxPageSize)) {
    bad.Add(at("page_size"),
            absl::StrCat("must be in [1, 100], is ", request.page_size()));
  }
  if (!request.page_token().empty() && request.kinds_size() != 1) {
    bad.Add(at("page_token"), "needs exactly one kind");
  }
  if (request.page_token().size() > 1000) {
    bad.Add(at("page_token"), "too long");
  }
  if (!v1::ExplanationLevel_IsValid(request.explanation())) {
    bad.Add(at("explanation"), "unknown value");
  }
  const auto language = ParseLanguage(request.language());
  if (!language) bad.Add(at("language"), "must be \"id\" or \"en\"");
  double weight = .6;
  if (request.has_subject_weight()) {
    weight = request.subject_weight();
    if (!(weight >= 0 && weight <= 1)) {
      bad.Add(at("subject_weight"), "must be in [0, 1]");
    }
  }
  uint32_t roles = 0;
  for (int i = 0; i < request.subject_roles_size(); ++i) {
    const int role = request.subject_roles(i);
    if (role == 0 || !v1::Role_IsValid(role)) {
      bad.Add(at(absl::StrCat("subject_roles[", i, "]")), "unknown value");
    } else {
      roles |= RoleBit(static_cast<v1::Role>(role));
    }
  }
  const RankingProfile* profile =
      find_profile(request.ranking_profile(), request.profile_id());
  if (profile == nullptr) bad.Add(at("ranking_profile"), "unknown profile");
  MITRA_RETURN_IF_ERROR(bad.ToStatus());

  RecommendQuestion question;
  std::shared_ptr<const v1::MemberFilter> filter;
  std::shared_ptr<const CompiledFilter> compiled;
  std::string filter_bytes;
  std::string profile_bytes;
  if (request.has_filter()) {
    MITRA_RETURN_IF_ERROR(ValidateFilter(request.filter(), at("filter")));
    filter = std::make_shared<v1::MemberFilter>(request.filter());
    compiled = std::make_shared<CompiledFilter>(request.filter());
    filter_bytes = request.filter().SerializeAsString();
  }
  if (request.has_profile()) {
    question.subject = ReadTransient(request.profile());
    profile_bytes = request.profile().SerializeAsString();
  } else {
    question.subject.id = request.profile_id();
  }
  for (const int kind : request.kinds()) {
    SlateRequest slate;
    slate.kind = FindKind(static_cast<v1::RecommendationKind>(kind));
    slate.profile = profile;
    slate.page_size = static_cast<size_t>(
        request.has_page_size() ? request.page_size() : kDefaultPageSize);
    slate.page_token = request.page_token();
    slate.filter = filter;
    slate.compiled = compiled;
    slate.subject_weight = weight;
    slate.subject_roles = roles;
    slate.explanation =
        request.explanation() == v1::EXPLANATION_LEVEL_UNSPECIFIED
            ? v1::EXPLANATION_LEVEL_REASONS
            : request.explanation();
    slate.language = *language;
    slate.min_revision = request.min_revision();
    slate.fresh = request.fresh();
    slate.parameters =
        HashParameters(filter_bytes, weight, roles, profile_bytes);
    question.slates.push_back(std::move(slate));
  }
  return question;
}

}  // namespace mitra::matching
