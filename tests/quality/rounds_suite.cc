// Fifty rounds of recommend, ask, work together and say how it went, a month
// each, with the product's ties, walk, vouching, reputation, features of a
// pair, utility and reranking. Among the mentors some claim more seats than
// they can serve, and a ring of fakes praises itself; in the middle a brigade
// reports the best mentor.

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/random.h"
#include "mitra/v1/evidence.pb.h"
#include "services/matching/allocation/market_measures.h"
#include "services/matching/graph/tie_graph.h"
#include "services/matching/learning/calibration.h"
#include "services/matching/members/testing.h"
#include "services/matching/ranking/joint_utility.h"
#include "services/matching/ranking/pair_features.h"
#include "services/matching/ranking/rerank.h"
#include "services/matching/trust/forward_push.h"
#include "services/matching/trust/reputation.h"
#include "services/matching/trust/vouching.h"
#include "tests/quality/suites.h"

namespace mitra::quality {
namespace {

using matching::Feature;
using matching::FeatureVector;
using matching::MemberIndex;

constexpr uint32_t kSeekers = 300, kMentors = 60, kFakes = 60;
constexpr uint32_t kAll = kSeekers + kMentors + kFakes;
constexpr uint32_t kGreedy = 6;  // the first mentors claim too many seats
constexpr uint32_t kAttackEdges = 10;
constexpr int kRounds = 50, kBrigadeRound = 25, kLast = 10;
constexpr int64_t kMonth = 30 * 86'400;
constexpr int64_t kStart = 1'700'000'000;
constexpr int kRealSeats = 6, kClaimedSeats = 60;
constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();

struct RoundsResult {
  std::vector<double> served;   // by mentor, in the last rounds
  std::vector<double> quality;  // by mentor
  double fakes = 0;             // share of the last rounds' engagements
  double satisfaction = 0;      // mean outcome of the last rounds
  double best_before = 0, best_after = 0;  // engagements of the reported mentor
};

class Rounds {
 public:
  Rounds(bool newcomers, bool weighed, uint32_t seed)
      : newcomers_(newcomers), weighed_(weighed), random_(seed) {
    for (uint32_t m = 0; m < kMentors; ++m) {
      result_.quality.push_back(.3 + .65 * random_.Double());
    }
    result_.served.assign(kMentors, 0);
    best_ = kGreedy;
    for (uint32_t m = kGreedy; m < kMentors; ++m) {
      if (result_.quality[m] > result_.quality[best_]) best_ = m;
    }
  }

  RoundsResult Run() {
    Begin();
    for (round_ = 0; round_ < kRounds; ++round_) {
      if (round_ == kBrigadeRound) Brigade();
      graph_.Publish(Now(), kAll);
      if (weighed_ && round_ % 5 == 0) Weigh();
      PlayRound();
    }
    result_.satisfaction /= std::max(1., engagements_);
    result_.fakes /= std::max(1., engagements_);
    return std::move(result_);
  }

 private:
  int64_t Now() const { return kStart + round_ * kMonth; }

  void Say(MemberIndex author, MemberIndex about, int kind, double quality) {
    ++key_;
    graph_.Fold({.key = key_,
                 .author = author,
                 .about = about,
                 .kind = kind,
                 .event_time = Now(),
                 .quality = std::clamp(quality, 0., 1.),
                 .counts = true,
                 .revision = key_});
  }

  // Everybody is of one of five trades, and all live in one town.
  void AddMembers() {
    for (MemberIndex m = 0; m < kAll; ++m) {
      const bool seeks = m < kSeekers;
      v1::Profile profile = matching::AProfile(
          absl::StrCat("m", m), seeks ? v1::ROLE_BUSINESS : v1::ROLE_MENTOR);
      static constexpr const char* kTrades[] = {"10710", "14111", "56101",
                                                "47711", "01111"};
      profile.mutable_sectors(0)->set_code(kTrades[m * 17 % 5]);
      if (!seeks) {
        profile.mutable_facets(0)->mutable_seats()->set_total(
            static_cast<uint32_t>(ClaimedSeats(m - kSeekers)));
      }
      (void)matching::Put(members_, profile, m + 1);
    }
    members_.Publish();
  }

