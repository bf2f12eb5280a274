// Reads the features of pairs from the member table and the tie graph.

#ifndef MITRA_SERVICES_MATCHING_RANKING_PAIR_FEATURES_H_
#define MITRA_SERVICES_MATCHING_RANKING_PAIR_FEATURES_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"
#include "services/matching/graph/graph_view.h"
#include "services/matching/members/member_table.h"
#include "services/matching/ranking/features.h"
#include "services/matching/ranking/recommendation_kinds.h"
#include "services/matching/ranking/subject.h"
#include "services/matching/trust/forward_push.h"

namespace mitra::matching {

// Where the two similarities of a pair come from; NaN: not known.
struct Similarity {
  float give;
  float take;
};

// A need met by an offer.
struct Cover {
  const Item* need = nullptr;
  const Item* offer = nullptr;
  float fit = 0;  // 0 to 1
  // Both sides state an amount and the offer is enough.
  bool amount_fits = false;
};

// What reasons say beyond the numbers of a FeatureVector.
struct PairDetail {
  absl::InlinedVector<Cover, 4> covered;  // needs of the subject, best first
  absl::InlinedVector<Cover, 4> wanted;   // needs of the candidate, best first
  taxonomy::RegionNearness nearness = taxonomy::RegionNearness::kElsewhere;
  // The candidate's sector that is nearest to one of the subject's.
  taxonomy::SectorNumber shared_sector = taxonomy::kNoSector;
  taxonomy::SectorNearness sector_nearness =
      taxonomy::SectorNearness::kUnrelated;
  bool supply_related = false;
  uint32_t shared_norms = 0;      // BitOf(v1::NormKind)
  uint64_t shared_languages = 0;  // LanguageBit
  uint32_t common_ties = 0;
  MemberIndex common_group = kNoMember;
  uint32_t common_group_size = 0;
  bool direct_tie = false;
};

// Personal trust on the scale that people see: 1 for the subject's most
// trusted, .1 for the least that the walk reached, 0 for those it did not
// reach; logarithmic between, .775 for a tenth of the strongest.
class TrustScale {
 public:
  explicit TrustScale(const TrustVector* trust);
  float Of(MemberIndex member) const;
  void Prefetch(MemberIndex member) const {
    if (trust_ != nullptr) trust_->Prefetch(member);
  }
  float OfMass(double mass) const;

 private:
  const TrustVector* trust_;
  double strongest_ = 0;
};

// One subject against many candidates. Keeps references to all that it is made
// from. Thread-compatible. About .2 us per candidate.
class PairFeatures {
 public:
  // `trust` may be null (none known). `roles`: CountingRoles of the subject.
  PairFeatures(const MemberView& members, const GraphView& graph,
               const Subject& subject, const KindSpec& kind, uint32_t roles,
               const TrustVector* trust);

  // The features of the candidate in the role of `facet`; `trust` as of
  // TrustScale. Fills `detail` if it is not null.
  FeatureVector Of(MemberIndex candidate, const Member& member,
                   const Facet& facet, const Similarity& similarity,
                   float trust, PairDetail* detail = nullptr) const;

  // Begin to load what Of will read of the candidate: first where that lies,
  // some candidates later itself. Scoring is bound by memory, not by
  // arithmetic: called ahead it is 3 times faster.
  void PrefetchPlace(MemberIndex candidate) const;
  void Prefetch(MemberIndex candidate) const;

  float TrustIn(MemberIndex candidate) const { return scale_.Of(candidate); }

  // Signals that the subject lacks: "vectors" is added by who knows.
  bool subject_has_ties() const { return has_ties_; }

 private:
  struct SectorFit {
    float proximity = 0;
    float supply = 0;
    taxonomy::SectorNearness nearness = taxonomy::SectorNearness::kUnrelated;
  };
  void ReadTies(MemberIndex candidate, FeatureVector& features,
                PairDetail* detail) const;
  void ReadCoverage(const Member& member, const Facet& facet,
                    FeatureVector& features, PairDetail* detail) const;
  void ReadPlace(const Member& member, FeatureVector& features,
                 PairDetail* detail) const;
  const SectorFit& FitOf(taxonomy::SectorNumber sector) const;

  const MemberView& members_;
  const GraphView& graph_;
  const Subject& subject_;
  const Member& member_;
  const KindSpec& kind_;
  const TrustScale scale_;
  bool has_ties_ = false;
  float subject_reputation_ = 0;
  bool subject_has_reputation_ = false;
  uint32_t need_bits_ = 0;
  uint32_t offer_bits_ = 0;
  std::vector<const Item*> needs_;
  std::vector<const Item*> offers_;
  Neighbours neighbours_;
  // Bloom filter of the subject's neighbours: most candidates' neighbours are
  // not among them, and are passed over without a search.
  std::vector<uint64_t> neighbour_bits_;
  // Fits of the sectors met so far; there are few distinct ones.
  mutable absl::flat_hash_map<taxonomy::SectorNumber, SectorFit> sector_fits_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RANKING_PAIR_FEATURES_H_
