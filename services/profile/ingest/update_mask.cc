#include "services/profile/ingest/update_mask.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "common/validation/field_checks.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "mitra/v1/profile.pb.h"
#include "mitra/v1/profiles_service.pb.h"

namespace mitra::profile {
namespace {

using google::protobuf::FieldDescriptor;

constexpr int kMaxPaths = 64;

bool IsCallers(const FieldDescriptor& field) {
  switch (field.number()) {
    case v1::Profile::kProfileIdFieldNumber:
    case v1::Profile::kOwnerFieldNumber:
    case v1::Profile::kVerifiedByFieldNumber:
    case v1::Profile::kEtagFieldNumber:
    case v1::Profile::kCreateTimeFieldNumber:
    case v1::Profile::kUpdateTimeFieldNumber:
    case v1::Profile::kRevisionFieldNumber:
      return false;
    default:
      return true;
  }
}

// Replaces the fields of `to` by those of `from`.
void CopyFields(const std::vector<const FieldDescriptor*>& fields,
                const v1::Profile& from, v1::Profile& to) {
  v1::Profile copy = from;
  to.GetReflection()->SwapFields(&copy, &to, fields);
}

}  // namespace

absl::Status ApplyUpdate(const v1::UpdateProfileRequest& request,
                         v1::Profile& profile) {
  std::vector<const FieldDescriptor*> fields;
  if (!request.has_update_mask()) {
    request.profile().GetReflection()->ListFields(request.profile(), &fields);
    fields.erase(std::remove_if(fields.begin(), fields.end(),
                                [](const FieldDescriptor* field) {
                                  return !IsCallers(*field);
                                }),
                 fields.end());
    CopyFields(fields, request.profile(), profile);
    return absl::OkStatus();
  }
  FieldChecks checks;
  const FieldPath mask("update_mask");
  const int count = request.update_mask().paths_size();
  checks.Count(mask.Field("paths"), count, kMaxPaths);
  for (int i = 0; i < count && i < kMaxPaths; ++i) {
    const std::string& path = request.update_mask().paths(i);
    const FieldDescriptor* field =
        v1::Profile::descriptor()->FindFieldByName(path);
    if (field == nullptr) {
      checks.Add(mask.At("paths", i), "is not a top-level field of a profile");
    } else if (!IsCallers(*field)) {
      checks.Add(mask.At("paths", i), "cannot be changed");
    } else if (std::find(fields.begin(), fields.end(), field) == fields.end()) {
      fields.push_back(field);
    }
  }
  if (!checks.ok()) return checks.ToStatus();
  CopyFields(fields, request.profile(), profile);
  return absl::OkStatus();
}

}  // namespace mitra::profile
