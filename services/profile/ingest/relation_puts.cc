#include "services/profile/ingest/relation_puts.h"

#include "absl/strings/str_cat.h"
#include "common/status/status_macros.h"
#include "services/profile/ingest/commit.h"
#include "services/profile/ingest/request_validation.h"

namespace mitra::profile {

std::string BlockKey(absl::string_view blocker, absl::string_view blocked) {
  return absl::StrCat(blocker, "/", blocked);
}

std::string ConsentKey(absl::string_view member, v1::ConsentPurpose purpose) {
  return absl::StrCat(member, "/", static_cast<int>(purpose));
}

absl::StatusOr<Put> PrepareConsent(v1::Consent consent, const FieldPath& path) {
  MITRA_RETURN_IF_ERROR(ValidateConsent(consent, path));
  consent.DiscardUnknownFields();
  consent.clear_record_time();
  consent.clear_revision();
  Put put;
  put.type = EntityType::kConsent;
  put.key = ConsentKey(consent.profile_id(), consent.purpose());
  put.body = consent.SerializeAsString();
  put.content_hash = ContentHash(put.body);
  put.by_member = true;
  put.links = {{consent.profile_id(), Relation::kConsenting,
                path.Field("profile_id").ToString(), /*must_own=*/true}};
  return put;
}

absl::StatusOr<Put> PrepareBlock(v1::Block block, const FieldPath& path) {
  MITRA_RETURN_IF_ERROR(ValidateBlock(block, path));
  block.DiscardUnknownFields();
  block.clear_create_time();
  block.clear_revision();
  Put put;
  put.type = EntityType::kBlock;
  put.key = BlockKey(block.blocker_id(), block.blocked_id());
  put.body = block.SerializeAsString();
  put.content_hash = ContentHash(put.body);
  put.by_member = true;
  put.links = {{block.blocker_id(), Relation::kBlocker,
                path.Field("blocker_id").ToString(), /*must_own=*/true},
               {block.blocked_id(), Relation::kBlocked,
                path.Field("blocked_id").ToString(), /*must_own=*/false}};
  return put;
}

}  // namespace mitra::profile
