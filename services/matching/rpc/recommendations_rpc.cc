#include "services/matching/rpc/recommendations_rpc.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/raw_message.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "google/protobuf/arena.h"

namespace mitra::matching {
namespace {

constexpr int kMaxSubjects = 100;

}  // namespace

RecommendationsRpc::RecommendationsRpc(SlateServer& slates,
                                       Recommender& recommender, FeedGate gate,
                                       FindProfile find_profile,
                                       ReplyCache* replies)
    : slates_(slates),
      recommender_(recommender),
      gate_(std::move(gate)),
      find_profile_(std::move(find_profile)),
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

}  // namespace mitra::matching
