// What can be configured of the search service.

#ifndef MITRA_SERVICES_SEARCH_RPC_SEARCH_CONFIG_H_
#define MITRA_SERVICES_SEARCH_RPC_SEARCH_CONFIG_H_

#include <string>

#include "absl/time/time.h"
#include "common/config/schema.h"
#include "common/config/service_config.h"

namespace mitra::search {

struct SearchConfig {
  std::string data_dir;
  ServiceConfig service;
  std::string feed_target;
  absl::Duration snapshot_interval = absl::Minutes(10);
  int graph_rows = 8000;
  int build_threads = 1;
  int canary_one_in = 1000;

  void AddTo(Schema& schema) {
    schema.Add("data_dir", &data_dir, "Folder for snapshots; empty: none.");
    service.AddTo(schema);
    schema.Add("feed.target", &feed_target, "Where the profile service is.");
    schema
        .Add("snapshot.interval", &snapshot_interval, "Time between snapshots.")
        .Range(1, 86400);
    schema
        .Add("index.graph_rows", &graph_rows,
             "Facets of one role from which on it has a graph.")
        .Range(1, 1e9);
    schema
        .Add("index.build_threads", &build_threads,
             "Threads that build a graph while calls are served.")
        .Range(1, 256);
    schema
        .Add("canary.one_in", &canary_one_in,
             "One question of so many is asked again exactly; 0: none.")
        .Range(0, 1e9);
  }
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_RPC_SEARCH_CONFIG_H_
