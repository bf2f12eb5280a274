#include <fstream>
#include <iostream>
#include <memory>

#include "absl/time/clock.h"
#include "services/cli/commands/commands.h"
#include "services/cli/input/row_parser.h"
#include "services/cli/sample/network.h"

namespace mitra::cli {

void AddSampleCommand(CLI::App& app, const Globals& /*globals*/,
                      Action& action) {
  struct Options {
    SampleOptions sample;
    std::string out;
  };
  auto options = std::make_shared<Options>();
  // Dates hang on the day, so that one day's samples are equal.
  options->sample.now =
      absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()) / 86'400 * 86'400);
  auto* command = app.add_subcommand(
      "sample",
      "Make a believable network as NDJSON.\n"
      "  mitra sample --members 20000 --evidence 200000 > sample.ndjson");
  command->add_option("--members", options->sample.members, "How many members");
  command->add_option("--evidence", options->sample.evidence,
                      "How many pieces of evidence");
  command->add_option("--seed", options->sample.seed,
                      "The same seed gives the same network");
  command->add_option("--out", options->out, "File; standard output if absent");
  command->callback([options, &action] {
    action = [options] {
      std::ofstream file;
      if (!options->out.empty()) file.open(options->out);
      std::ostream& out = options->out.empty() ? std::cout : file;
      MakeSampleNetwork(
          options->sample,
          {.profile = [&](const auto& p) { out << ToJsonRow(p) << "\n"; },
           .evidence = [&](const auto& e) { out << ToJsonRow(e) << "\n"; },
           .consent = [&](const auto& c) { out << ToJsonRow(c) << "\n"; }});
      if (!out.flush()) {
        std::cerr << "mitra: cannot write the sample\n";
        return kFailed;
      }
      return kOk;
    };
  });
}

}  // namespace mitra::cli
