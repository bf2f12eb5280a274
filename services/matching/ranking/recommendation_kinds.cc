#include "services/matching/ranking/recommendation_kinds.h"

#include <bit>
#include <iterator>
#include <map>
#include <utility>

#include "absl/base/const_init.h"
#include "absl/synchronization/mutex.h"

namespace mitra::matching {
namespace {

constexpr uint32_t kBusiness = RoleBit(v1::ROLE_BUSINESS);
constexpr uint32_t kMentor = RoleBit(v1::ROLE_MENTOR);
constexpr uint32_t kInvestor = RoleBit(v1::ROLE_INVESTOR);
constexpr uint32_t kSupplier = RoleBit(v1::ROLE_SUPPLIER);
constexpr uint32_t kEnterprise = RoleBit(v1::ROLE_ENTERPRISE);
constexpr uint32_t kGovernment = RoleBit(v1::ROLE_GOVERNMENT);
constexpr uint32_t kEducation = RoleBit(v1::ROLE_EDUCATION);
constexpr uint32_t kCommunity = RoleBit(v1::ROLE_COMMUNITY);
constexpr uint32_t kFacilitator = RoleBit(v1::ROLE_FACILITATOR);

constexpr uint32_t kPerson = KindBit(v1::MEMBER_KIND_PERSON);
constexpr uint32_t kFirm = KindBit(v1::MEMBER_KIND_BUSINESS);
constexpr uint32_t kOrganisation = KindBit(v1::MEMBER_KIND_ORGANISATION);
constexpr uint32_t kGroup = KindBit(v1::MEMBER_KIND_GROUP);
constexpr uint32_t kEvent = KindBit(v1::MEMBER_KIND_EVENT);
constexpr uint32_t kProgramme = KindBit(v1::MEMBER_KIND_PROGRAMME);
// Somebody who can be talked to, as against something that can be joined.
constexpr uint32_t kParty = kPerson | kFirm | kOrganisation | kGroup;

constexpr uint32_t kCapital = ResourceBit(v1::RESOURCE_CAPITAL);
constexpr uint32_t kRawMaterial = ResourceBit(v1::RESOURCE_RAW_MATERIAL);
constexpr uint32_t kInfrastructure = ResourceBit(v1::RESOURCE_INFRASTRUCTURE);
constexpr uint32_t kOpportunity = ResourceBit(v1::RESOURCE_OPPORTUNITY);
constexpr uint32_t kKnowledge = ResourceBit(v1::RESOURCE_KNOWLEDGE);
constexpr uint32_t kMentoring = ResourceBit(v1::RESOURCE_MENTORING);
constexpr uint32_t kTraining = ResourceBit(v1::RESOURCE_TRAINING);
constexpr uint32_t kLicenceHelp = ResourceBit(v1::RESOURCE_LICENCE_HELP);
constexpr uint32_t kCollaboration = ResourceBit(v1::RESOURCE_COLLABORATION);
constexpr uint32_t kReferral = ResourceBit(v1::RESOURCE_REFERRAL);
constexpr uint32_t kAnyResource = (1u << (v1::RESOURCE_REFERRAL + 1)) - 2;

constexpr KindSpec kKinds[] = {
    {.kind = v1::RECOMMENDATION_KIND_MENTOR,
     .name = "mentor",
     .candidate_roles = kMentor,
     .member_kinds = kParty,
     .gives = kMentoring | kKnowledge | kTraining | kReferral | kLicenceHelp,
     .takes = kAnyResource,
     .pool = CapacityPool::kFacetSeats,
     .costly_to_accept = true,
     .same_population = false,
     .subject_roles = kBusiness},
    {.kind = v1::RECOMMENDATION_KIND_PARTNER,
     .on_request = kGovernment | kEducation | kCommunity,
     .name = "partner",
     .candidate_roles = kBusiness | kEnterprise | kSupplier,
     .member_kinds = kParty,
     .gives = kCollaboration | kOpportunity | kRawMaterial | kInfrastructure |
              kKnowledge | kReferral,
     .takes = kCollaboration | kOpportunity | kRawMaterial | kInfrastructure |
              kKnowledge | kReferral,
     .pool = CapacityPool::kFacetSeats,
     .costly_to_accept = true,
     .same_population = true,
     .subject_roles = kBusiness | kEnterprise | kSupplier},
    {.kind = v1::RECOMMENDATION_KIND_PEER,
     .name = "peer",
     .candidate_roles = kBusiness,
     .member_kinds = kPerson | kFirm,
     .gives = kKnowledge | kCollaboration | kReferral,
     .takes = kKnowledge | kCollaboration | kReferral,
     .pool = CapacityPool::kFacetSeats,
     .costly_to_accept = false,
     .same_population = true,
     .subject_roles = kBusiness},
    {.kind = v1::RECOMMENDATION_KIND_SUPPLIER,
     .name = "supplier",
     .candidate_roles = kSupplier,
     .member_kinds = kParty,
     .gives = kRawMaterial | kInfrastructure,
     .takes = kOpportunity | kCollaboration,
     .pool = CapacityPool::kFacetSeats,
     .costly_to_accept = true,
     .same_population = false,
     .subject_roles = kBusiness | kEnterprise},
    {.kind = v1::RECOMMENDATION_KIND_BUYER,
     .name = "buyer",
     .candidate_roles = kEnterprise | kBusiness | kGovernment,
     .member_kinds = kParty,
     .gives = kOpportunity,
     .takes = kRawMaterial | kInfrastructure | kCollaboration | kOpportunity,
     .pool = CapacityPool::kFacetSeats,
     .costly_to_accept = true,
     .same_population = false,
     .subject_roles = kBusiness | kSupplier},
    {.kind = v1::RECOMMENDATION_KIND_INVESTOR,
     .name = "investor",
     .candidate_roles = kInvestor,
     .member_kinds = kParty,
     .gives = kCapital,
     .takes = kOpportunity | kCollaboration,
     .pool = CapacityPool::kFacetSeats,
     .costly_to_accept = true,
     .same_population = false,
     .subject_roles = kBusiness},
    {.kind = v1::RECOMMENDATION_KIND_PROGRAMME,
     .name = "programme",
     .candidate_roles = kEnterprise | kGovernment | kEducation | kCommunity |
                        kInvestor | kMentor | kBusiness,
     .member_kinds = kProgramme,
     .gives = kAnyResource,
     .takes = kAnyResource,
     .pool = CapacityPool::kFacetSeats,
     .costly_to_accept = true,
     .same_population = false,
     .subject_roles = kBusiness},
    {.kind = v1::RECOMMENDATION_KIND_COMMUNITY,
     .name = "community",
     .candidate_roles = kCommunity,
     .member_kinds = kGroup | kOrganisation,
     .gives = kAnyResource,
     .takes = kAnyResource,
     .pool = CapacityPool::kFacetSeats,
     .costly_to_accept = false,
     .same_population = false,
     .subject_roles = kBusiness},
    {.kind = v1::RECOMMENDATION_KIND_EVENT,
     .name = "event",
     .candidate_roles =
         kCommunity | kEnterprise | kGovernment | kEducation | kBusiness,
     .member_kinds = kEvent,
     .gives = kAnyResource,
     .takes = kAnyResource,
     .pool = CapacityPool::kFacetSeats,
     .costly_to_accept = false,
     .same_population = false,
     .subject_roles = kBusiness},
    {.kind = v1::RECOMMENDATION_KIND_FACILITATOR,
     .name = "facilitator",
     .candidate_roles = kFacilitator,
     .member_kinds = kPerson | kOrganisation,
     .gives = kLicenceHelp | kMentoring | kTraining | kKnowledge | kReferral,
     .takes = kAnyResource,
     .pool = CapacityPool::kFacetSeats,
     .costly_to_accept = true,
     .same_population = false,
     .subject_roles = kBusiness},
};

}  // namespace

absl::Span<const KindSpec> AllKinds() { return kKinds; }

const KindSpec* FindKind(v1::RecommendationKind kind) {
  const int row = static_cast<int>(kind) - 1;
  if (row < 0 || row >= static_cast<int>(std::size(kKinds))) return nullptr;
  return &kKinds[row];
}

int GuideOf(const KindSpec& kind) {
  const uint32_t roles = kind.candidate_roles;
  if (roles != kMentor && roles != kFacilitator) return 0;
  return std::countr_zero(roles);
}

const KindSpec* NarrowKind(const KindSpec& kind, uint32_t roles) {
  if (roles == 0) return &kind;
  const uint32_t left = roles & (kind.candidate_roles | kind.on_request);
  if (left == 0) return nullptr;
  if (left == kind.candidate_roles) return &kind;
  // A few hundred rows at most: each kind has few roles.
  static absl::Mutex mutex(absl::kConstInit);
  static auto* const kRows =
      new std::map<std::pair<v1::RecommendationKind, uint32_t>, KindSpec>();
  absl::MutexLock lock(&mutex);
  const auto [row, added] = kRows->try_emplace({kind.kind, left}, kind);
  if (added) row->second.candidate_roles = left;
  return &row->second;
}

}  // namespace mitra::matching
