// The profile service's methods, bound to the domain; translates only.

#ifndef MITRA_SERVICES_PROFILE_RPC_PROFILE_RPC_H_
#define MITRA_SERVICES_PROFILE_RPC_PROFILE_RPC_H_

#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/rpc/executor.h"
#include "common/rpc/server.h"
#include "services/profile/backup/backups.h"
#include "services/profile/feed/change_feed.h"
#include "services/profile/feed/event_stream.h"
#include "services/profile/feed/impression_ring.h"
#include "services/profile/ingest/archive_records.h"
#include "services/profile/ingest/engagement_records.h"
#include "services/profile/ingest/evidence_records.h"
#include "services/profile/ingest/merge_records.h"
#include "services/profile/ingest/profile_ingest.h"
#include "services/profile/ingest/profile_records.h"
#include "services/profile/ingest/redirects.h"
#include "services/profile/ingest/relation_records.h"
#include "services/profile/store/record_store.h"

namespace mitra::profile {

// What the methods work on. All must outlive the server.
struct ProfileParts {
  RecordStore& store;
  const ProfileIngest& ingest;
  ProfileRecords& profiles;
  EvidenceRecords& evidence;
  RelationRecords& relations;
  MergeRecords& merges;
  EngagementRecords& engagements;
  ChangeFeed& feed;
  EventStream& events;
  ArchiveRecords& archive;
  const Redirects& redirects;
  Backups* backups;  // null: there is no folder for them
  rpc::Executor& executor;
  const Clock& clock;
  const ImpressionRing& impressions;
};

// Registers all methods of Profiles, EvidenceRecords, Relations,
// FeedbackRecords, Engagements, Archive, Events, ChangeFeed and
// ProfileOperations.
void RegisterProfileMethods(ProfileParts& parts, rpc::Server::Builder& builder);

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_RPC_PROFILE_RPC_H_
