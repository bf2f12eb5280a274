#include "services/matching/state/state_snapshot.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status/status_macros.h"
#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"
#include "services/matching/members/member_builder.h"

namespace mitra::matching {
namespace {

constexpr char kFormat[] = "mitra-matching";
constexpr uint32_t kFormatVersion = 5;

// One remembered piece as a fixed record of a snapshot.
struct StoredPiece {
  uint64_t key;
  uint64_t revision;
  int64_t event_time;
  double quality;
  uint32_t author;
  uint32_t about;
  uint8_t kind;
  uint8_t counts;
  uint8_t padding[6];
};

struct StoredBlock {
  uint32_t blocker;
  uint32_t blocked;
};

struct StoredEngagement {
  uint64_t key;
  uint64_t revision;
  uint32_t seeker;
  uint32_t provider;
  uint32_t role;
  uint32_t padding;
};

absl::Status WriteMembers(const MemberTable& members,
                          snapshot::Writer& writer) {
  std::vector<std::string> records;
  std::vector<IdHash> hashes;
  std::vector<StoredBlock> blocks;
  records.reserve(members.size());
  for (MemberIndex m = 0; m < members.size(); ++m) {
    records.emplace_back(BytesOf(members.at(m)));
    hashes.push_back(members.HashOf(m));
    for (const MemberIndex blocked : members.BlockedBy(m)) {
      blocks.push_back({m, blocked});
    }
  }
  std::vector<StoredEngagement> engagements;
  for (const auto& [key, one] : members.engaged().open()) {
    engagements.push_back({key, one.revision, one.seeker, one.provider,
                           static_cast<uint32_t>(one.provider_role), 0});
  }
  MITRA_RETURN_IF_ERROR(writer.WriteStrings("members", records));
  MITRA_RETURN_IF_ERROR(writer.WriteVector<IdHash>("hashes", hashes));
  MITRA_RETURN_IF_ERROR(writer.WriteVector<StoredBlock>("blocks", blocks));
  return writer.WriteVector<StoredEngagement>("engagements", engagements);
}

absl::Status ReadMembers(snapshot::Reader& reader, MemberTable& members) {
  MITRA_ASSIGN_OR_RETURN(const auto records, reader.ReadStrings("members"));
  MITRA_ASSIGN_OR_RETURN(const auto hashes,
                         reader.ReadVector<IdHash>("hashes"));
  if (records.size() != hashes.size()) {
    return absl::DataLossError("members and hashes do not fit");
  }
  for (size_t i = 0; i < records.size(); ++i) {
    OwnedMember member = MemberFromBytes(records[i]);
    if (member == nullptr) return absl::DataLossError("a member is damaged");
    const bool deleted = member->deleted;
    const uint64_t incarnation = member->incarnation;
    const uint64_t revision = member->revision;
    if (deleted) {
      // Only an index that was lived in can be deleted.
      (void)members.Put(MakeMember(v1::Profile(), {.incarnation = incarnation,
                                                   .revision = revision}),
                        hashes[i]);
      (void)members.Delete(hashes[i], incarnation, revision);
    } else if (members.Put(std::move(member), hashes[i]) != i) {
      return absl::DataLossError("a member stands twice");
    }
    if (members.size() != i + 1) {
      return absl::DataLossError("the members are not in order");
    }
  }
  return absl::OkStatus();
}

// What stands between members that have been read.
absl::Status ReadBlocks(snapshot::Reader& reader, MemberTable& members) {
  MITRA_ASSIGN_OR_RETURN(const auto blocks,
                         reader.ReadVector<StoredBlock>("blocks"));
  for (const StoredBlock& block : blocks) {
    if (block.blocker >= members.size() || block.blocked >= members.size()) {
      return absl::DataLossError("a block names nobody");
    }
    members.SetBlock(block.blocker, block.blocked, true);
  }
  return absl::OkStatus();
}

absl::Status ReadEngagements(snapshot::Reader& reader, MemberTable& members) {
  MITRA_ASSIGN_OR_RETURN(const auto engagements,
                         reader.ReadVector<StoredEngagement>("engagements"));
  const auto lives = [&members](MemberIndex m) {
    return m < members.size() && !members.at(m).deleted;
  };
  for (const StoredEngagement& stored : engagements) {
    if (!lives(stored.seeker) || !lives(stored.provider)) {
      return absl::DataLossError("an engagement names nobody");
    }
    members.engaged().Open(stored.key,
                           {stored.seeker, stored.provider,
                            static_cast<int>(stored.role), stored.revision});
  }
  return absl::OkStatus();
}

absl::Status WriteEvidence(const TieGraph& ties, snapshot::Writer& writer) {
  std::vector<StoredPiece> pieces;
  ties.VisitEvidence([&](const EvidencePiece& piece) {
    StoredPiece stored = {};
    stored.key = piece.key;
    stored.revision = piece.revision;
    stored.event_time = piece.event_time;
    stored.quality = piece.quality.value_or(0);
    stored.author = piece.author;
    stored.about = piece.about;
    stored.kind = static_cast<uint8_t>(piece.kind);
    stored.counts = piece.counts ? 1 : 0;
    pieces.push_back(stored);
  });
  return writer.WriteVector<StoredPiece>("evidence", pieces, true);
}

absl::Status ReadEvidence(snapshot::Reader& reader, size_t members,
                          TieGraph& ties) {
  MITRA_ASSIGN_OR_RETURN(const auto pieces,
                         reader.ReadVector<StoredPiece>("evidence"));
  for (const StoredPiece& stored : pieces) {
    const bool tombstone = stored.author == kNoMember;
    if (!tombstone && (stored.author >= members || stored.about >= members)) {
      return absl::DataLossError("a piece of evidence names nobody");
    }
    ties.Restore({.key = stored.key,
                  .author = stored.author,
                  .about = stored.about,
                  .kind = stored.kind,
                  .event_time = stored.event_time,
                  .quality = stored.quality,
                  .counts = stored.counts != 0,
                  .revision = stored.revision});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Vouching>> ReadVouching(
    snapshot::Reader& reader) {
  MITRA_ASSIGN_OR_RETURN(const auto weights,
                         reader.ReadVector<float>("vouching"));
  if (weights.empty()) return nullptr;
  for (const float weight : weights) {
    if (!(weight >= 0 && weight <= 1)) {
      return absl::DataLossError("a weight of a rater is out of range");
    }
  }
  auto restored = std::make_shared<Vouching>();
  restored->weight = {weights.begin(), weights.end()};
  return restored;
}

absl::Status WriteWaiting(const KnownNetwork& network,
                          snapshot::Writer& writer) {
  std::vector<std::string> waiting;
  network.VisitWaiting([&](const v1::Change& change) {
    waiting.push_back(change.SerializeAsString());
  });
  return writer.WriteStrings("waiting", waiting);
}

absl::Status ReadWaiting(snapshot::Reader& reader, KnownNetwork& network) {
  MITRA_ASSIGN_OR_RETURN(const auto waited, reader.ReadStrings("waiting"));
  for (const std::string& bytes : waited) {
    v1::Change change;
    if (!change.ParseFromString(bytes)) {
      return absl::DataLossError("a waiting change is damaged");
    }
    MITRA_RETURN_IF_ERROR(network.Apply(change));
  }
  return absl::OkStatus();
}

absl::Status WriteRedirects(const Redirects* redirects,
                            snapshot::Writer& writer) {
  std::vector<std::string> pairs;  // from, into, from, ...
  if (redirects != nullptr) {
    for (const auto& [from, into] : *redirects) {
      pairs.push_back(from);
      pairs.push_back(into);
    }
  }
  return writer.WriteStrings("redirects", pairs);
}

absl::StatusOr<std::shared_ptr<const Redirects>> ReadRedirects(
    snapshot::Reader& reader) {
  MITRA_ASSIGN_OR_RETURN(const auto pairs, reader.ReadStrings("redirects"));
  if (pairs.size() % 2 != 0) {
    return absl::DataLossError("a redirect leads nowhere");
  }
  if (pairs.empty()) return nullptr;
  auto redirects = std::make_shared<Redirects>();
  for (size_t i = 0; i < pairs.size(); i += 2) {
    (*redirects)[pairs[i]] = pairs[i + 1];
  }
  return redirects;
}

}  // namespace

absl::Status WriteStateSnapshot(const KnownNetwork& network,
                                const Vouching* vouching, uint64_t watermark,
                                const std::string& path) {
  const RecordFacts& record = network.record();
  MITRA_ASSIGN_OR_RETURN(
      auto writer,
      snapshot::Writer::Create(
          path, kFormat, kFormatVersion,
          {{"watermark", absl::StrCat(watermark)},
           {"changed", absl::StrCat(record.last_change)},
           {"record_incarnation", absl::StrCat(record.incarnation)},
           {"space", record.space},
           {"regions", std::string(taxonomy::RegionEdition())},
           {"sectors", std::string(taxonomy::SectorEdition())}}));
  MITRA_RETURN_IF_ERROR(writer->BeginSection("hash_key", false));
  MITRA_RETURN_IF_ERROR(writer->Append(record.hash_key));
  MITRA_RETURN_IF_ERROR(writer->EndSection());
  MITRA_RETURN_IF_ERROR(WriteMembers(network.members(), *writer));
  MITRA_RETURN_IF_ERROR(WriteEvidence(network.ties(), *writer));
  MITRA_RETURN_IF_ERROR(writer->WriteVector<float>(
      "vouching",
      vouching == nullptr ? std::vector<float>() : vouching->weight));
  MITRA_RETURN_IF_ERROR(WriteWaiting(network, *writer));
  MITRA_RETURN_IF_ERROR(WriteRedirects(record.redirects.get(), *writer));
  return writer->Finish().status();
}

absl::StatusOr<std::unique_ptr<snapshot::Reader>> OpenStateSnapshot(
    const std::string& path) {
  return snapshot::OpenNewestGood(path, kFormat, kFormatVersion);
}

absl::StatusOr<RestoredState> ReadStateSnapshot(snapshot::Reader& reader,
                                                KnownNetwork& network) {
  RestoredState restored;
  RecordFacts& record = network.record();
  uint64_t changed = 0;
  if (!absl::SimpleAtoi(reader.Get("watermark"), &restored.watermark) ||
      !absl::SimpleAtoi(reader.Get("changed"), &changed) ||
      !absl::SimpleAtoi(reader.Get("record_incarnation"),
                        &record.incarnation)) {
    return absl::DataLossError("the snapshot names no position");
  }
  if (reader.Get("regions") != taxonomy::RegionEdition() ||
      reader.Get("sectors") != taxonomy::SectorEdition()) {
    return absl::FailedPreconditionError("the snapshot has another taxonomy");
  }
  record.space = reader.Get("space");
  MITRA_ASSIGN_OR_RETURN(record.hash_key, reader.ReadSection("hash_key"));
  MITRA_ASSIGN_OR_RETURN(record.redirects, ReadRedirects(reader));
  MITRA_RETURN_IF_ERROR(ReadMembers(reader, network.members()));
  MITRA_RETURN_IF_ERROR(ReadBlocks(reader, network.members()));
  MITRA_RETURN_IF_ERROR(ReadEngagements(reader, network.members()));
  MITRA_RETURN_IF_ERROR(
      ReadEvidence(reader, network.members().size(), network.ties()));
  // Before the first publication, which then weighs everybody at once.
  MITRA_ASSIGN_OR_RETURN(restored.vouching, ReadVouching(reader));
  if (restored.vouching != nullptr) network.Weigh(restored.vouching);
  MITRA_RETURN_IF_ERROR(ReadWaiting(reader, network));
  record.last_change = std::max(record.last_change, changed);
  return restored;
}

}  // namespace mitra::matching
