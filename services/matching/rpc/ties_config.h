// The numbers of graph/tie_options.h as keys of the configuration.
//
//   [ties]
//   collaboration_weight = 1.0
//   collaboration_half_life_days = 540.0
//   report_window_days = 1095
//   prior_weight = 2.0
//
// All matching processes of a cluster need the same. Ties are made anew from
// the evidence at the next start, also from a snapshot.

#ifndef MITRA_SERVICES_MATCHING_RPC_TIES_CONFIG_H_
#define MITRA_SERVICES_MATCHING_RPC_TIES_CONFIG_H_

#include "common/config/schema.h"
#include "services/matching/graph/tie_options.h"

namespace mitra::matching {

// `options` must outlive the schema.
void AddTieOptions(Schema& schema, TieOptions& options);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_TIES_CONFIG_H_
