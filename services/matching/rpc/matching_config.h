// What can be configured of the matching service.

#ifndef MITRA_SERVICES_MATCHING_RPC_MATCHING_CONFIG_H_
#define MITRA_SERVICES_MATCHING_RPC_MATCHING_CONFIG_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/config/schema.h"
#include "common/config/service_config.h"
#include "common/redis/redis_config.h"
#include "services/matching/graph/tie_options.h"
#include "services/matching/members/seat_supply.h"
#include "services/matching/rpc/ties_config.h"

namespace mitra::matching {

struct MatchingConfig {
  std::string data_dir;
  ServiceConfig service;
  std::string feed_target;
  std::string search_target;
  redis::RedisConfig redis;
  std::string ranking_dir;
  absl::Duration snapshot_interval = absl::Minutes(10);
  int refresh_threads = 2;
  absl::Duration refresh_hold_time = absl::Hours(72);
  absl::Duration refresh_catch_up = absl::Minutes(10);
  int64_t refresh_trust_mib = 1024;
  int64_t refresh_tables_mib = 256;
  absl::Duration reputation_interval = absl::Minutes(5);
  int reputation_min_seeds = 10;
  int64_t slate_cache_mib = 64;
  // A subject of a large network takes 64 KiB: enough for 4,000 in their ten
  // minutes.
  int64_t trust_cache_mib = 256;
  TieOptions ties;
  SupplyLevels supply;

  void AddTo(Schema& schema) {
    schema.Add("data_dir", &data_dir,
               "Where snapshots are kept; empty: none are.");
    service.AddTo(schema);
    schema.Add("feed.target", &feed_target, "The profile service.");
    schema.Add("search.target", &search_target, "The search service.");
    redis.AddTo(schema, "slates are kept by this process only");
    schema.Add("ranking.dir", &ranking_dir,
               "Where ranking profiles and arms are kept; replicas may share "
               "it; empty: rankings in data_dir.");
    schema
        .Add("snapshot.interval", &snapshot_interval,
             "How often a snapshot is written while the state changes.")
        .Range(10, 86400);
    schema
        .Add("refresh.threads", &refresh_threads,
             "Threads of a refresh, of this process's own or of another's that "
             "it helps.")
        .Range(1, 64);
    schema
        .Add("refresh.hold_time", &refresh_hold_time,
             "How long a held refresh waits for its reviewer.")
        .Range(1, 90 * 86'400);
    schema
        .Add("refresh.catch_up", &refresh_catch_up,
             "How long a refresh waits, before it fails, until search has read "
             "what the record held when it was started.")
        .Range(0, 86'400);
    schema
        .Add("refresh.trust_mib", &refresh_trust_mib,
             "Memory for everybody's trust from one refresh to the next, in "
             "MiB.")
        .Range(1, 65536);
    schema
        .Add("refresh.tables_mib", &refresh_tables_mib,
             "Memory for the candidates that a refresh has found, in MiB; what "
             "is more stays on disk.")
        .Range(0, 65536);
    schema
        .Add("reputation.interval", &reputation_interval,
             "How often it is computed anew whose word counts, while ties "
             "change.")
        .Range(1, 86400);
    schema
        .Add("reputation.min_seeds", &reputation_min_seeds,
             "Verified members with ties from which on raters' words are "
             "weighed.")
        .Range(1, 1000000);
    schema
        .Add("slates.cache_mib", &slate_cache_mib, "Memory for slates, in MiB.")
        .Range(1, 65536);
    schema
        .Add("trust.cache_mib", &trust_cache_mib,
             "Memory for trust vectors, in MiB; up to 64 KiB a subject.")
        .Range(1, 65536);
    AddTieOptions(schema, ties);
    schema
        .Add("seats.standby_below", &supply.standby_below,
             "Mentors and facilitators who stand by are recommended where "
             "others have fewer free seats for each member that seeks one.")
        .Range(0, 1000);
    schema
        .Add("seats.pause_below", &supply.pause_below,
             "Mentors and facilitators are not recommended where they have "
             "fewer free seats, those who stand by counted; 0: always are.")
        .Range(0, 1000);
  }
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_MATCHING_CONFIG_H_
