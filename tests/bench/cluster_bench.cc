// Ingest and refresh through a running cluster; scripts/bench starts one.
//
//   mitra-bench-cluster ingest|upserts|refresh|visitors --members N --profile
//   TARGET
//       --gateway TARGET --key KEY [--suffix _quick]

#include <CLI/CLI.hpp>

#include "tests/bench/cluster_suites.h"

int main(int argc, char** argv) {
  mitra::bench::ClusterOptions options;
  CLI::App app("Ingest and refresh through a running cluster");
  app.add_option("suite", options.suite)
      ->required()
      ->check(CLI::IsMember({"ingest", "upserts", "refresh", "visitors"}));
  app.add_option("--members", options.members);
  app.add_flag("--loaded", options.loaded, "Refresh what is there already");
  app.add_option("--profile", options.profile)->required();
  app.add_option("--gateway", options.gateway)->required();
  app.add_option("--key", options.key)->required();
  app.add_option("--suffix", options.suffix);
  CLI11_PARSE(app, argc, argv);
  const mitra::bench::ClusterClient cluster(options);
  if (options.suite == "ingest") mitra::bench::RunIngest(cluster);
  if (options.suite == "upserts") mitra::bench::RunUpserts(cluster);
  if (options.suite == "refresh") mitra::bench::RunRefresh(cluster);
  if (options.suite == "visitors") mitra::bench::RunVisitors(cluster);
  return 0;
}
