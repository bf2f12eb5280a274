#include "services/matching/rpc/search_candidate_source.h"

#include <utility>

#include "absl/base/attributes.h"
#include "common/status/errors.h"
#include "mitra/v1/retrieval_service.pb.h"

namespace mitra::matching {
namespace {

// Not inlined: g++ 12 warns of the constructor inside a coroutine.
ABSL_ATTRIBUTE_NOINLINE std::string BatchMethod() {
  return "/mitra.v1.Retrieval/RetrieveBatch";
}

absl::StatusOr<Retrieved> FromColumns(
    const v1::RetrieveBatchResponse::Answer& answer, uint64_t revision) {
  if (answer.has_status() && answer.status().code() != 0) {
    return FromRpcStatus(answer.status());
  }
  const auto count = static_cast<size_t>(answer.give_size());
  Retrieved retrieved;
  retrieved.revision = revision;
  retrieved.eligible = answer.eligible();
  retrieved.need_missing = answer.subject_need_missing();
  retrieved.offer_missing = answer.subject_offer_missing();
  retrieved.candidates.reserve(count);
  absl::string_view ids = answer.profile_ids();
  const auto damaged = [] {
    return absl::InternalError("search: columns of different lengths");
  };
  if (answer.roles().size() != count ||
      static_cast<size_t>(answer.take_size()) != count) {
    return damaged();
  }
  for (size_t i = 0; i < count; ++i) {
    if (ids.empty()) return damaged();
    const size_t size = static_cast<unsigned char>(ids[0]);
    if (ids.size() < 1 + size) return damaged();
    const int at = static_cast<int>(i);
    retrieved.candidates.push_back({std::string(ids.substr(1, size)),
                                    static_cast<v1::Role>(answer.roles()[i]),
                                    answer.give(at), answer.take(at),
                                    i >= answer.retrieved()});
    ids.remove_prefix(1 + size);
  }
  return retrieved;
}

v1::RetrieveRequest ToProto(RetrieveQuery query) {
  v1::RetrieveRequest request;
  if (query.voice == nullptr) {
    request.set_profile_id(std::move(query.subject_id));
    request.set_subject_role(query.subject_role);
  } else if (!query.voice->need_vector.empty() ||
             !query.voice->offer_vector.empty()) {
    v1::SubjectVectors& vectors = *request.mutable_vectors();
    for (const float value : query.voice->need_vector) {
      vectors.mutable_need()->add_values(value);
    }
    for (const float value : query.voice->offer_vector) {
      vectors.mutable_offer()->add_values(value);
    }
  } else {
    request.mutable_text()->set_need(query.voice->need_text);
    request.mutable_text()->set_offer(query.voice->offer_text);
  }
  if (query.voice != nullptr && query.voice->facts != nullptr) {
    *request.mutable_subject_facts() = *query.voice->facts;
  }
  if (query.filter != nullptr) *request.mutable_filter() = *query.filter;
  for (int role = 1; role <= v1::Role_MAX; ++role) {
    if ((query.roles >> role & 1) != 0) {
      request.add_roles(static_cast<v1::Role>(role));
    }
  }
  // Kinds of the caller and of the table must both hold.
  if (query.kinds != 0) {
    uint32_t asked = 0;
    for (const int kind : request.filter().kinds()) asked |= 1u << kind;
    const uint32_t kinds = asked != 0 ? (asked & query.kinds) : query.kinds;
    request.mutable_filter()->clear_kinds();
    for (int kind = 1; kind <= v1::MemberKind_MAX; ++kind) {
      if (((kinds != 0 ? kinds : query.kinds) >> kind & 1) != 0) {
        request.mutable_filter()->add_kinds(static_cast<v1::MemberKind>(kind));
      }
    }
  }
  if (query.seats_free) request.mutable_filter()->set_seats_free(true);
  request.set_weight(query.weight);
  request.set_k(query.k);
  request.set_min_revision(query.min_revision);
  // In one piece: a message field for each would cost more than its score.
  std::string& packed = *request.mutable_packed_score_ids();
  packed.reserve(query.also_score_ids.size() * 16);
  for (const std::string& id : query.also_score_ids) {
    packed.push_back(static_cast<char>(id.size()));
    packed.append(id);
  }
  return request;
}

}  // namespace

rpc::Task<absl::StatusOr<Retrieved>> SearchCandidateSource::Retrieve(
    rpc::CallContext& call, RetrieveQuery query) {
  // An answer by columns costs a fraction of one by messages.
  std::vector<RetrieveQuery> one;
  one.push_back(std::move(query));
  auto pending = RetrieveMany(call, std::move(one));
  std::vector<absl::StatusOr<Retrieved>> answers = co_await std::move(pending);
  co_return std::move(answers[0]);
}

rpc::Task<absl::StatusOr<uint64_t>> SearchCandidateSource::Reach(
    rpc::CallContext& call, uint64_t wanted) {
  v1::RetrieveBatchRequest request;
  request.set_min_revision(wanted);
  std::string method = BatchMethod();
  auto pending = channel_->Call<v1::RetrieveBatchResponse>(
      call, std::move(method), request);
  const absl::StatusOr<v1::RetrieveBatchResponse> response =
      co_await std::move(pending);
  if (!response.ok()) co_return response.status();
  co_return response->revision();
}

rpc::Task<std::vector<absl::StatusOr<Retrieved>>>
SearchCandidateSource::RetrieveMany(rpc::CallContext& call,
                                    std::vector<RetrieveQuery> queries) {
  v1::RetrieveBatchRequest request;
  const size_t count = queries.size();
  for (RetrieveQuery& query : queries) {
    *request.add_requests() = ToProto(std::move(query));
  }
  std::string method = BatchMethod();
  auto pending = channel_->Call<v1::RetrieveBatchResponse>(
      call, std::move(method), request);
  absl::StatusOr<v1::RetrieveBatchResponse> response =
      co_await std::move(pending);
  absl::Status failure = response.status();
  if (response.ok() && static_cast<size_t>(response->answers_size()) != count) {
    failure = absl::InternalError("search: answers are missing");
  }
  std::vector<absl::StatusOr<Retrieved>> answers;
  answers.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    if (failure.ok()) {
      answers.push_back(FromColumns(response->answers(static_cast<int>(i)),
                                    response->revision()));
    } else {
      answers.push_back(failure);
    }
  }
  co_return answers;
}

}  // namespace mitra::matching