  void Begin() {
    AddMembers();
    for (MemberIndex s = 0; s < kSeekers; ++s) {
      // Neighbours in groups of 15, and one tie anywhere.
      for (MemberIndex step = 1; step <= 3; ++step) {
        const MemberIndex other = s / 15 * 15 + (s + step) % 15;
        if (other != s) Say(s, other, v1::EVIDENCE_KIND_COLLABORATION, .8);
      }
      const auto far = static_cast<MemberIndex>(random_.Below(kSeekers));
      if (far != s) Say(s, far, v1::EVIDENCE_KIND_COLLABORATION, .8);
    }
    for (MemberIndex f = 0; f < kFakes; ++f) {
      for (MemberIndex step = 1; step <= 6; ++step) {
        Say(FirstFake() + f, FirstFake() + (f + step) % kFakes,
            v1::EVIDENCE_KIND_MENTORING, 1);
      }
    }
    for (uint32_t e = 0; e < kAttackEdges; ++e) {
      Say(static_cast<MemberIndex>(random_.Below(kSeekers)),
          FirstFake() + static_cast<MemberIndex>(random_.Below(kFakes)),
          v1::EVIDENCE_KIND_ENDORSEMENT, 1);
    }
  }

  void Weigh() {
    std::vector<MemberIndex> seeds;
    for (MemberIndex s = 0; s < kSeekers; s += 10) seeds.push_back(s);
    const auto vouching = ComputeVouching(graph_.view(), seeds);
    graph_.SetRaterWeights(
        std::make_shared<const std::vector<float>>(vouching.weight));
    graph_.Publish(Now(), kAll);
  }

  void Brigade() {
    for (MemberIndex f = 0; f < kFakes; ++f) {
      for (int i = 0; i < 10; ++i) {
        Say(FirstFake() + f, kSeekers + best_, v1::EVIDENCE_KIND_REPORT, 0);
      }
    }
  }

  void PlayRound() {
    const matching::GraphView view = graph_.view();
    std::vector<int> load(kMentors + kFakes, 0);
    std::vector<MemberIndex> order(kSeekers);
    for (MemberIndex s = 0; s < kSeekers; ++s) order[s] = s;
    std::shuffle(order.begin(), order.end(), random_);
    for (const MemberIndex seeker : order) {
      for (const uint32_t m : Slate(view, seeker, load)) {
        if (load[m] >= ClaimedSeats(m) || !random_.Chance(.7)) continue;
        ++load[m];
        Engage(seeker, m, load[m]);
        break;
      }
    }
  }

  // The first ten of those whom a seeker is shown, by the product's features
  // of the pair; only the load of this month is put in.
  std::vector<uint32_t> Slate(const matching::GraphView& view,
                              MemberIndex seeker,
                              const std::vector<int>& load) {
    const auto trust = matching::ForwardPush(view, seeker, {}, workspace_);
    const matching::MemberView members = members_.view();
    matching::Subject subject;
    subject.index = seeker;
    subject.member = &members.at(seeker);
    const matching::PairFeatures pairs(
        members, view, subject, kind_,
        matching::CountingRoles(*subject.member, kind_, 0), &trust);
    struct Candidate {
      float key;
      uint32_t mentor;
      bool newcomer;
    };
    std::vector<Candidate> candidates;
    for (uint32_t m = 0; m < load.size(); ++m) {
      const MemberIndex index = kSeekers + m;
      const matching::Member& member = members.at(index);
      FeatureVector features =
          pairs.Of(index, member, member.facets[0], {kUnknown, kUnknown},
                   pairs.TrustIn(index));
      features.Set(Feature::kSeatsFree,
                   1 - static_cast<float>(load[m]) /
                           static_cast<float>(ClaimedSeats(m)));
      candidates.push_back({utility_.Score(features).key, m,
                            features.Get(Feature::kNewcomer) > 0});
    }
    std::sort(candidates.begin(), candidates.end(),
              [](const Candidate& a, const Candidate& b) {
                return a.key != b.key ? a.key > b.key : a.mentor < b.mentor;
              });
    std::vector<matching::RerankItem> items(candidates.size());
    for (uint32_t i = 0; i < items.size(); ++i) {
      items[i].rank = i;
      items[i].newcomer = candidates[i].newcomer;
    }
    const auto ranked = matching::Rerank(
        items,
        {.newcomer_share =
             newcomers_ ? matching::RankingProfile::Default().newcomer_share
                        : 0,
         .group_cap = 0,
         .seed = seeker * 1000u + static_cast<uint32_t>(round_),
         .depth = 20});
    std::vector<uint32_t> shown;
    for (size_t i = 0; i < 10; ++i) {
      shown.push_back(candidates[ranked.order[i]].mentor);
    }
    return shown;
  }

