// Social capital of a member, against its peers, and what would raise it.
//
// Six dimensions (DESIGN 2a): ties inside the own group (bonding), across
// groups (bridging), to those with power and resources (linking), trust, norms
// and cohesion. Each is a number with a meaning of its own; what a member is
// told is the percentile among peers: same sector division and region, widened
// until there are enough. Texts are made by explain/.

#ifndef MITRA_SERVICES_MATCHING_CAPITAL_SOCIAL_CAPITAL_H_
#define MITRA_SERVICES_MATCHING_CAPITAL_SOCIAL_CAPITAL_H_

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"
#include "services/matching/graph/graph_view.h"
#include "services/matching/members/codes.h"
#include "services/matching/members/member_table.h"

namespace mitra::matching {

enum class CapitalDimension : uint8_t {
  kBonding,   // saturating sum of ties to members of a common group, 0 to 1
  kBridging,  // the same over ties to members of no common group, 0 to 1
  kLinking,   // the same over ties to investors, enterprises, government,
              // education and mentors, 0 to 1
  kTrust,     // effective reputation, 0 to 1
  kNorms,     // share of the norms that peers keep which the member keeps
  kCohesion,  // share of pairs of its neighbours that know each other, 0 to 1
};
inline constexpr int kCapitalDimensions = 6;

struct CapitalScore {
  double value = 0;       // 0 to 1
  double percentile = 0;  // share of peers with less, ties half, 0 to 1
  double peer_median = 0;
};

// Who the peers are.
struct PeerGroup {
  // Division of KBLI 2020 (2 digits); kNoSector: all sectors.
  taxonomy::SectorNumber sector = taxonomy::kNoSector;
  // Regency or province; kNoRegion: everywhere.
  taxonomy::RegionNumber region = taxonomy::kNoRegion;
  uint32_t size = 0;  // peers found, the member left out
};

enum class CapitalAction : uint8_t {
  kJoinCommunity,        // `target`: the group or event
  kReachNorm,            // `norm`
  kAskIntroduction,      // `target`: whom to meet; `introducer`: through whom
  kTieAcrossGroups,      // `target`: a member of another group
  kAskForReference,      // `target`: a partner who has not said so yet
  kIntroduceNeighbours,  // `target`, `introducer`: two who should meet
};

// One thing to do and what it is worth.
struct CapitalStep {
  CapitalAction action = CapitalAction::kJoinCommunity;
  CapitalDimension dimension = CapitalDimension::kBonding;
  MemberIndex target = kNoMember;
  MemberIndex introducer = kNoMember;
  int norm = 0;  // v1::NormKind
  // Of the dimension, re-evaluated with the step taken.
  double value_before = 0;
  double value_after = 0;
  double percentile_before = 0;
  double percentile_after = 0;
  // That the member comes to trust the target (TieModels::forms), where the
  // step is to get to know somebody; else 1.
  double chance = 1;
};

struct CapitalDiagnosis {
  std::array<CapitalScore, kCapitalDimensions> scores;
  PeerGroup peers;
  std::vector<CapitalStep> steps;  // at most 3, largest gain first

  const CapitalScore& of(CapitalDimension dimension) const {
    return scores[static_cast<int>(dimension)];
  }
};

struct CapitalOptions {
  uint32_t min_peers = 30;
  // Peers are sampled above this, by a fixed rule.
  uint32_t max_peers = 400;
  uint32_t max_steps = 3;
  // Neighbours of one member that are looked at.
  uint32_t max_neighbours = 256;
};

// Which members are peers of which: built from a view in one pass, kept until
// it is too old. Immutable; thread-safe.
class PeerIndex {
 public:
  explicit PeerIndex(const MemberView& members);
  // Up to `max` peers of `member` in the narrowest circle that has at least
  // `min`; the widest one otherwise.
  PeerGroup Find(const MemberView& members, MemberIndex member, uint32_t min,
                 uint32_t max, std::vector<MemberIndex>& peers) const;
  // Up to `max` members, evenly sampled, of a division (kNoSector: all) inside
  // a region (kNoRegion: everywhere), into `out`. Returns how many there are.
  uint32_t InCircle(taxonomy::SectorNumber division,
                    taxonomy::RegionNumber region, uint32_t max,
                    std::vector<MemberIndex>& out) const;
  MemberIndex size() const { return size_; }

 private:
  // Members by (sector division, region); a circle is a range.
  std::vector<std::pair<uint64_t, MemberIndex>> by_sector_;
  std::vector<std::pair<uint64_t, MemberIndex>> by_region_;
  MemberIndex size_ = 0;
};

// Norms that at least a tenth of the members keep, as BitOf(v1::NormKind).
uint32_t CommonNorms(const MemberView& members,
                     const std::vector<MemberIndex>& of);

// The raw measures, by CapitalDimension, each 0 to 1. `common_norms` are those
// that kNorms is measured by.
std::array<double, kCapitalDimensions> MeasureCapital(
    const MemberView& members, const GraphView& graph, MemberIndex member,
    uint32_t common_norms, const CapitalOptions& options = {});

// Diagnoses a living member. `now`: Unix seconds, for eligibility of targets.
CapitalDiagnosis DiagnoseCapital(const MemberView& members,
                                 const GraphView& graph, const PeerIndex& peers,
                                 MemberIndex member, int64_t now,
                                 const CapitalOptions& options = {});

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_CAPITAL_SOCIAL_CAPITAL_H_
