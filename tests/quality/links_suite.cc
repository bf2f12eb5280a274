// T1, T2: links of trust networks. The graph, the walk and the signals are
// those that serve requests; the learned model is fitted to what happened
// before the test begins and to nothing else.

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/random.h"
#include "mitra/v1/evidence.pb.h"
#include "services/matching/learning/logistic.h"
#include "services/matching/trust/tie_model.h"
#include "tests/quality/suites.h"
#include "tests/quality/tie_trials.h"
#include "tests/quality/trust_data.h"

namespace mitra::quality {
namespace {

using matching::Examples;
using matching::TieModel;
using matching::TieModels;
using matching::TieSignal;
using matching::TieSignals;

// A strong penalty: signals that help in one year mislead in another.
constexpr double kPenalty = 3000;

Score By(TieSignal signal) {
  return [signal](const TieSignals& s) {
    return double{s[static_cast<size_t>(signal)]};
  };
}
Score By(const TieModel& model) {
  return [model](const TieSignals& s) { return model.LogOdds(s); };
}

void Row(Report& report, absl::string_view name, const LinkFigures& f,
         absl::string_view bar) {
  report.Note(
      name, f.auc,
      absl::StrFormat("matched %.4f, NDCG@10 %.4f (single ties %.4f)  %s",
                      f.auc_matched, f.ndcg10, f.ndcg10_edges, bar));
}

// Votes of slices in [begin, end).
std::vector<Vote> Slices(const Network& network, int begin, int end) {
  std::vector<Vote> votes;
  for (const Vote& vote : network.votes) {
    if (vote.slice >= begin && vote.slice < end) votes.push_back(vote);
  }
  return votes;
}

// What the graph was before `begin`, and who met in [begin, end).
struct Year {
  Year(const Network& network, int begin, int end)
      : known(Slices(network, 0, begin)),
        graph(GraphOf(known, network.members, v1::EVIDENCE_KIND_ENDORSEMENT,
                      (begin - 1) * kYear)),
        reader(graph->view()),
        ties(known, Slices(network, begin, end), network.members, 7) {}

  std::vector<Vote> known;
  std::unique_ptr<matching::TieGraph> graph;
  SignalReader reader;
  NewTies ties;
};

void RunTime(const SuiteOptions& options, Report& report) {
  report.Section(
      "T2 Epinions, time split (test slices 8-11; the model is fitted to "
      "slices "
      "5-7; bars AUC / degree-matched / NDCG@10)");
  const auto network = ReadEpinions();
  if (!network) {
    for (const char* name : {"t2_auc", "t2_auc_matched", "t2_ndcg10"}) {
      report.Skip(name, "no Epinions data");
    }
    return;
  }
  Examples examples(matching::kTieSignals);
  for (const int begin : {5, 6}) {
    Year year(*network, begin, begin + 2);
    AddTieExamples(year.reader, year.ties, examples);
  }
  const auto fitted = matching::FitLogistic(examples, {.l2 = kPenalty});
  if (!fitted.ok()) {
    report.Skip("t2_auc", fitted.status().message());
    return;
  }
  const TieModel model = ToTieModel(*fitted);
  Year test(*network, 8, 12);
  struct Line {
    std::string name;
    Score score;
    std::string bar;
  };
  std::vector<Line> lines = {
      {"learned mix", By(model), ""},
      {"shipped weights", By(TieModels::Default().forms), ""},
      {"walk alone", By(TieSignal::kWalk), "[.918/.746/.070 without dates]"},
      {"in-degree", By(TieSignal::kInDegree), "[.842/.539/.022]"},
      {"fresh in-degree", By(TieSignal::kFreshIn), ""},
      {"paths of two", By(TieSignal::kThrough),
       "[Adamic-Adar without dates .872/.712/.067]"},
      {"returned", By(TieSignal::kReturnedAny), "[.540/.534/.029]"}};
  if (options.full) {
    for (size_t i = 0; i < matching::kTieSignals; ++i) {
      const auto signal = static_cast<TieSignal>(i);
      lines.push_back({std::string(matching::TieSignalNames()[i]), By(signal),
                       absl::StrFormat("weight %.5g", model[signal])});
    }
  }
  std::vector<Score> scores;
  for (const Line& line : lines) scores.push_back(line.score);
  const auto figures = MeasureLinks(test.reader, test.ties, 350, scores);
  report.Metric("t2_auc", figures[0].auc, {.93},
                "PPR .926, logistic on test .929");
  report.Metric("t2_auc_matched", figures[0].auc_matched, {.82},
                "logistic on test .831");
  report.Metric("t2_ndcg10", figures[0].ndcg10, {.075}, "Adamic-Adar .067");
  for (size_t i = 0; i < lines.size(); ++i) {
    Row(report, lines[i].name, figures[i], lines[i].bar);
  }
  report.Note("ties to find", static_cast<double>(figures[0].ties));
  report.Note("bias", double{model.bias});
}

struct List {
  const char* name;
  std::function<std::optional<Network>()> read;
  const char* bar;
};

// A tenth of the edges is hidden at random; a tenth of the rest teaches.
void RunRandom(const List& list, Report& report) {
  const auto network = list.read();
  if (!network) {
    report.Skip(absl::StrCat("T1 ", list.name), "no data");
    return;
  }
  Random random(42);
  std::vector<Vote> hidden, taught, known;
  for (const Vote& vote : network->votes) {
    (random.Chance(.1)   ? hidden
     : random.Chance(.1) ? taught
                         : known)
        .push_back(vote);
  }
  Examples examples(matching::kTieSignals);
  {
    const auto graph =
        GraphOf(known, network->members, v1::EVIDENCE_KIND_ENDORSEMENT, 0);
    SignalReader reader(graph->view());
    NewTies ties(known, taught, network->members, 7);
    AddTieExamples(reader, ties, examples);
  }
  known.insert(known.end(), taught.begin(), taught.end());
  const auto graph =
      GraphOf(known, network->members, v1::EVIDENCE_KIND_ENDORSEMENT, 0);
  SignalReader reader(graph->view());
  NewTies ties(known, hidden, network->members, 8);
  const auto fitted = matching::FitLogistic(examples, {.l2 = 10});
  if (!fitted.ok()) return;
  const auto figures = MeasureLinks(
      reader, ties, 200, {By(ToTieModel(*fitted)), By(TieSignal::kWalk)});
  Row(report, absl::StrCat(list.name, " learned"), figures[0], list.bar);
  Row(report, absl::StrCat(list.name, " walk"), figures[1], "");
}

}  // namespace

void RunLinks(const SuiteOptions& options, Report& report) {
  RunTime(options, report);
  report.Section(
      "T1 a tenth of the ties hidden at random (bars: best of TRUST 4.1, which "
      "a random split flatters)");
  const List lists[] = {
      {"FilmTrust", [] { return ReadTrustList("filmtrust/trust.txt", ' '); },
       "[.931/.894/.650]"},
      {"CiaoDVD", [] { return ReadTrustList("ciaodvd/trusts.txt", ','); },
       "[.944/.831/.233]"},
      {"Ciao", [] { return ReadTrustList("ciao/trust.tsv", '\t'); },
       "[.935/.935/.224]"},
      {"Advogato", ReadAdvogato, "[.942/.866/.312]"},
  };
  for (const List& list : lists) RunRandom(list, report);
}

}  // namespace mitra::quality