  void Engage(MemberIndex seeker, uint32_t m, int nth) {
    const bool fake = m >= kMentors;
    double quality = fake ? .05 : result_.quality[m];
    // Who takes on too many does badly by all after the last real seat.
    if (nth > kRealSeats) quality *= .4;
    quality = std::clamp(quality + .1 * random_.Normal(), 0., 1.);
    Say(seeker, kSeekers + m, v1::EVIDENCE_KIND_MENTORING, quality);
    Say(kSeekers + m, seeker, v1::EVIDENCE_KIND_MENTORING, .8);
    if (m == best_ && round_ >= kBrigadeRound - kLast &&
        round_ < kBrigadeRound + kLast) {
      ++(round_ < kBrigadeRound ? result_.best_before : result_.best_after);
    }
    if (round_ < kRounds - kLast) return;
    ++engagements_;
    result_.satisfaction += quality;
    if (fake) {
      ++result_.fakes;
    } else {
      ++result_.served[m];
    }
  }

  static int ClaimedSeats(uint32_t m) {
    return m < kGreedy || m >= kMentors ? kClaimedSeats : kRealSeats;
  }
  static MemberIndex FirstFake() { return kSeekers + kMentors; }

  const bool newcomers_, weighed_;
  Random random_;
  matching::MemberTable members_;
  matching::TieGraph graph_{matching::TieOptions()};
  matching::PushWorkspace workspace_;
  const matching::KindSpec& kind_ =
      *matching::FindKind(v1::RECOMMENDATION_KIND_MENTOR);
  const matching::JointUtility utility_{matching::RankingProfile::Default(),
                                        kind_};
  RoundsResult result_;
  uint32_t best_ = 0;
  int round_ = 0;
  uint64_t key_ = 0;
  double engagements_ = 0;
};

void Describe(const char* name, const RoundsResult& result, Report& report) {
  std::vector<matching::Judged> judged;
  std::vector<double> honest;
  double greedy = 0;
  for (uint32_t m = 0; m < kMentors; ++m) {
    if (m < kGreedy) {
      greedy += result.served[m] / kGreedy / kLast;
      continue;
    }
    honest.push_back(result.served[m]);
    judged.push_back({result.served[m], result.quality[m] > .625 ? 1. : 0.});
  }
  report.Note(
      name, result.satisfaction,
      absl::StrFormat("good over weak mentors served AUC %.3f, Gini %.3f, to "
                      "fakes %.3f, greedy %.1f a month (claimed %d), reported "
                      "mentor %.1f then %.1f a month",
                      matching::AreaUnderRoc(judged),
                      matching::GiniCoefficient(honest), result.fakes, greedy,
                      kClaimedSeats, result.best_before / kLast,
                      result.best_after / kLast));
}

}  // namespace

void RunRounds(const SuiteOptions&, Report& report) {
  report.Section(
      "Rounds: 50 months of 300 seekers, 60 mentors (6 greedy), 60 fakes; mean "
      "outcome of the last 10");
  Describe("as shipped", Rounds(true, true, 1).Run(), report);
  Describe("without newcomers' share", Rounds(false, true, 1).Run(), report);
  Describe("nobody verified", Rounds(true, false, 1).Run(), report);
}

}  // namespace mitra::quality
