// T4 and T5: how well somebody will speak of somebody or something, from the
// sums that the product keeps of ties (NodeFacts).
//
// T4: the level that one member of Advogato certifies another with. Each edge
// is left out in turn, by withdrawing it from the graph.
// T5: stars that members give to things, five folds; "cold" are members with
// fewer than five ratings in the other folds. What raters say is taken without
// their own kindness, as reputation takes it, and the member's own is added.

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/random.h"
#include "mitra/v1/evidence.pb.h"
#include "services/matching/trust/reputation.h"
#include "tests/quality/suites.h"
#include "tests/quality/trust_data.h"

namespace mitra::quality {
namespace {

using matching::GraphView;
using matching::NodeFacts;

// Mean errors of predictions.
struct Errors {
  double absolute = 0, square = 0, exact = 0, count = 0;

  void Add(double predicted, double real) {
    const double off = predicted - real;
    absolute += std::abs(off);
    square += off * off;
    ++count;
  }
  double mae() const { return absolute / std::max(1., count); }
  double rmse() const { return std::sqrt(square / std::max(1., count)); }
};

double MeanIn(const NodeFacts& node) {
  const double n = double{node.in_positive} + double{node.in_negative};
  return n > 0 ? double{node.in_positive} / n : -1;
}

// ---- T4

double Nearest(double value, const std::vector<double>& levels) {
  return *std::min_element(levels.begin(), levels.end(),
                           [&](double a, double b) {
                             return std::abs(a - value) < std::abs(b - value);
                           });
}

void RunLeftOut(const Network& network, Report& report) {
  constexpr int kKind = v1::EVIDENCE_KIND_ENDORSEMENT;
  const std::vector<double> levels = {.6, .8, 1};
  const auto graph = GraphOf(network.votes, network.members, kKind, 0);
  Errors mean, shown;
  uint64_t revision = network.votes.size();
  for (size_t i = 0; i < network.votes.size(); ++i) {
    const Vote& vote = network.votes[i];
    (void)graph->Withdraw(i + 1, ++revision);
    graph->Publish(0, network.members);
    const GraphView view = graph->view();
    const double in = MeanIn(*view.of(vote.to).node);
    if (in >= 0) {
      mean.Add(in, vote.quality);
      mean.exact += Nearest(in, levels) == Nearest(vote.quality, levels);
      shown.Add(matching::ReputationOf(view, vote.to).mean, vote.quality);
    }
    graph->Fold({.key = i + 1,
                 .author = vote.from,
                 .about = vote.to,
                 .kind = kKind,
                 .event_time = 0,
                 .quality = vote.quality,
                 .counts = true,
                 .revision = ++revision});
  }
  const double all = static_cast<double>(network.votes.size());
  report.Note(
      "T4 left out: MAE", mean.mae(),
      absl::StrFormat("RMSE %.4f, level hit %.3f, coverage %.3f; "
                      "[mean of in-edges .0650/.0936/.743/.976]",
                      mean.rmse(), mean.exact / mean.count, mean.count / all));
  report.Note("   as shown (shrunk to .5)", shown.mae(),
              absl::StrFormat("RMSE %.4f", shown.rmse()));
}

// 500 hidden at once, levels as .4, .7 and .9 (MATRI, 2013).
void RunHidden(Network network, Report& report) {
  constexpr size_t kHidden = 500;
  constexpr int kRounds = 20;
  for (Vote& vote : network.votes) {
    vote.quality = vote.quality > .9 ? .9 : vote.quality > .7 ? .7 : .4;
  }
  Random random(1);
  Errors mean;
  double asked = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::shuffle(network.votes.begin(), network.votes.end(), random);
    const std::vector<Vote> known(network.votes.begin() + kHidden,
                                  network.votes.end());
    const auto graph =
        GraphOf(known, network.members, v1::EVIDENCE_KIND_ENDORSEMENT, 0);
    const GraphView view = graph->view();
    for (size_t i = 0; i < kHidden; ++i) {
      ++asked;
      const double in = MeanIn(*view.of(network.votes[i].to).node);
      if (in >= 0) mean.Add(in, network.votes[i].quality);
    }
  }
  report.Note("T4 500 hidden: MAE", mean.mae(),
              absl::StrFormat("RMSE %.4f, coverage %.3f; [mean of in-edges "
                              ".0796/.119; MATRI .113/.159 on a snapshot with "
                              "Observer edges]",
                              mean.rmse(), mean.count / asked));
}

// ---- T5

// Shrunk deviation from what is usual, where `prior` is a weight of evidence.
double Deviation(double positive, double negative, double usual, double prior) {
  const double n = positive + negative;
  return (positive - usual * n) / (n + prior);
}

// Mean of what members say, and of that without their kindness.
struct Usual {
  explicit Usual(const GraphView& view) {
    double in = 0, all_in = 0, vouched = 0, all_vouched = 0;
    for (matching::MemberIndex m = 0; m < view.size(); ++m) {
      const NodeFacts& node = *view.of(m).node;
      in += double{node.in_positive};
      all_in += double{node.in_positive} + double{node.in_negative};
      vouched += double{node.vouched_positive};
      all_vouched +=
          double{node.vouched_positive} + double{node.vouched_negative};
    }
    said = in / std::max(1e-9, all_in);
    corrected = vouched / std::max(1e-9, all_vouched);
  }
  double said = 0, corrected = 0;
};

void RunFolds(const char* name, const Network& network, double stars,
              const char* bar, Report& report) {
  constexpr int kFolds = 5;
  constexpr int kKind = v1::EVIDENCE_KIND_RATING;
  const double piece = matching::TieOptions().kinds[kKind].weight;
  Random random(42);
  std::vector<int> fold(network.votes.size());
  for (int& f : fold) f = static_cast<int>(random.Below(kFolds));
  Errors both, cold, own;
  for (int f = 0; f < kFolds; ++f) {
    std::vector<Vote> known;
    for (size_t i = 0; i < fold.size(); ++i) {
      if (fold[i] != f) known.push_back(network.votes[i]);
    }
    const auto graph = GraphOf(known, network.members, kKind, 0);
    const GraphView view = graph->view();
    const Usual usual(view);
    for (size_t i = 0; i < fold.size(); ++i) {
      if (fold[i] != f) continue;
      const Vote& vote = network.votes[i];
      const NodeFacts& user = *view.of(vote.from).node;
      const NodeFacts& thing = *view.of(vote.to).node;
      // Priors: 8 pieces as RaterBias, 3 as Reputation.
      const double kind =
          Deviation(double{user.out_positive}, double{user.out_negative},
                    usual.said, 8 * piece);
      const double said =
          Deviation(double{thing.vouched_positive},
                    double{thing.vouched_negative}, usual.corrected, 3 * piece);
      const double mean =
          Deviation(double{user.out_positive}, double{user.out_negative},
                    usual.said, 1e-9);
      const double real = vote.quality * stars;
      const auto in_stars = [&](double quality) {
        return stars * std::clamp(quality, 0., 1.);
      };
      own.Add(in_stars(usual.said + mean), real);
      const double predicted = in_stars(usual.said + kind + said);
      both.Add(predicted, real);
      if (user.out_degree < 5) cold.Add(predicted, real);
    }
  }
  report.Note(absl::StrCat("T5 ", name, ": MAE"), both.mae(),
              absl::StrFormat("RMSE %.3f, cold %.3f/%.3f (%.0f), user mean "
                              "%.3f/%.3f; %s",
                              both.rmse(), cold.mae(), cold.rmse(), cold.count,
                              own.mae(), own.rmse(), bar));
}

}  // namespace

