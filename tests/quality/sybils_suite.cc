// T6: what fakes gain, on Advogato as the honest network.

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/random.h"
#include "mitra/v1/evidence.pb.h"
#include "services/matching/learning/calibration.h"
#include "services/matching/trust/reputation.h"
#include "services/matching/trust/vouching.h"
#include "tests/quality/suites.h"
#include "tests/quality/trust_data.h"

namespace mitra::quality {
namespace {

using matching::Judged;
using matching::Vouching;

constexpr int kKind = v1::EVIDENCE_KIND_ENDORSEMENT;
constexpr uint32_t kSeeds = 50;

struct Attack {
  uint32_t fakes = 1000;
  uint32_t edges = 5000;  // honest members who were talked into a tie
  uint32_t inside = 10;   // ties of each fake to other fakes
};

// Fakes come after the honest; each attack edge is returned by the fake.
std::vector<Vote> WithFakes(const Network& honest, const Attack& attack,
                            uint32_t seed) {
  Random random(seed);
  std::vector<Vote> votes = honest.votes;
  const auto fake = [&] {
    return honest.members + static_cast<uint32_t>(random.Below(attack.fakes));
  };
  for (uint32_t f = 0; f < attack.fakes; ++f) {
    for (uint32_t i = 0; i < attack.inside; ++i) {
      votes.push_back({.from = honest.members + f, .to = fake()});
    }
  }
  for (uint32_t e = 0; e < attack.edges; ++e) {
    const auto victim = static_cast<uint32_t>(random.Below(honest.members));
    const uint32_t by = fake();
    votes.push_back({.from = victim, .to = by});
    votes.push_back({.from = by, .to = victim});
  }
  return votes;
}

// Members of the honest network whom somebody voted for, at random.
std::vector<matching::MemberIndex> SeedsOf(const Network& honest,
                                           uint32_t seed) {
  std::vector<uint32_t> voted(honest.members, 0);
  for (const Vote& vote : honest.votes) ++voted[vote.to];
  Random random(seed);
  std::vector<matching::MemberIndex> seeds;
  while (seeds.size() < kSeeds) {
    const auto m = static_cast<uint32_t>(random.Below(honest.members));
    if (voted[m] > 0) seeds.push_back(m);
  }
  return seeds;
}

double HonestOverFake(const Vouching& vouching, uint32_t honest) {
  std::vector<Judged> judged;
  for (uint32_t m = 0; m < vouching.level.size(); ++m) {
    judged.push_back({double{vouching.level[m]}, m < honest ? 1. : 0.});
  }
  return matching::AreaUnderRoc(std::move(judged));
}

constexpr uint32_t kBrigade = 1000;

// The brigade, the members after the honest, all say the same of 60 members.
void FoldBrigade(const Network& honest, int kind, matching::TieGraph& graph) {
  Random random(5);
  matching::EvidenceKey key = 10'000'000;
  for (int victim = 0; victim < 60; ++victim) {
    const auto about = static_cast<uint32_t>(random.Below(honest.members));
    for (uint32_t f = 0; f < kBrigade; ++f) {
      ++key;
      graph.Fold({.key = key,
                  .author = honest.members + f,
                  .about = about,
                  .kind = kind,
                  .event_time = 0,
                  .quality = std::nullopt,
                  .counts = true,
                  .revision = key});
    }
  }
  graph.Publish(0, honest.members + kBrigade);
}

double LargestShift(const Network& honest, const matching::GraphView& before,
                    const matching::GraphView& after) {
  double most = 0;
  for (uint32_t m = 0; m < honest.members; ++m) {
    most = std::max(most, std::abs(ReputationOf(after, m).value -
                                   ReputationOf(before, m).value));
  }
  return most;
}

// Largest change of any reputation by fakes whom nobody vouches for.
double BrigadeShift(const Network& honest, int kind, bool weighed) {
  const Attack attack{kBrigade, 0};
  const uint32_t members = honest.members + attack.fakes;
  const auto graph = GraphOf(WithFakes(honest, attack, 1), members, kKind, 0);
  const auto weigh = [&] {
    if (weighed) {
      const Vouching v = ComputeVouching(graph->view(), SeedsOf(honest, 1));
      graph->SetRaterWeights(
          std::make_shared<const std::vector<float>>(v.weight));
    }
    graph->Publish(0, members);
  };
  weigh();
  const matching::GraphView before = graph->view();
  FoldBrigade(honest, kind, *graph);
  weigh();  // praise also makes edges
  return LargestShift(honest, before, graph->view());
}

// The same by raters whose word counts, each just too little to count alone.
double LowRatersShift(const Network& honest, int kind) {
  const uint32_t members = honest.members + kBrigade;
  const auto graph = GraphOf(honest.votes, members, kKind, 0);
  auto weights = std::make_shared<std::vector<float>>(members, 1.f);
  std::fill(
      weights->begin() + honest.members, weights->end(),
      std::nextafter(static_cast<float>(graph->options().low_weight), 0.f));
  graph->SetRaterWeights(std::move(weights));
  graph->Publish(0, members);
  const matching::GraphView before = graph->view();
  FoldBrigade(honest, kind, *graph);
  return LargestShift(honest, before, graph->view());
}

void RunBrigade(const Network& honest, Report& report) {
  report.Section("Brigade: 1,000 fakes against, and for, 60 members at once");
  const double down = BrigadeShift(honest, v1::EVIDENCE_KIND_REPORT, true);
  const double up = BrigadeShift(honest, v1::EVIDENCE_KIND_COLLABORATION, true);
  const double low =
      std::max(LowRatersShift(honest, v1::EVIDENCE_KIND_REPORT),
               LowRatersShift(honest, v1::EVIDENCE_KIND_COLLABORATION));
  report.Metric("brigade_shift_max", std::max({down, up, low}), {.02, true},
                "stated bound .017");
  report.Note("1,000 members whose word hardly counts", low);
  report.Note("reports", down);
  report.Note("praise", up);
  report.Note("reports, nobody verified",
              BrigadeShift(honest, v1::EVIDENCE_KIND_REPORT, false));
}

}  // namespace

void RunSybils(const SuiteOptions& options, Report& report) {
  report.Section(
      "T6 fakes on Advogato, 50 seeds, AUC of honest over fake (ceiling .978: "
      "honest members whom no seed reaches)");
  const auto honest = ReadAdvogato();
  if (!honest) {
    report.Skip("t6_auc", "no Advogato data");
    report.Skip("brigade_shift_max", "no Advogato data");
    return;
  }
  const auto run = [&](const Attack& attack, uint32_t seed) {
    const auto graph = GraphOf(WithFakes(*honest, attack, seed),
                               honest->members + attack.fakes, kKind, 0);
    return ComputeVouching(graph->view(), SeedsOf(*honest, seed));
  };
  const auto auc = [&](const Attack& attack) {
    double sum = 0;
    for (const uint32_t seed : {1, 2, 3}) {
      sum += HonestOverFake(run(attack, seed), honest->members) / 3;
    }
    return sum;
  };
  report.Metric("t6_auc", auc({}), {.95}, "SybilRank .939, EigenTrust .312");
  for (const Attack attack :
       {Attack{1000, 50}, Attack{1000, 1000}, Attack{5000, 1000},
        Attack{5000, 5000}, Attack{1000, 10'000}, Attack{1000, 5000, 3},
        Attack{1000, 5000, 50}}) {
    report.Note(absl::StrCat(attack.fakes, " fakes, ", attack.edges, " edges"),
                auc(attack),
                absl::StrCat("each tied to ", attack.inside, " fakes"));
  }
  for (const uint32_t edges : {0u, 10u, 100u, 1000u, 5000u}) {
    const Attack attack{1000, edges};
    const auto votes = WithFakes(*honest, attack, 1);
    const auto graph = GraphOf(votes, honest->members + attack.fakes, kKind, 0);
    const Vouching v = ComputeVouching(graph->view(), SeedsOf(*honest, 1));
    double fakes = 0, members = 0, bound = 0;
    for (uint32_t m = 0; m < v.weight.size(); ++m) {
      (m < honest->members ? members : fakes) += double{v.weight[m]};
    }
    for (const Vote& vote : votes) {
      if (vote.from < honest->members && vote.to >= honest->members) {
        bound += double{v.leak[vote.from]};
      }
    }
    const double ties = std::max(1., static_cast<double>(edges));
    report.Note(absl::StrCat("words of 1000 fakes, ", edges, " edges"), fakes,
                absl::StrFormat("%.2f an edge, bound %.2f; of all honest %.0f",
                                fakes / ties, bound / ties, members));
  }
  RunBrigade(*honest, report);
}

}  // namespace mitra::quality
