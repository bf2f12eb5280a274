// From recommended to done: counts of one refresh by kind, province and sector
// of the seeker.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_FUNNEL_H_
#define MITRA_SERVICES_MATCHING_REFRESH_FUNNEL_H_

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/repeated_field.h"
#include "mitra/v1/engagement.pb.h"
#include "mitra/v1/feedback_service.pb.h"
#include "mitra/v1/refreshes_service.pb.h"
#include "services/matching/members/member_table.h"

namespace mitra::matching {

// Not thread-safe. `members` must outlive it.
class Funnel {
 public:
  explicit Funnel(const MemberView& members) : members_(members) {}

  // Goes on with counts made before.
  void Load(const google::protobuf::RepeatedPtrField<v1::FunnelRow>& rows);
  void AddPlaces(v1::RecommendationKind kind, MemberIndex subject,
                 uint64_t places);
  // The kind is that of its attribution; without one, the first whose
  // candidates have the role that was asked.
  void Add(const v1::Engagement& engagement);
  // A meeting or outcome counts once for each pair, however often and on
  // whichever way it was told.
  void Add(const v1::Feedback& feedback);
  // By kind, then places, most first, then codes.
  std::vector<v1::FunnelRow> Rows() const;

 private:
  v1::FunnelRow& RowOf(v1::RecommendationKind kind, const Member* subject);
  const Member* Find(absl::string_view id) const;
  // True for the first time.
  bool Once(const char* what, const v1::Attribution& pair);

  const MemberView& members_;
  std::map<std::tuple<int, std::string, std::string>, v1::FunnelRow> rows_;
  absl::flat_hash_set<std::string> told_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_FUNNEL_H_