void RunRatings(const SuiteOptions&, Report& report) {
  report.Section("T4 Advogato's levels, T5 ratings of things (no goals)");
  if (const auto network = ReadAdvogato(); network.has_value()) {
    RunLeftOut(*network, report);
    RunHidden(*network, report);
  } else {
    report.Skip("t4", "no Advogato data");
  }
  const auto folds = [&](const char* name, absl::string_view path,
                         char separator, const RatingColumns& columns,
                         const char* bar) {
    const auto network = ReadRatings(path, separator, columns);
    if (network.has_value()) {
      RunFolds(name, *network, columns.highest - columns.lowest, bar, report);
    } else {
      report.Skip(absl::StrCat("t5 ", name), "no such data");
    }
  };
  folds("FilmTrust", "filmtrust/ratings.txt", ' ', {.lowest = .5, .highest = 4},
        "[TrustSVD .607/.787, cold .663/.853; user + item bias .619/.800]");
  folds("CiaoDVD", "ciaodvd/movie-ratings.txt", ',', {.value = 4},
        "[bias .719/.933, cold .708/.922]");
  folds("Ciao", "ciao/rating_ts.tsv", '\t', {.value = 3},
        "[TrustSVD .723/.956; user + item bias .724/.952]");
}

}  // namespace mitra::quality
