#include "services/matching/rpc/request_reader.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "common/taxonomy/sector.h"
#include "common/validation/profile_validation.h"
#include "mitra/v1/retrieval_service.pb.h"
#include "services/matching/members/member_builder.h"

namespace mitra::matching {
namespace {

constexpr int kDefaultPageSize = 10;
constexpr int kMaxPageSize = 100;
constexpr int kMaxKinds = 10;
// What search takes of a voice.
constexpr size_t kMaxVoice = 8000;

// Known roles as bits; `bad` names the others.
template <typename Roles>
uint32_t ReadRoles(const Roles& roles, const std::string& field,
                   FieldViolations& bad) {
  uint32_t bits = 0;
  for (int i = 0; i < roles.size(); ++i) {
    if (roles[i] == 0 || !v1::Role_IsValid(roles[i])) {
      bad.Add(absl::StrCat(field, "[", i, "]"), "unknown value");
    } else {
      bits |= RoleBit(static_cast<v1::Role>(roles[i]));
    }
  }
  return bits;
}

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

// What rules of acceptance look at; of norms and sectors what holds today.
std::shared_ptr<const v1::SubjectFacts> FactsOf(const v1::Profile& profile) {
  auto facts = std::make_shared<v1::SubjectFacts>();
  facts->set_scale(profile.scale());
  facts->set_region_code(profile.region_code());
  for (const v1::Sector& sector : profile.sectors()) {
    facts->add_sector_codes(std::string(
        taxonomy::NormaliseSector(sector.code(), sector.edition())));
  }
  for (const v1::Norm& norm : profile.norms()) {
    if (!norm.expired()) facts->add_norms(norm.kind());
  }
  for (const v1::Facet& facet : profile.facets()) {
    facts->add_roles(facet.role());
    *facts->add_acceptance() = facet.acceptance();
  }
  return facts;
}

SubjectName ReadTransient(const v1::Profile& profile) {
  SubjectName name;
  name.owned = std::shared_ptr<const Member>(MakeMember(profile, {}));
  auto voice = std::make_shared<TransientVoice>();
  voice->facts = FactsOf(profile);
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
    const v1::RecommendRequest& request, absl::string_view path,
    absl::string_view space, const FindProfile& find_profile) {
  FieldViolations bad;
  const auto at = [&](absl::string_view field) {
    return absl::StrCat(path, field);
  };
  if (request.has_profile()) {
    if (!request.profile_id().empty()) {
      bad.Add(at("profile"), "must be absent when profile_id is given");
    }
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
  const uint32_t roles =
      ReadRoles(request.subject_roles(), at("subject_roles"), bad);
  const uint32_t wanted = ReadRoles(request.roles(), at("roles"), bad);
  for (const int number : request.kinds()) {
    const KindSpec* kind =
        FindKind(static_cast<v1::RecommendationKind>(number));
    if (kind != nullptr && NarrowKind(*kind, wanted) == nullptr) {
      bad.Add(at("roles"),
              absl::StrCat("none of them is a role of kind ", kind->name));
    }
  }
  const RankingProfile* profile =
      find_profile(request.ranking_profile(), request.profile_id());
  if (profile == nullptr) bad.Add(at("ranking_profile"), "unknown profile");
  MITRA_RETURN_IF_ERROR(bad.ToStatus());
  if (request.has_profile()) {
    const std::string field = at("profile");
    MITRA_RETURN_IF_ERROR(ValidateDraft(request.profile(), FieldPath(field),
                                        VectorRulesOf(space)));
  }

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
    const KindSpec& row = *FindKind(static_cast<v1::RecommendationKind>(kind));
    slate.kind = NarrowKind(row, wanted);
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
        HashParameters(filter_bytes, weight, roles, profile_bytes,
                       slate.kind == &row ? 0 : slate.kind->candidate_roles);
    question.slates.push_back(std::move(slate));
  }
  return question;
}

}  // namespace mitra::matching
