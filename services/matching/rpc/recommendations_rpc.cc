#include "services/matching/rpc/recommendations_rpc.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/observability/log.h"
#include "common/rpc/raw_message.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "google/protobuf/arena.h"
#include "services/matching/explain/explanation.h"
#include "services/matching/explain/score_gap.h"
#include "services/matching/explain/sentences.h"
#include "services/matching/trust/reputation.h"
#include "services/matching/trust/tie_model.h"
#include "services/matching/trust/tie_signals.h"

namespace mitra::matching {
namespace {

constexpr int kMaxSubjects = 100;
constexpr int kMaxPairs = 1000;
// How far down WhyNot looks for a member.
constexpr size_t kWhyNotDepth = 500;
constexpr size_t kSlateSize = 10;
constexpr int kMaxTraced = 100;
constexpr char kDiagnoseAll[] = "diagnose:all";

// The same for members that are unknown, gone, hidden or blocked.
absl::Status NotAvailable(absl::string_view field) {
  return MakeError(absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND",
                   absl::StrCat(field, ": no such member"));
}

// The first two ids of a pair's request.
absl::Status CheckPair(const rpc::CallContext& call,
                       absl::string_view profile_id, absl::string_view field,
                       absl::string_view other_id) {
  FieldViolations bad;
  if (!IsValidId(profile_id)) {
    bad.Add("profile_id", "required; must be a member id");
  }
  if (!IsValidId(other_id)) {
    bad.Add(field, "required; must be a member id");
  } else if (other_id == profile_id) {
    bad.Add(field, "must be another member than profile_id");
  }
  MITRA_RETURN_IF_ERROR(bad.ToStatus());
  return CheckActor(call.identity, profile_id);
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

// The id of the member that `id` means; `id` itself if there is none.
std::string IdMeant(const MatchingView& view, const std::string& id) {
  const MemberIndex meant = view.FindMeant(id);
  return meant == kNoMember ? id
                            : std::string(view.members.at(meant).id.view());
}

// May the subject learn anything of the other member?
bool IsVisible(const MatchingView& view, MemberIndex subject,
               MemberIndex other) {
  if (other == kNoMember) return false;
  const Member& member = view.members.at(other);
  return !member.deleted && !member.hidden &&
         !view.members.Blocked(subject, other);
}

}  // namespace

RecommendationsRpc::RecommendationsRpc(SlateServer& slates,
                                       Recommender& recommender, FeedGate gate,
                                       FindProfile find_profile,
                                       PeerCache& peers, ReplyCache* replies)
    : slates_(slates),
      recommender_(recommender),
      gate_(std::move(gate)),
      find_profile_(std::move(find_profile)),
      peers_(peers),
      replies_(replies) {}

void RecommendationsRpc::Register(rpc::Server::Builder& builder) {
  const auto name = [](absl::string_view method) {
    return absl::StrCat("/mitra.v1.Recommendations/", method);
  };
  builder.RawUnary(
      name("Recommend"),
      [this](rpc::CallContext& call, const rpc::RawMessage& in,
             rpc::RawMessage& out) { return RecommendBytes(call, in, out); },
      v1::RecommendRequest::descriptor()->full_name(),
      v1::RecommendResponse::descriptor()->full_name());
  builder.Unary(name("BatchRecommend"), *this,
                &RecommendationsRpc::BatchRecommend);
  builder.Unary(name("ExplainPair"), *this, &RecommendationsRpc::ExplainPair);
  builder.Unary(name("WhyNot"), *this, &RecommendationsRpc::WhyNot);
  builder.Unary(name("TraceRecommend"), *this,
                &RecommendationsRpc::TraceRecommend);
  builder.Unary(name("ScorePairs"), *this, &RecommendationsRpc::ScorePairs);
  builder.Unary(name("GetTrust"), *this, &RecommendationsRpc::GetTrust);
  builder.Unary(name("DiagnoseCapital"), *this,
                &RecommendationsRpc::DiagnoseCapital);
}

rpc::Task<absl::Status> RecommendationsRpc::RecommendAt(
    rpc::CallContext& call, const v1::RecommendRequest& request,
    absl::string_view path, v1::RecommendResponse& response, Shown* shown) {
  MITRA_CO_ASSIGN_OR_RETURN(
      RecommendQuestion question,
      ReadRecommend(request, path, *slates_.view().space, find_profile_));
  bool stale = false;
  if (request.min_revision() > 0 && gate_.wait != nullptr) {
    const bool reached = co_await gate_.wait(call, request.min_revision());
    stale = !reached;
  }
  for (SlateRequest& slate : question.slates) {
    slate.stale = stale;
    absl::Status served =
        co_await slates_.ServeInto(call, question.subject, std::move(slate),
                                   *response.add_slates(), shown);
    if (!served.ok()) co_return served;
  }
  response.set_revision(slates_.view().revision);
  co_return absl::OkStatus();
}

rpc::Task<absl::Status> RecommendationsRpc::Recommend(
    rpc::CallContext& call, const v1::RecommendRequest& request,
    v1::RecommendResponse& response) {
  return RecommendAnew(call, request, response, nullptr);
}

rpc::Task<absl::Status> RecommendationsRpc::RecommendBytes(
    rpc::CallContext& call, const rpc::RawMessage& in, rpc::RawMessage& out) {
  // What an answer depends on: the bytes asked, and which member asks.
  std::string question =
      absl::StrCat(call.identity.member_id, " ", in.ToString());
  if (Repeat(call, question, out)) co_return absl::OkStatus();
  google::protobuf::Arena arena;
  auto& request =
      *google::protobuf::Arena::CreateMessage<v1::RecommendRequest>(&arena);
  auto& response =
      *google::protobuf::Arena::CreateMessage<v1::RecommendResponse>(&arena);
  MITRA_CO_RETURN_IF_ERROR(in.ParseTo(request));
  Shown shown;
  absl::Status status = co_await RecommendAnew(call, request, response, &shown);
  if (!status.ok()) co_return status;
  out = rpc::RawMessage::Of(response);
  Keep(std::move(question), request, shown, out);
  co_return status;
}

bool RecommendationsRpc::Repeat(rpc::CallContext& call,
                                absl::string_view question,
                                rpc::RawMessage& out) {
  if (replies_ == nullptr || !gate_.ready() || slates_.cache().degraded()) {
    return false;
  }
  const MatchingView view = slates_.view();
  const std::shared_ptr<const Reply> reply =
      replies_->Find(question, view.revision, view.record_incarnation,
                     recommender_.clock().Now());
  if (reply == nullptr) return false;
  for (const auto& [kind, epoch] : reply->epochs) {
    if (slates_.EpochOf(kind) != epoch) return false;
  }
  const RankingProfile* profile =
      find_profile_(reply->profile_name, reply->subject_id);
  if (profile == nullptr || profile->id != reply->profile_id) return false;
  out = rpc::RawMessage::Share(reply->bytes, reply);
  out.set_identity(reply->identity);
  SlateServer::CountRepeated(reply->sources);
  call.SetTrailer(rpc::kRevisionKey, absl::StrCat(reply->record_incarnation,
                                                  "-", reply->revision));
  return true;
}

void RecommendationsRpc::Keep(std::string question,
                              const v1::RecommendRequest& request,
                              const Shown& shown, const rpc::RawMessage& out) {
  const RankingProfile* profile =
      find_profile_(request.ranking_profile(), request.profile_id());
  if (replies_ == nullptr || !shown.repeatable || profile == nullptr) return;
  Reply reply;
  reply.bytes = out.ToString();
  reply.identity = rpc::RawMessage::NewIdentity();
  reply.revision = shown.revision;
  reply.record_incarnation = shown.record_incarnation;
  reply.members = shown.members;
  reply.until = shown.until;
  reply.epochs = shown.epochs;
  reply.profile_name = request.ranking_profile();
  reply.subject_id = request.profile_id();
  reply.profile_id = profile->id;
  reply.sources = shown.sources;
  replies_->Put(std::move(question), std::move(reply),
                recommender_.clock().Now());
}

rpc::Task<absl::Status> RecommendationsRpc::RecommendAnew(
    rpc::CallContext& call, const v1::RecommendRequest& request,
    v1::RecommendResponse& response, Shown* shown) {
  MITRA_CO_RETURN_IF_ERROR(CheckReady(gate_.ready()));
  // A member may not ask on behalf of a made-up profile either.
  MITRA_CO_RETURN_IF_ERROR(CheckActor(call.identity, request.profile_id()));
  const absl::string_view path;
  absl::Status status =
      co_await RecommendAt(call, request, path, response, shown);
  if (status.ok()) NameRevision(slates_.view(), call);
  co_return status;
}

rpc::Task<absl::Status> RecommendationsRpc::BatchRecommend(
    rpc::CallContext& call, const v1::BatchRecommendRequest& request,
    v1::BatchRecommendResponse& response) {
  MITRA_CO_RETURN_IF_ERROR(CheckReady(gate_.ready()));
  FieldViolations bad;
  if (request.profile_ids_size() < 1 ||
      request.profile_ids_size() > kMaxSubjects) {
    bad.Add("profile_ids", "must have 1 to 100 elements");
  }
  if (!request.options().profile_id().empty()) {
    bad.Add("options.profile_id", "must be empty");
  }
  if (request.options().has_profile()) {
    bad.Add("options.profile", "must be absent");
  }
  if (!request.options().page_token().empty()) {
    bad.Add("options.page_token", "must be empty");
  }
  MITRA_CO_RETURN_IF_ERROR(bad.ToStatus());
  if (call.identity.is_member()) {
    co_return MakeError(absl::StatusCode::kPermissionDenied,
                        "METHOD_CLOSED_TO_MEMBERS",
                        "not for member credentials");
  }
  // The options are wrong for all or for none.
  v1::RecommendRequest one = request.options();
  one.set_profile_id("x");
  const auto options =
      ReadRecommend(one, "options.", *slates_.view().space, find_profile_);
  MITRA_CO_RETURN_IF_ERROR(options.status());
  for (const std::string& id : request.profile_ids()) {
    MITRA_CO_RETURN_IF_ERROR(call.CheckAlive());
    one.set_profile_id(id);
    v1::BatchRecommendResponse::Result& result = *response.add_results();
    result.set_profile_id(id);
    const absl::string_view path;
    const absl::Status status = co_await RecommendAt(
        call, one, path, *result.mutable_response(), nullptr);
    *result.mutable_status() = ToRpcStatus(status);
    if (!status.ok()) result.clear_response();
  }
  NameRevision(slates_.view(), call);
  co_return absl::OkStatus();
}

rpc::Task<absl::Status> RecommendationsRpc::ExplainPair(
    rpc::CallContext& call, const v1::ExplainPairRequest& request,
    v1::ExplainPairResponse& response) {
  MITRA_CO_RETURN_IF_ERROR(CheckReady(gate_.ready()));
  MITRA_CO_RETURN_IF_ERROR(CheckPair(call, request.profile_id(), "candidate_id",
                                     request.candidate_id()));
  MITRA_CO_ASSIGN_OR_RETURN(const Language language,
                            ReadLanguage("language", request.language()));
  std::vector<const KindSpec*> kinds;
  if (request.kind() == v1::RECOMMENDATION_KIND_UNSPECIFIED) {
    for (const KindSpec& kind : AllKinds()) kinds.push_back(&kind);
  } else {
    MITRA_CO_ASSIGN_OR_RETURN(const KindSpec* kind,
                              ReadKind("kind", request.kind()));
    kinds.push_back(kind);
  }
  const MatchingView view = slates_.view();
  SubjectName name;
  name.id = request.profile_id();
  MITRA_CO_ASSIGN_OR_RETURN(const Subject subject, FindSubject(view, name));

  SlateRequest best;
  Ranked ranked;
  for (const KindSpec* kind : kinds) {
    const MemberIndex candidate = view.FindMeant(request.candidate_id());
    if (candidate == kNoMember ||
        (view.members.at(candidate).role_bits & kind->candidate_roles) == 0) {
      continue;
    }
    RankQuery query;
    query.kind = kind;
    query.profile = find_profile_("", request.profile_id());
    std::vector<std::string> ids = {IdMeant(view, request.candidate_id())};
    auto scored = co_await recommender_.ScoreGiven(call, view, subject, query,
                                                   std::move(ids));
    if (!scored.ok()) co_return scored.status();
    const Ranked& found = scored->items[0];
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
                            FindSubject(now_view, name));
  const EligibilityCheck eligible(
      now_view.members, now_subject.index,
      absl::ToUnixSeconds(recommender_.clock().Now()));
  if (eligible(ranked.member, ranked.role, ranked.incarnation) !=
      Eligibility::kEligible) {
    co_return NotAvailable("candidate_id");
  }
  slates_.Describe(now_view, now_subject, best, ranked, 0, 0,
                   *response.mutable_recommendation());
  const PairFeatures features(
      now_view.members, now_view.graph, now_subject, *best.kind,
      CountingRoles(*now_subject.member, *best.kind, 0), nullptr);
  const JointUtility utility(*best.profile, *best.kind, .6,
                             now_subject.member->sectors);
  Explainer(now_view, now_subject, *best.kind, features, utility, language)
      .Explain(ranked, v1::EXPLANATION_LEVEL_FULL,
               *response.mutable_recommendation());
  response.set_kind(best.kind->kind);
  NameRevision(now_view, call);
  co_return absl::OkStatus();
}

rpc::Task<absl::Status> RecommendationsRpc::WhyNot(
    rpc::CallContext& call, const v1::WhyNotRequest& request,
    v1::WhyNotResponse& response) {
  MITRA_CO_RETURN_IF_ERROR(CheckReady(gate_.ready()));
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
  SubjectName name;
  name.id = request.profile_id();
  MITRA_CO_ASSIGN_OR_RETURN(const Subject subject, FindSubject(view, name));

  const MemberIndex candidate = view.FindMeant(request.candidate_id());
  const Member& member = view.members.at(candidate);
  const EligibilityCheck eligible(
      view.members, subject.index,
      absl::ToUnixSeconds(recommender_.clock().Now()));
  // What hides the member altogether comes before anything about its roles.
  Eligibility cause = Eligibility::kGone;
  if (!member.deleted && !member.facets.empty()) {
    cause = eligible(candidate, static_cast<v1::Role>(member.facets[0].role));
    if (cause != Eligibility::kSelf && cause != Eligibility::kBlocked &&
        cause != Eligibility::kHidden) {
      const v1::Role role =
          RecommendableRole(eligible, nullptr, *kind, candidate, member,
                            v1::ROLE_UNSPECIFIED, cause);
      if (role != v1::ROLE_UNSPECIFIED) cause = Eligibility::kEligible;
    }
  }
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
  uint32_t rank = 0;
  for (size_t i = 0; i < ranking->items.size(); ++i) {
    if (ranking->items[i].member == candidate) {
      rank = static_cast<uint32_t>(i + 1);
      break;
    }
  }
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
    std::vector<std::string> ids = {IdMeant(view, request.candidate_id())};
    auto scored = co_await recommender_.ScoreGiven(call, view, subject, query,
                                                   std::move(ids));
    if (!scored.ok()) co_return scored.status();
    own = scored->items[0];
  }
  absl::string_view word;
  if (own.role != v1::ROLE_UNSPECIFIED && !ranking->items.empty()) {
    const size_t last = std::min(kSlateSize, ranking->items.size()) - 1;
    const PairFeatures features(view.members, view.graph, subject, *kind,
                                CountingRoles(*subject.member, *kind, 0),
                                nullptr);
    const ScoreGap gap = CompareScores(
        view.members, features,
        JointUtility(*query.profile, *kind, .6, subject.member->sectors), own,
        ranking->items[last]);
    response.set_term(std::string(gap.term));
    response.set_term_gap(gap.term_gap);
    response.set_gap(gap.gap);
    for (const absl::string_view term : gap.missing) {
      response.add_missing_terms(std::string(term));
    }
    word = TermWord(language, gap.term);
  }
  response.set_text(WhyNotText(language, response.cause(), *kind, rank, word));
  co_return absl::OkStatus();
}

rpc::Task<absl::Status> RecommendationsRpc::TraceRecommend(
    rpc::CallContext& call, const v1::TraceRecommendRequest& request,
    v1::TraceRecommendResponse& response) {
  MITRA_CO_RETURN_IF_ERROR(CheckReady(gate_.ready()));
  FieldViolations bad;
  if (!IsValidId(request.profile_id())) {
    bad.Add("profile_id", "required; must be a member id");
  }
  if (request.has_page_size() &&
      (request.page_size() < 1 || request.page_size() > kMaxTraced)) {
    bad.Add("page_size", "must be in [1, 100]");
  }
  MITRA_CO_RETURN_IF_ERROR(bad.ToStatus());
  MITRA_CO_RETURN_IF_ERROR(CheckActor(call.identity, request.profile_id()));
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
  SubjectName name;
  name.id = request.profile_id();
  MITRA_CO_ASSIGN_OR_RETURN(const Subject subject, FindSubject(view, name));
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

rpc::Task<absl::Status> RecommendationsRpc::ScorePairs(
    rpc::CallContext& call, const v1::ScorePairsRequest& request,
    v1::ScorePairsResponse& response) {
  MITRA_CO_RETURN_IF_ERROR(CheckReady(gate_.ready()));
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
  MITRA_CO_RETURN_IF_ERROR(bad.ToStatus());
  MITRA_CO_RETURN_IF_ERROR(CheckActor(call.identity, request.profile_id()));
  MITRA_CO_ASSIGN_OR_RETURN(const KindSpec* kind,
                            ReadKind("kind", request.kind()));
  const MatchingView view = slates_.view();
  SubjectName name;
  name.id = request.profile_id();
  MITRA_CO_ASSIGN_OR_RETURN(const Subject subject, FindSubject(view, name));
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
    const Ranked& ranked = scored->items[static_cast<size_t>(i)];
    v1::ScorePairsResponse::PairScore& out = *response.add_scores();
    out.set_candidate_id(request.candidate_ids(i));
    if (ranked.role == v1::ROLE_UNSPECIFIED) continue;
    out.set_eligible(true);
    out.set_score(ranked.score.match);
    out.set_subject_wants(ranked.score.wants);
    out.set_candidate_accepts(ranked.score.accepts);
    out.set_trust(ranked.trust);
  }
  NameRevision(view, call);
  co_return absl::OkStatus();
}

rpc::Task<absl::Status> RecommendationsRpc::GetTrust(
    rpc::CallContext& call, const v1::GetTrustRequest& request,
    v1::GetTrustResponse& response) {
  MITRA_CO_RETURN_IF_ERROR(CheckReady(gate_.ready()));
  MITRA_CO_RETURN_IF_ERROR(
      CheckPair(call, request.profile_id(), "target_id", request.target_id()));
  MITRA_CO_ASSIGN_OR_RETURN(const Language language,
                            ReadLanguage("language", request.language()));
  const MatchingView view = slates_.view();
  SubjectName name;
  name.id = request.profile_id();
  MITRA_CO_ASSIGN_OR_RETURN(const Subject subject, FindSubject(view, name));
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

rpc::Task<absl::Status> RecommendationsRpc::DiagnoseCapital(
    rpc::CallContext& call, const v1::DiagnoseCapitalRequest& request,
    v1::DiagnoseCapitalResponse& response) {
  MITRA_CO_RETURN_IF_ERROR(CheckReady(gate_.ready()));
  if (!IsValidId(request.profile_id())) {
    co_return InvalidField("profile_id", "required; must be a member id");
  }
  MITRA_CO_RETURN_IF_ERROR(CheckActor(call.identity, request.profile_id()));
  MITRA_CO_ASSIGN_OR_RETURN(const Language language,
                            ReadLanguage("language", request.language()));
  const MatchingView view = slates_.view();
  SubjectName name;
  name.id = request.profile_id();
  MITRA_CO_ASSIGN_OR_RETURN(const Subject subject, FindSubject(view, name));
  const auto peers = peers_.Of(view.members);
  const CapitalDiagnosis diagnosis = mitra::matching::DiagnoseCapital(
      view.members, view.graph, *peers, subject.index,
      absl::ToUnixSeconds(recommender_.clock().Now()));
  DescribeCapital(view.members, diagnosis, language, response);
  NameRevision(view, call);
  co_return absl::OkStatus();
}

}  // namespace mitra::matching
