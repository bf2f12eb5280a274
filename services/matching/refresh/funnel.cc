#include "services/matching/refresh/funnel.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/taxonomy/sector.h"
#include "services/matching/ranking/recommendation_kinds.h"

namespace mitra::matching {
namespace {

constexpr double kGood = .5;

template <typename Accept>
v1::RecommendationKind FirstKind(Accept accept) {
  for (int kind = 1; kind <= v1::RecommendationKind_MAX; ++kind) {
    const KindSpec* spec = FindKind(static_cast<v1::RecommendationKind>(kind));
    if (spec != nullptr && accept(*spec)) return spec->kind;
  }
  return v1::RECOMMENDATION_KIND_UNSPECIFIED;
}

bool WasGood(const v1::Engagement& engagement) {
  if (engagement.has_promise_kept() && !engagement.promise_kept()) return false;
  return engagement.has_promise_kept() ||
         (engagement.has_quality() && engagement.quality() >= kGood);
}

}  // namespace

void Funnel::Load(
    const google::protobuf::RepeatedPtrField<v1::FunnelRow>& rows) {
  for (const v1::FunnelRow& row : rows) {
    rows_[{row.kind(), row.region_code(), row.sector_division()}] = row;
  }
}

const Member* Funnel::Find(absl::string_view id) const {
  const MemberIndex index = members_.Find(id);
  return index == kNoMember ? nullptr : &members_.at(index);
}

v1::FunnelRow& Funnel::RowOf(v1::RecommendationKind kind,
                             const Member* subject) {
  std::string region, division;
  if (subject != nullptr) {
    region = std::string(subject->region_code.view().substr(0, 2));
    if (!subject->sectors.empty()) {
      division =
          std::string(taxonomy::SectorCodeAt(subject->sectors[0]).substr(0, 2));
    }
  }
  v1::FunnelRow& row = rows_[{kind, region, division}];
  row.set_kind(kind);
  row.set_region_code(region);
  row.set_sector_division(division);
  return row;
}

void Funnel::AddPlaces(v1::RecommendationKind kind, MemberIndex subject,
                       uint64_t places) {
  if (places == 0 || subject == kNoMember) return;
  v1::FunnelRow& row = RowOf(kind, &members_.at(subject));
  row.set_placed(row.placed() + places);
}

bool Funnel::Once(const char* what, const v1::Attribution& pair) {
  return told_
      .insert(absl::StrCat(what, " ", pair.subject_id(), " ",
                           pair.candidate_id(), " ",
                           static_cast<int>(pair.kind())))
      .second;
}

void Funnel::Add(const v1::Engagement& engagement) {
  v1::Attribution pair;
  pair.set_subject_id(engagement.seeker_id());
  pair.set_candidate_id(engagement.provider_id());
  pair.set_kind(
      engagement.has_attribution()
          ? engagement.attribution().kind()
          : FirstKind([&](const KindSpec& kind) {
              return (kind.candidate_roles >> engagement.provider_role() & 1) !=
                     0;
            }));
  if (pair.kind() == v1::RECOMMENDATION_KIND_UNSPECIFIED) return;
  v1::FunnelRow& row = RowOf(pair.kind(), Find(pair.subject_id()));
  row.set_requested(row.requested() + 1);
  const v1::EngagementState state = engagement.state();
  const bool met = state == v1::ENGAGEMENT_STATE_ACTIVE ||
                   state == v1::ENGAGEMENT_STATE_COMPLETED;
  if (met || state == v1::ENGAGEMENT_STATE_ACCEPTED) {
    row.set_accepted(row.accepted() + 1);
  }
  if (met && Once("met", pair)) row.set_met(row.met() + 1);
  if (state == v1::ENGAGEMENT_STATE_COMPLETED) {
    row.set_completed(row.completed() + 1);
    if (WasGood(engagement) && Once("outcome", pair)) {
      row.set_outcomes(row.outcomes() + 1);
    }
  }
  if (state == v1::ENGAGEMENT_STATE_DECLINED) {
    row.set_declined(row.declined() + 1);
  }
  if (state == v1::ENGAGEMENT_STATE_EXPIRED) row.set_expired(row.expired() + 1);
}

void Funnel::Add(const v1::Feedback& feedback) {
  const v1::Attribution& from = feedback.attribution();
  if (from.kind() == v1::RECOMMENDATION_KIND_UNSPECIFIED) return;
  v1::FunnelRow& row = RowOf(from.kind(), Find(from.subject_id()));
  switch (feedback.kind()) {
    case v1::FEEDBACK_KIND_OPENED:
    case v1::FEEDBACK_KIND_SAVED:
    case v1::FEEDBACK_KIND_CONTACTED:
      if (Once("looked", from)) row.set_looked_at(row.looked_at() + 1);
      break;
    case v1::FEEDBACK_KIND_MET:
      if (Once("met", from)) row.set_met(row.met() + 1);
      break;
    case v1::FEEDBACK_KIND_OUTCOME:
      if (Once("outcome", from)) row.set_outcomes(row.outcomes() + 1);
      break;
    default:
      break;
  }
}

std::vector<v1::FunnelRow> Funnel::Rows() const {
  std::vector<v1::FunnelRow> rows;
  rows.reserve(rows_.size());
  for (const auto& [key, row] : rows_) rows.push_back(row);
  std::stable_sort(rows.begin(), rows.end(),
                   [](const v1::FunnelRow& a, const v1::FunnelRow& b) {
                     if (a.kind() != b.kind()) return a.kind() < b.kind();
                     return a.placed() > b.placed();
                   });
  return rows;
}

}  // namespace mitra::matching
