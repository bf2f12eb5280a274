#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/security/private_file.h"
#include "nlohmann/json.hpp"
#include "services/cli/commands/commands.h"
#include "services/cli/input/line_reader.h"
#include "services/cli/output/table.h"
#include "services/matching/learning/profile_learner.h"
#include "services/matching/ranking/profile_file.h"

namespace mitra::cli {
namespace {

struct Options {
  std::string outcomes, profile, from, id;
  matching::ProfileLearnOptions learn;
};

int Fail(absl::string_view what, absl::string_view why) {
  std::cerr << "mitra: " << what << ": " << why << "\n";
  return kFailed;
}

absl::StatusOr<std::vector<matching::Outcome>> ReadOutcomes(
    const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) return absl::NotFoundError("cannot be read");
  }
  LineReader lines(path == "-" ? std::cin : file);
  std::vector<matching::Outcome> outcomes;
  while (true) {
    const absl::StatusOr<bool> more = lines.Next();
    if (!more.ok()) return more.status();
    if (!*more) return outcomes;
    if (lines.blank()) continue;
    if (lines.too_long()) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", lines.number(), ": is too long"));
    }
    auto outcome = matching::ParseOutcome(lines.line());
    if (!outcome.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "line ", lines.number(), ": ", outcome.status().message()));
    }
    outcomes.push_back(*std::move(outcome));
  }
}

absl::StatusOr<matching::RankingProfile> ReadProfile(const std::string& path) {
  if (path.empty()) return matching::RankingProfile::Default();
  const absl::StatusOr<std::string> text = ReadWholeFile(path);
  if (!text.ok()) return absl::NotFoundError("cannot be read");
  return matching::ParseRankingProfile(*text);
}

void PrintTable(const matching::LearnedProfile& learned) {
  Table table({"kind", "learned from", "tested on", "AUC", "NDCG@10",
               "calibration error", "weights"});
  const auto change = [](double before, double after) {
    return absl::StrFormat("%.3f → %.3f", before, after);
  };
  for (const matching::KindReport& kind : learned.kinds) {
    const auto &before = kind.before, &after = kind.after;
    table.AddRow({kind.kind, absl::StrCat(kind.learned_from),
                  absl::StrCat(kind.tested_on), change(before.auc, after.auc),
                  kind.lists == 0 ? "-" : change(before.ndcg, after.ndcg),
                  change(before.calibration_error, after.calibration_error),
                  kind.taken ? "learned" : "kept: " + kind.why_not});
  }
  std::cout << table.Render(TerminalWidth());
}

void PrintJson(const matching::LearnedProfile& learned) {
  const auto quality = [](const matching::RankingQuality& q) {
    return nlohmann::json{{"auc", q.auc},
                          {"ndcg10", q.ndcg},
                          {"calibration_error", q.calibration_error}};
  };
  nlohmann::json kinds = nlohmann::json::array();
  for (const matching::KindReport& kind : learned.kinds) {
    kinds.push_back({{"kind", kind.kind},
                     {"learned_from", kind.learned_from},
                     {"tested_on", kind.tested_on},
                     {"lists", kind.lists},
                     {"before", quality(kind.before)},
                     {"after", quality(kind.after)},
                     {"taken", kind.taken},
                     {"why_not", kind.why_not}});
  }
  std::cout << nlohmann::json{{"id", learned.profile.id}, {"kinds", kinds}}
            << "\n";
}

int Learn(const Options& o, bool json) {
  auto outcomes = ReadOutcomes(o.outcomes);
  if (!outcomes.ok()) return Fail(o.outcomes, outcomes.status().message());
  const auto before = ReadProfile(o.from);
  if (!before.ok()) return Fail(o.from, before.status().message());
  matching::ProfileLearnOptions options = o.learn;
  options.id = o.id;
  const auto learned =
      matching::LearnProfile(*std::move(outcomes), *before, options);
  if (!learned.ok()) return Fail("learn", learned.status().message());
  if (json) {
    PrintJson(*learned);
  } else {
    PrintTable(*learned);
  }
  const bool any =
      std::any_of(learned->kinds.begin(), learned->kinds.end(),
                  [](const matching::KindReport& kind) { return kind.taken; });
  if (!any) return Fail("learn", "no kind got better; no profile is written");
  std::ofstream out(o.profile, std::ios::binary | std::ios::trunc);
  out << matching::RankingProfileToml(learned->profile);
  out.close();
  return out ? kOk : Fail(o.profile, "cannot be written");
}

}  // namespace

void AddLearnCommand(CLI::App& app, const Globals& globals, Action& action) {
  auto o = std::make_shared<Options>();
  auto* learn = app.add_subcommand(
      "learn",
      "Learn ranking weights from what became of recommendations.\n"
      "  mitra learn outcomes.ndjson --id learned-1 --out learned-1.toml\n"
      "Each line of the file is a JSON object with time, kind, list, answer\n"
      "(match, declined, not_wanted, unrequited, neither, missed), features,\n"
      "and candidate, position and randomised as the attribution has them, or\n"
      "a propensity: places that are looked at more, and candidates that are\n"
      "shown everywhere, are weighed down. A kind takes the learned weights if "
      "they do better on\n"
      "what came last.");
  learn->add_option("outcomes", o->outcomes, "NDJSON file, - for stdin")
      ->required();
  learn->add_option("--id", o->id, "Id of the learned profile")->required();
  learn->add_option("--out", o->profile, "The TOML file to write")->required();
  learn->add_option("--from", o->from,
                    "The profile in use; the one that ships if left out");
  learn->add_option("--l2", o->learn.learn.l2, "Penalty on weights")
      ->check(CLI::Range(1e-6, 1e6));
  learn
      ->add_option("--min-outcomes", o->learn.min_outcomes,
                   "Fewer teach a kind nothing")
      ->check(CLI::Range(20, 1000000000));
  learn
      ->add_option("--margin", o->learn.margin,
                   "Least gain of AUC that changes a kind's weights")
      ->check(CLI::Range(0., .5));
  learn
      ->add_option("--popularity", o->learn.popularity,
                   "How far candidates with many outcomes are weighed down")
      ->check(CLI::Range(0., 1.));
  learn
      ->add_option("--test-share", o->learn.test_share,
                   "Share of the outcomes, the last, to test on")
      ->check(CLI::Range(.05, .5));
  learn->callback([&globals, &action, o] {
    action = [&globals, o] { return Learn(*o, globals.json()); };
  });
}

}  // namespace mitra::cli
