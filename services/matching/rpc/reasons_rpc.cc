#include "services/matching/rpc/reasons_rpc.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/observability/log.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/matching/explain/explanation.h"
#include "services/matching/explain/score_gap.h"
#include "services/matching/explain/sentences.h"
#include "services/matching/rpc/feed_gate.h"
#include "services/matching/rpc/pair_request.h"

namespace mitra::matching {
namespace {

// How far down WhyNot looks for a member.
constexpr size_t kWhyNotDepth = 500;
constexpr size_t kSlateSize = 10;
constexpr int kMaxTraced = 100;
constexpr char kDiagnoseAll[] = "diagnose:all";

// The kinds to try: the one that was asked for, or all.
absl::StatusOr<std::vector<const KindSpec*>> ReadKinds(
    v1::RecommendationKind kind) {
  std::vector<const KindSpec*> kinds;
  if (kind == v1::RECOMMENDATION_KIND_UNSPECIFIED) {
    for (const KindSpec& each : AllKinds()) kinds.push_back(&each);
    return kinds;
  }
  MITRA_ASSIGN_OR_RETURN(const KindSpec* one, ReadKind("kind", kind));
  kinds.push_back(one);
  return kinds;
}

// What keeps the candidate from the subject's slates of the kind, if anything
// does. What hides the member altogether comes before anything about its roles.
Eligibility CauseAgainst(const MatchingView& view, const Subject& subject,
                         MemberIndex candidate, const KindSpec& kind,
                         int64_t now) {
  const Member& member = view.members.at(candidate);
  if (member.deleted || member.facets.empty()) return Eligibility::kGone;
  const EligibilityCheck eligible(view.members, subject.index, now);
  Eligibility cause =
      eligible(candidate, static_cast<v1::Role>(member.facets[0].role));
  if (cause == Eligibility::kSelf || cause == Eligibility::kBlocked ||
      cause == Eligibility::kHidden) {
    return cause;
  }
  const v1::Role role = RecommendableRole(eligible, nullptr, kind, candidate,
                                          member, v1::ROLE_UNSPECIFIED, cause);
  return role == v1::ROLE_UNSPECIFIED ? cause : Eligibility::kEligible;
}

// The place of a member in a ranking, from 1; 0 if it is not there.
uint32_t RankOf(MemberIndex member, const Ranking& ranking) {
  const auto found = std::find_if(
      ranking.items.begin(), ranking.items.end(),
      [member](const Ranked& item) { return item.member == member; });
  return found == ranking.items.end()
             ? 0
             : static_cast<uint32_t>(found - ranking.items.begin() + 1);
}

PairFeatures FeaturesFor(const MatchingView& view, const Subject& subject,
                         const KindSpec& kind) {
  return PairFeatures(view.members, view.graph, subject, kind,
                      CountingRoles(*subject.member, kind, 0), nullptr);
}

// By which term `own` stands behind `last`, the last one shown.
ScoreGap GapBehind(const MatchingView& view, const Subject& subject,
                   const RankQuery& query, const Ranked& own,
                   const Ranked& last) {
  return CompareScores(
      view.members, FeaturesFor(view, subject, *query.kind),
      JointUtility(*query.profile, *query.kind, .6, subject.member->sectors),
      own, last);
}

void DescribeGap(const ScoreGap& gap, v1::WhyNotResponse& response) {
  response.set_term(std::string(gap.term));
  response.set_term_gap(gap.term_gap);
  response.set_gap(gap.gap);
  for (const absl::string_view term : gap.missing) {
    response.add_missing_terms(std::string(term));
  }
}

// As the answer, and into the log: numbers only.
void DescribeTrace(const RankTrace& trace, absl::string_view request_id,
                   v1::TraceRecommendResponse& response) {
  for (const RankTrace::Stage& stage : trace.stages()) {
    v1::TraceStage& out = *response.add_stages();
    out.set_name(stage.name);
    std::string text;
    for (const auto& [figure, value] : stage.figures) {
      (*out.mutable_figures())[figure] = value;
      absl::StrAppend(&text, text.empty() ? "" : " ", figure, "=", value);
    }
    LogInfo("trace", {{"request", std::string(request_id)},
                      {"stage", stage.name},
                      {"figures", text}});
  }
}

absl::Status CheckTrace(const rpc::CallContext& call,
                        const v1::TraceRecommendRequest& request) {
  FieldViolations bad;
  if (!IsValidId(request.profile_id())) {
    bad.Add("profile_id", "required; must be a member id");
  }
  if (request.has_page_size() &&
      (request.page_size() < 1 || request.page_size() > kMaxTraced)) {
    bad.Add("page_size", "must be in [1, 100]");
  }
  MITRA_RETURN_IF_ERROR(bad.ToStatus());
  return CheckActor(call.identity, request.profile_id());
}

}  // namespace

ReasonsRpc::ReasonsRpc(SlateServer& slates, Recommender& recommender,
                       std::function<bool()> ready, FindProfile find_profile)
    : slates_(slates),
      recommender_(recommender),
      ready_(std::move(ready)),
      find_profile_(std::move(find_profile)) {}

void ReasonsRpc::Register(rpc::Server::Builder& builder) {
  builder.Unary("/mitra.v1.Recommendations/ExplainPair", *this,
                &ReasonsRpc::ExplainPair);
  builder.Unary("/mitra.v1.Recommendations/WhyNot", *this, &ReasonsRpc::WhyNot);
  builder.Unary("/mitra.v1.Recommendations/TraceRecommend", *this,
                &ReasonsRpc::TraceRecommend);
}

int64_t ReasonsRpc::NowSeconds() const {
  return absl::ToUnixSeconds(recommender_.clock().Now());
}

rpc::Task<absl::StatusOr<Ranked>> ReasonsRpc::ScoreOne(
    rpc::CallContext& call, const MatchingView& view, const Subject& subject,
    const RankQuery& query, const std::string& candidate_id) {
  std::vector<std::string> ids = {IdMeant(view, candidate_id)};
  auto scored = co_await recommender_.ScoreGiven(call, view, subject, query,
                                                 std::move(ids));
  if (!scored.ok()) co_return scored.status();
  co_return scored->items[0];
}

rpc::Task<absl::Status> ReasonsRpc::ExplainPair(
    rpc::CallContext& call, const v1::ExplainPairRequest& request,
    v1::ExplainPairResponse& response) {
  MITRA_CO_RETURN_IF_ERROR(CheckReady(ready_()));
  MITRA_CO_RETURN_IF_ERROR(CheckPair(call, request.profile_id(), "candidate_id",
                                     request.candidate_id()));
  MITRA_CO_ASSIGN_OR_RETURN(const Language language,
                            ReadLanguage("language", request.language()));
  MITRA_CO_ASSIGN_OR_RETURN(const std::vector<const KindSpec*> kinds,
                            ReadKinds(request.kind()));
  const MatchingView view = slates_.view();
  MITRA_CO_ASSIGN_OR_RETURN(const Subject subject,
                            SubjectOf(view, request.profile_id()));

  // The kind in which the pair fits best.
  SlateRequest best;
  Ranked ranked;
  const MemberIndex candidate = view.FindMeant(request.candidate_id());
  if (candidate == kNoMember) co_return NotAvailable("candidate_id");
  for (const KindSpec* kind : kinds) {
    if ((view.members.at(candidate).role_bits & kind->candidate_roles) == 0) {
      continue;
    }
    RankQuery query;
    query.kind = kind;
    query.profile = find_profile_("", request.profile_id());
    MITRA_CO_ASSIGN_OR_RETURN(
        const Ranked found,
        co_await ScoreOne(call, view, subject, query, request.candidate_id()));
    if (found.role == v1::ROLE_UNSPECIFIED) continue;
    if (best.kind == nullptr || found.score.match > ranked.score.match) {
      best.kind = kind;
      best.profile = query.profile;
      ranked = found;
    }
  }
  if (best.kind == nullptr) co_return NotAvailable("candidate_id");
  // Again on the roster of now: scoring may have waited.
  const MatchingView now_view = slates_.view();
  MITRA_CO_ASSIGN_OR_RETURN(const Subject now_subject,
                            SubjectOf(now_view, request.profile_id()));
  const EligibilityCheck eligible(now_view.members, now_subject.index,
                                  NowSeconds());
  if (eligible(ranked.member, ranked.role, ranked.incarnation) !=
      Eligibility::kEligible) {
    co_return NotAvailable("candidate_id");
  }
  slates_.Describe(now_view, now_subject, best, ranked, 0, 0,
                   *response.mutable_recommendation());
  const PairFeatures features = FeaturesFor(now_view, now_subject, *best.kind);
  const JointUtility utility(*best.profile, *best.kind, .6,
                             now_subject.member->sectors);
  Explainer(now_view, now_subject, *best.kind, features, utility, language)
      .Explain(ranked, v1::EXPLANATION_LEVEL_FULL,
               *response.mutable_recommendation());
  response.set_kind(best.kind->kind);
  NameRevision(now_view, call);
  co_return absl::OkStatus();
}

rpc::Task<absl::Status> ReasonsRpc::WhyNot(rpc::CallContext& call,
                                           const v1::WhyNotRequest& request,
                                           v1::WhyNotResponse& response) {
  MITRA_CO_RETURN_IF_ERROR(CheckReady(ready_()));
  MITRA_CO_RETURN_IF_ERROR(CheckPair(call, request.profile_id(), "candidate_id",
                                     request.candidate_id()));
  MITRA_CO_ASSIGN_OR_RETURN(const Language language,
                            ReadLanguage("language", request.language()));
  MITRA_CO_ASSIGN_OR_RETURN(const KindSpec* kind,
                            ReadKind("kind", request.kind()));
  const bool full =
      !call.identity.is_member() && call.identity.HasScope(kDiagnoseAll);
  // The gateway notes who looked into the reasons of others.
  if (full) call.SetTrailer("mitra-audit", "full-reasons");
  const MatchingView view = slates_.view();
  MITRA_CO_ASSIGN_OR_RETURN(const Subject subject,
                            SubjectOf(view, request.profile_id()));

  const MemberIndex candidate = view.FindMeant(request.candidate_id());
  const Eligibility cause =
      CauseAgainst(view, subject, candidate, *kind, NowSeconds());
  if (cause != Eligibility::kEligible) {
    // With whom it works the member knows itself.
    const bool own =
        call.identity.is_member() && cause == Eligibility::kEngaged;
    response.set_cause(CauseOf(cause, full || own));
    response.set_text(WhyNotText(language, response.cause(), *kind, 0));
    co_return absl::OkStatus();
  }
  RankQuery query;
  query.kind = kind;
  query.profile = find_profile_("", request.profile_id());
  query.wanted = kWhyNotDepth;
  auto ranking = co_await recommender_.Rank(call, view, subject, query);
  if (!ranking.ok()) co_return ranking.status();
  const uint32_t rank = RankOf(candidate, *ranking);
  response.set_rank(rank);
  if (rank > 0 && rank <= kSlateSize) {
    response.set_cause(v1::WHY_NOT_CAUSE_IN_SLATE);
    response.set_text(WhyNotText(language, response.cause(), *kind, rank));
    co_return absl::OkStatus();
  }
  response.set_cause(v1::WHY_NOT_CAUSE_LOWER_RANK);
  Ranked own;
  if (rank > 0) {
    own = ranking->items[rank - 1];
  } else {
    MITRA_CO_ASSIGN_OR_RETURN(own, co_await ScoreOne(call, view, subject, query,
                                                     request.candidate_id()));
  }
  absl::string_view word;
  if (own.role != v1::ROLE_UNSPECIFIED && !ranking->items.empty()) {
    const size_t last = std::min(kSlateSize, ranking->items.size()) - 1;
    const ScoreGap gap =
        GapBehind(view, subject, query, own, ranking->items[last]);
    DescribeGap(gap, response);
    word = TermWord(language, gap.term);
  }
  response.set_text(WhyNotText(language, response.cause(), *kind, rank, word));
  co_return absl::OkStatus();
}

rpc::Task<absl::Status> ReasonsRpc::TraceRecommend(
    rpc::CallContext& call, const v1::TraceRecommendRequest& request,
    v1::TraceRecommendResponse& response) {
  MITRA_CO_RETURN_IF_ERROR(CheckReady(ready_()));
  MITRA_CO_RETURN_IF_ERROR(CheckTrace(call, request));
  MITRA_CO_ASSIGN_OR_RETURN(const KindSpec* kind,
                            ReadKind("kind", request.kind()));
  RankTrace trace;
  RankQuery query;
  query.kind = kind;
  query.trace = &trace;
  query.wanted = request.has_page_size()
                     ? static_cast<size_t>(request.page_size())
                     : kSlateSize;
  query.profile =
      find_profile_(request.ranking_profile(), request.profile_id());
  if (query.profile == nullptr) {
    co_return InvalidField("ranking_profile", "no such ranking profile");
  }
  const MatchingView view = slates_.view();
  MITRA_CO_ASSIGN_OR_RETURN(const Subject subject,
                            SubjectOf(view, request.profile_id()));
  trace.Begin("subject");
  trace.Add("facets", static_cast<double>(subject.member->facets.size()));
  trace.Add("neighbours", view.graph.of(subject.index).size);
  trace.Add("missing_signals", MissingSignals(view, subject));
  auto ranking = co_await recommender_.Rank(call, view, subject, query);
  if (!ranking.ok()) co_return ranking.status();
  DescribeTrace(trace, call.request_id, response);
  response.set_ranking_profile(query.profile->id);
  response.set_revision(ranking->revision);
  for (int reason = 1; reason <= v1::DegradedReason_MAX; ++reason) {
    if ((ranking->degraded >> reason & 1) != 0) {
      response.add_degraded(static_cast<v1::DegradedReason>(reason));
    }
  }
  NameRevision(view, call);
  co_return absl::OkStatus();
}

}  // namespace mitra::matching
