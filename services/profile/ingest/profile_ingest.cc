#include "services/profile/ingest/profile_ingest.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status/status_macros.h"
#include "mitra/v1/profile.pb.h"
#include "services/profile/ingest/commit.h"
#include "services/profile/ingest/facet_vectors.h"
#include "services/profile/ingest/profile_state.h"

namespace mitra::profile {

ProfileIngest::ProfileIngest(std::unique_ptr<embedding::Embedder> embedder)
    : embedder_(std::move(embedder)) {
  rules_ = {embedder_->dimension(), false, std::string(embedder_->id())};
}

ProfileIngest::ProfileIngest(size_t dimension, absl::string_view model) {
  rules_ = {dimension, true, std::string(model)};
}

std::string ProfileIngest::space() const {
  return absl::StrCat(rules_.model, "/", rules_.dimension, "/1");
}

Put ProfileIngest::Prepare(v1::Profile profile, absl::Time now,
                           const Entity* stored) const {
  Put put;
  put.key = profile.profile_id();
  if (!embedder_) {
    put.vectors = TakeVectors(profile);
    for (v1::Facet& facet : *profile.mutable_facets()) {
      facet.clear_need_vector();
      facet.clear_offer_vector();
    }
  }
  NormaliseGiven(profile);
  put.content_hash = ContentHash(profile.SerializeAsString(), put.vectors);
  for (const v1::ExternalId& id : profile.external_ids()) {
    put.external_ids.emplace_back(id.system(), id.value());
  }
  v1::Profile shown;
  ProfileState state = DeriveState(profile, now, &shown);
  if (embedder_) {
    const bool same = stored != nullptr && !stored->damaged &&
                      stored->content_hash == put.content_hash &&
                      stored->body == state.body;
    put.vectors = same ? stored->vectors : EmbedFacets(shown, *embedder_);
  }
  put.body = std::move(state.body);
  put.secret = std::move(state.secret);
  put.next_expiry = state.next_expiry;
  return put;
}

absl::StatusOr<Put> ProfileIngest::Rederive(const Entity& stored,
                                            absl::Time now) const {
  MITRA_ASSIGN_OR_RETURN(v1::Profile given, GivenOf(stored));
  if (!embedder_) RestoreVectors(stored.vectors, rules_.model, given);
  Put put = Prepare(std::move(given), now, &stored);
  put.mode = Put::Mode::kUpdate;
  put.derived = true;
  put.expected_revision = stored.revision;
  return put;
}

}  // namespace mitra::profile
