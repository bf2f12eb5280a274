#include "services/profile/ingest/feedback_puts.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/status/status_macros.h"
#include "services/profile/ingest/commit.h"
#include "services/profile/ingest/request_validation.h"

namespace mitra::profile {
namespace {

// The member that is meant now. One that was merged has another life.
MemberLink LinkTo(const std::string& id, uint64_t incarnation,
                  Relation relation, const Redirects& redirects,
                  const FieldPath& token) {
  MemberLink link;
  link.member = id;
  link.relation = relation;
  link.field = token.ToString();
  link.incarnation = redirects.Resolve(link.member) ? 0 : incarnation;
  return link;
}

// What makes two pieces one, see Feedback.external_ref. Not the token: another
// copy of it speaks of the same recommendation.
std::string KeyOf(const v1::Feedback& feedback, absl::string_view caller,
                  absl::string_view content) {
  const v1::Attribution& about = feedback.attribution();
  const std::string& ref = feedback.external_ref();
  return absl::BytesToHexString(ContentHash(absl::StrCat(
      caller, "\n", about.subject_id(), "\n", about.candidate_id(), "\n",
      about.slate_id(), "\n", about.position(), "\n",
      static_cast<int>(feedback.kind()), "\n",
      static_cast<int>(feedback.outcome()), "\n", ref.empty() ? "" : "ref\n",
      ref.empty() ? content : absl::string_view(ref))));
}

}  // namespace

v1::Attribution ToProto(const Attribution& attribution) {
  v1::Attribution proto;
  proto.set_subject_id(attribution.subject_id);
  proto.set_candidate_id(attribution.candidate_id);
  proto.set_kind(static_cast<v1::RecommendationKind>(attribution.kind));
  proto.set_slate_id(attribution.slate_id);
  proto.set_position(attribution.position);
  proto.set_ranking_profile(attribution.ranking_profile);
  proto.set_randomised(attribution.randomised);
  return proto;
}

absl::StatusOr<Put> PrepareFeedback(v1::Feedback feedback,
                                    const FeedbackSource& source,
                                    const FieldPath& path) {
  MITRA_RETURN_IF_ERROR(ValidateFeedback(feedback, path, source.now));
  const FieldPath field = path.Field("attribution_token");
  MITRA_ASSIGN_OR_RETURN(
      const Attribution about,
      DecodeAttribution(source.token_key, feedback.attribution_token(),
                        field.ToString(), source.now));
  const MemberLink candidate =
      LinkTo(about.candidate_id, about.candidate_incarnation,
             Relation::kCandidate, source.redirects, field);
  Put put;
  if (!about.subject_id.empty()) {
    put.links.push_back(LinkTo(about.subject_id, about.subject_incarnation,
                               Relation::kSubject, source.redirects, field));
    put.links[0].must_own = true;
  }
  put.links.push_back(candidate);
  if (!source.actor.empty()) {
    std::string actor = source.actor;
    source.redirects.Resolve(actor);
    if (about.subject_id.empty() || put.links[0].member != actor) {
      return MisplacedAttribution(field.ToString(),
                                  "was made for another member");
    }
  }
  feedback.DiscardUnknownFields();
  feedback.clear_attribution_token();
  *feedback.mutable_attribution() = ToProto(about);
  // A piece without a time is the same one when it is sent again later.
  const std::string content = feedback.SerializeAsString();
  put.type = EntityType::kFeedback;
  put.mode = Put::Mode::kCreate;
  put.key = KeyOf(feedback, source.caller, content);
  put.content_hash = ContentHash(content);
  if (!feedback.has_event_time()) {
    SetTime(source.now, *feedback.mutable_event_time());
  }
  if (!about.subject_id.empty()) {
    feedback.mutable_attribution()->set_subject_id(put.links[0].member);
  }
  feedback.mutable_attribution()->set_candidate_id(candidate.member);
  put.secret = feedback.SerializeAsString();
  return put;
}

}  // namespace mitra::profile
