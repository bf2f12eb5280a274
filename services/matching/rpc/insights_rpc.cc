#include "services/matching/rpc/insights_rpc.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/matching/explain/explanation.h"
#include "services/matching/explain/sentences.h"
#include "services/matching/rpc/feed_gate.h"
#include "services/matching/rpc/pair_request.h"
#include "services/matching/trust/reputation.h"
#include "services/matching/trust/tie_model.h"
#include "services/matching/trust/tie_signals.h"

namespace mitra::matching {
namespace {

constexpr int kMaxPairs = 1000;

absl::Status CheckPairs(const rpc::CallContext& call,
                        const v1::ScorePairsRequest& request) {
  FieldViolations bad;
  if (!IsValidId(request.profile_id())) {
    bad.Add("profile_id", "required; must be a member id");
  }
  if (request.candidate_ids_size() < 1 ||
      request.candidate_ids_size() > kMaxPairs) {
    bad.Add("candidate_ids", "must have 1 to 1,000 elements");
  } else {
    for (int i = 0; i < request.candidate_ids_size(); ++i) {
      if (!IsValidId(request.candidate_ids(i))) {
        bad.Add(absl::StrCat("candidate_ids[", i, "]"), "not a member id");
      }
    }
  }
  MITRA_RETURN_IF_ERROR(bad.ToStatus());
  return CheckActor(call.identity, request.profile_id());
}

// May the subject learn anything of the other member?
bool IsVisible(const MatchingView& view, MemberIndex subject,
               MemberIndex other) {
  if (other == kNoMember) return false;
  const Member& member = view.members.at(other);
  return !member.deleted && !member.hidden &&
         !view.members.Blocked(subject, other);
}

void DescribeScore(const Ranked& ranked,
                   v1::ScorePairsResponse::PairScore& out) {
  if (ranked.role == v1::ROLE_UNSPECIFIED) return;
  out.set_eligible(true);
  out.set_score(ranked.score.match);
  out.set_subject_wants(ranked.score.wants);
  out.set_candidate_accepts(ranked.score.accepts);
  out.set_trust(ranked.trust);
}

}  // namespace

InsightsRpc::InsightsRpc(std::function<MatchingView()> view,
                         Recommender& recommender, std::function<bool()> ready,
                         FindProfile find_profile, PeerCache& peers)
    : view_(std::move(view)),
      recommender_(recommender),
      ready_(std::move(ready)),
      find_profile_(std::move(find_profile)),
      peers_(peers) {}

void InsightsRpc::Register(rpc::Server::Builder& builder) {
  builder.Unary("/mitra.v1.Recommendations/ScorePairs", *this,
                &InsightsRpc::ScorePairs);
  builder.Unary("/mitra.v1.Recommendations/GetTrust", *this,
                &InsightsRpc::GetTrust);
  builder.Unary("/mitra.v1.Recommendations/DiagnoseCapital", *this,
                &InsightsRpc::DiagnoseCapital);
}

rpc::Task<absl::Status> InsightsRpc::ScorePairs(
    rpc::CallContext& call, const v1::ScorePairsRequest& request,
    v1::ScorePairsResponse& response) {
  MITRA_CO_RETURN_IF_ERROR(CheckReady(ready_()));
  MITRA_CO_RETURN_IF_ERROR(CheckPairs(call, request));
  MITRA_CO_ASSIGN_OR_RETURN(const KindSpec* kind,
                            ReadKind("kind", request.kind()));
  const MatchingView view = view_();
  MITRA_CO_ASSIGN_OR_RETURN(const Subject subject,
                            SubjectOf(view, request.profile_id()));
  RankQuery query;
  query.kind = kind;
  query.profile = find_profile_("", request.profile_id());
  std::vector<std::string> ids;
  for (const std::string& id : request.candidate_ids()) {
    ids.push_back(IdMeant(view, id));
  }
  auto scored = co_await recommender_.ScoreGiven(call, view, subject, query,
                                                 std::move(ids));
  if (!scored.ok()) co_return scored.status();
  for (int i = 0; i < request.candidate_ids_size(); ++i) {
    v1::ScorePairsResponse::PairScore& out = *response.add_scores();
    out.set_candidate_id(request.candidate_ids(i));
    DescribeScore(scored->items[static_cast<size_t>(i)], out);
  }
  NameRevision(view, call);
  co_return absl::OkStatus();
}

rpc::Task<absl::Status> InsightsRpc::GetTrust(
    rpc::CallContext& call, const v1::GetTrustRequest& request,
    v1::GetTrustResponse& response) {
  MITRA_CO_RETURN_IF_ERROR(CheckReady(ready_()));
  MITRA_CO_RETURN_IF_ERROR(
      CheckPair(call, request.profile_id(), "target_id", request.target_id()));
  MITRA_CO_ASSIGN_OR_RETURN(const Language language,
                            ReadLanguage("language", request.language()));
  const MatchingView view = view_();
  MITRA_CO_ASSIGN_OR_RETURN(const Subject subject,
                            SubjectOf(view, request.profile_id()));
  const MemberIndex target = view.FindMeant(request.target_id());
  if (!IsVisible(view, subject.index, target)) {
    co_return NotAvailable("target_id");
  }
  const auto trust = recommender_.TrustOf(view, subject);
  response.set_trust(TrustScale(trust.get()).Of(target));
  response.set_walk_mass(std::clamp(trust->MassOf(target), 0., 1.));
  response.set_residual(std::clamp(trust->residual, 0., 1.));
  const Reputation reputation = ReputationOf(view.graph, target);
  if (!reputation.is_new) response.set_reputation(reputation.value);
  response.set_evidence_count(reputation.evidence);
  response.set_goes_well(TieModels::Default().goes_well.Chance(
      TieReader(view.graph, subject.index, trust.get()).Of(target)));
  *response.mutable_path() =
      DescribePath(view, subject, target,
                   FindTrustPaths(view.graph, subject.index, target), language);
  NameRevision(view, call);
  co_return absl::OkStatus();
}

rpc::Task<absl::Status> InsightsRpc::DiagnoseCapital(
    rpc::CallContext& call, const v1::DiagnoseCapitalRequest& request,
    v1::DiagnoseCapitalResponse& response) {
  MITRA_CO_RETURN_IF_ERROR(CheckReady(ready_()));
  MITRA_CO_RETURN_IF_ERROR(CheckSubject(call, request.profile_id()));
  MITRA_CO_ASSIGN_OR_RETURN(const Language language,
                            ReadLanguage("language", request.language()));
  const MatchingView view = view_();
  MITRA_CO_ASSIGN_OR_RETURN(const Subject subject,
                            SubjectOf(view, request.profile_id()));
  const auto peers = peers_.Of(view.members);
  const CapitalDiagnosis diagnosis = mitra::matching::DiagnoseCapital(
      view.members, view.graph, *peers, subject.index,
      absl::ToUnixSeconds(recommender_.clock().Now()));
  DescribeCapital(view.members, diagnosis, language, response);
  NameRevision(view, call);
  co_return absl::OkStatus();
}

}  // namespace mitra::matching
