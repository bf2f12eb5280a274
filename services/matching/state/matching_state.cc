#include "services/matching/state/matching_state.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/page_token.h"
#include "common/base/sealed_token.h"
#include "common/snapshot/snapshot.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"
#include "services/matching/graph/tie_graph.h"
#include "services/matching/members/member_builder.h"

namespace mitra::matching {
namespace {

constexpr char kFormat[] = "mitra-matching";
constexpr uint32_t kFormatVersion = 5;
// Of one id through members that were merged one after the other.
constexpr int kMaxHops = 64;

IdHash MemberHash(absl::string_view key, absl::string_view id) {
  const std::string bytes = feed::IdHash(key, id);
  IdHash hash;
  std::memcpy(hash.data(), bytes.data(), sizeof hash);
  return hash;
}

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

}  // namespace

MemberIndex MatchingView::FindMeant(absl::string_view id) const {
  MemberIndex found = members.Find(id);
  if (redirects == nullptr) return found;
  for (int hop = 0; found == kNoMember && hop < kMaxHops; ++hop) {
    const auto at = redirects->find(id);
    if (at == redirects->end()) break;
    id = at->second;
    found = members.Find(id);
  }
  return found;
}

struct MatchingState::Impl {
  using Redirects = absl::flat_hash_map<std::string, std::string>;

  explicit Impl(Options given)
      : options(std::move(given)), table(options.supply), graph(options.ties) {}

  // Something that names a member who is not there yet.
  struct Waiting {
    v1::Change change;
  };

  Options options;
  MemberTable table;
  TieGraph graph;
  std::string hash_key;
  std::string space;
  std::shared_ptr<const std::string> token_key;
  uint64_t record_incarnation = 0;
  uint64_t last_change = 0;
  // Copied when it changes: members are merged now and then.
  std::shared_ptr<const Redirects> redirects;
  std::vector<bool> verdicts;  // of the supply that was published
  absl::flat_hash_map<std::string, std::vector<Waiting>> waiting;
  size_t waiting_count = 0;
  CommitSummary summary;

  mutable absl::Mutex mutex;
  MatchingView published ABSL_GUARDED_BY(mutex);
  Stats stats ABSL_GUARDED_BY(mutex);
  feed::Position position ABSL_GUARDED_BY(mutex);
  // Waits for the next commit; null: nothing does.
  std::shared_ptr<const Vouching> next_vouching ABSL_GUARDED_BY(mutex);
  std::shared_ptr<const Vouching> vouching ABSL_GUARDED_BY(mutex);
  // Those of earlier graphs are void.
  uint64_t vouching_floor ABSL_GUARDED_BY(mutex) = 0;

  // The weights of a vouching, which live as long as it; null if nobody is
  // weighed.
  static std::shared_ptr<const std::vector<float>> WeightsOf(
      const std::shared_ptr<const Vouching>& vouching) {
    if (vouching == nullptr || !vouching->vouched()) return nullptr;
    return {vouching, &vouching->weight};
  }

  void TakeVouching() {
    std::shared_ptr<const Vouching> next;
    {
      absl::MutexLock lock(&mutex);
      next = std::move(next_vouching);
      next_vouching = nullptr;
      if (next == nullptr) return;
      vouching = next;
    }
    graph.SetRaterWeights(WeightsOf(next));
  }

  int64_t Now() const { return absl::ToUnixSeconds(options.clock()); }

  EvidenceKey KeyOf(absl::string_view evidence_id) const {
    return MemberHash(hash_key, evidence_id)[0];
  }

  void Wait(const std::string& id, const v1::Change& change) {
    waiting[id].push_back({change});
    ++waiting_count;
  }

  absl::Status Apply(const v1::Change& change) {
    last_change = std::max(last_change, change.revision());
    switch (change.state_case()) {
      case v1::Change::kProfile:
        return ApplyProfile(change.profile(), change.revision());
      case v1::Change::kProfileDeletion:
        return ApplyDeletion(change.profile_deletion(), change.revision());
      case v1::Change::kEvidence:
        ApplyEvidence(change);
        return absl::OkStatus();
      case v1::Change::kEvidenceWithdrawal:
        ApplyWithdrawal(change.evidence_withdrawal(), change.revision());
        return absl::OkStatus();
      case v1::Change::kBlock:
        ApplyBlock(change);
        return absl::OkStatus();
      case v1::Change::kConsent:
        ApplyConsent(change);
        return absl::OkStatus();
      case v1::Change::kEngagement:
        ApplyEngagement(change);
        return absl::OkStatus();
      case v1::Change::kRedirect:
        ApplyRedirect(change.redirect());
        return absl::OkStatus();
      case v1::Change::STATE_NOT_SET:
        break;
    }
    return absl::InvalidArgumentError(
        absl::StrCat("change ", change.revision(), " has an unknown state"));
  }

  absl::Status ApplyProfile(const v1::ProfileChange& change,
                            uint64_t revision) {
    const std::string& id = change.profile().profile_id();
    if (id.empty()) return absl::InvalidArgumentError("a profile without id");
    const MemberIndex before = table.Find(id);
    const bool new_life = before != kNoMember &&
                          table.at(before).incarnation < change.incarnation();
    const MemberIndex index =
        table.Put(MakeMember(change.profile(),
                             {.incarnation = change.incarnation(),
                              .revision = revision,
                              .answered = change.standing().accepted() +
                                          change.standing().declined(),
                              .unanswered = change.standing().unanswered()}),
                  MemberHash(hash_key, id));
    if (index == kNoMember) return absl::OkStatus();
    if (new_life) {
      graph.RemoveMember(index);
      summary.distrusted.push_back(index);
    }
    summary.changed.push_back(index);
    if (const auto it = waiting.find(id); it != waiting.end()) {
      const std::vector<Waiting> arrived = std::move(it->second);
      waiting.erase(it);
      waiting_count -= arrived.size();
      for (const Waiting& waited : arrived) {
        MITRA_RETURN_IF_ERROR(Apply(waited.change));
      }
    }
    return absl::OkStatus();
  }

  absl::Status ApplyDeletion(const v1::ProfileDeletion& deletion,
                             uint64_t revision) {
    if (deletion.id_hash().size() != sizeof(IdHash)) {
      return absl::InvalidArgumentError("a deletion without id hash");
    }
    IdHash hash;
    std::memcpy(hash.data(), deletion.id_hash().data(), sizeof hash);
    const MemberIndex index =
        table.Delete(hash, deletion.incarnation(), revision);
    if (index == kNoMember) return absl::OkStatus();
    graph.RemoveMember(index);
    summary.distrusted.push_back(index);
    summary.changed.push_back(index);
    return absl::OkStatus();
  }

  // The living member of that life; kNoMember if the change must wait or is
  // void. `wait` tells which.
  MemberIndex Resolve(const std::string& id, uint64_t incarnation, bool& wait) {
    const MemberIndex index = table.Find(id);
    if (index == kNoMember) {
      // Deleted ids stay known by hash: what belongs to that life is void.
      const MemberIndex gone = table.FindHash(MemberHash(hash_key, id));
      if (gone == kNoMember || table.at(gone).incarnation < incarnation) {
        wait = true;
      }
      return kNoMember;
    }
    if (incarnation == 0 || table.at(index).incarnation == incarnation) {
      return index;
    }
    wait = table.at(index).incarnation < incarnation;
    return kNoMember;
  }

  void ApplyEvidence(const v1::Change& change) {
    const v1::EvidenceChange& evidence = change.evidence();
    const v1::Evidence& piece = evidence.evidence();
    bool wait_author = false, wait_about = false;
    const MemberIndex author =
        Resolve(piece.author_id(), evidence.author_incarnation(), wait_author);
    const MemberIndex about =
        Resolve(piece.about_id(), evidence.about_incarnation(), wait_about);
    if (wait_author) return Wait(piece.author_id(), change);
    if (wait_about) return Wait(piece.about_id(), change);
    if (author == kNoMember || about == kNoMember) return;
    EvidencePiece fold;
    fold.key = KeyOf(piece.evidence_id());
    fold.author = author;
    fold.about = about;
    fold.kind = piece.kind();
    fold.event_time = piece.event_time().seconds();
    if (piece.has_quality()) fold.quality = piece.quality();
    fold.counts = piece.contest_state() != v1::CONTEST_STATE_CONTESTED &&
                  piece.contest_state() != v1::CONTEST_STATE_DISMISSED;
    fold.revision = change.revision();
    if (graph.Fold(fold) == TieGraph::Folded::kLowered) {
      summary.distrusted.push_back(author);
    }
  }

  void ApplyWithdrawal(const v1::EvidenceWithdrawal& withdrawal,
                       uint64_t revision) {
    const auto author =
        graph.Withdraw(KeyOf(withdrawal.evidence_id()), revision);
    if (author) summary.distrusted.push_back(*author);
  }

  void ApplyBlock(const v1::Change& change) {
    const v1::Block& block = change.block().block();
    for (const std::string& id : {block.blocker_id(), block.blocked_id()}) {
      if (table.Find(id) != kNoMember) continue;
      if (table.FindHash(MemberHash(hash_key, id)) == kNoMember)
        Wait(id, change);
      return;
    }
    const MemberIndex blocker = table.Find(block.blocker_id());
    const MemberIndex blocked = table.Find(block.blocked_id());
    table.SetBlock(blocker, blocked, !change.block().removed());
    summary.changed.push_back(blocker);
    summary.changed.push_back(blocked);
  }

  void ApplyConsent(const v1::Change& change) {
    const v1::Consent& consent = change.consent();
    const MemberIndex index = table.Find(consent.profile_id());
    if (index == kNoMember) {
      if (table.FindHash(MemberHash(hash_key, consent.profile_id())) ==
          kNoMember) {
        Wait(consent.profile_id(), change);
      }
      return;
    }
    if (table.SetConsent(index, consent.purpose(), consent.granted())) {
      summary.changed.push_back(index);
    }
  }

  // Both ends wait for their members in the same way, so that of one engagement
  // the end never comes before the beginning.
  void ApplyEngagement(const v1::Change& change) {
    const v1::EngagementChange& engagement = change.engagement();
    bool wait_seeker = false, wait_provider = false;
    OpenEngagement one;
    one.seeker = Resolve(engagement.seeker_id(),
                         engagement.seeker_incarnation(), wait_seeker);
    one.provider = Resolve(engagement.provider_id(),
                           engagement.provider_incarnation(), wait_provider);
    if (wait_seeker) return Wait(engagement.seeker_id(), change);
    if (wait_provider) return Wait(engagement.provider_id(), change);
    if (one.seeker == kNoMember || one.provider == kNoMember) return;
    one.provider_role = engagement.provider_role();
    one.revision = change.revision();
    const uint64_t key = KeyOf(engagement.engagement_id());
    const bool changed =
        engagement.open()
            ? table.engaged().Open(key, one)
            : table.engaged().Close(key, one.revision).has_value();
    if (!changed) return;
    summary.changed.push_back(one.seeker);
    summary.changed.push_back(one.provider);
  }

  // It ends with the member that stays: an id whose member is gone means
  // nobody. Who takes the id anew is found before any redirect.
  void ApplyRedirect(const v1::RedirectChange& redirect) {
    auto next = std::make_shared<Redirects>();
    if (redirects != nullptr) *next = *redirects;
    (*next)[redirect.from_profile_id()] = redirect.into_profile_id();
    redirects = std::move(next);
  }

  void NoteSupply() {
    std::vector<bool> now = table.view().supply().Verdicts();
    summary.supply_changed = now != verdicts;
    verdicts = std::move(now);
  }

  void Publish(uint64_t watermark) {
    TakeVouching();
    table.Publish();
    graph.Publish(Now(), table.size());
    MatchingView view;
    view.members = table.view();
    view.graph = graph.view();
    view.revision = watermark;
    view.record_incarnation = record_incarnation;
    view.space = std::make_shared<const std::string>(space);
    view.token_key = token_key;
    view.redirects = redirects;
    view.changed = last_change;
    NoteSupply();
    Stats now;
    const TieGraph::Stats ties = graph.stats();
    const MemberTable::Memory memory = table.memory();
    now.members = view.members.live();
    now.ties = ties.ties;
    now.evidence = ties.evidence;
    now.waiting = waiting_count;
    now.member_bytes = memory.records + memory.index;
    now.tie_bytes = ties.sum_bytes + ties.evidence_bytes + ties.list_bytes;
    now.stale_reputations = graph.stale();
    summary.revision = watermark;
    summary.graph_epoch = view.graph.epoch();
    {
      absl::MutexLock lock(&mutex);
      published = std::move(view);
      stats = now;
      position = {record_incarnation, watermark};
    }
    if (options.on_commit) options.on_commit(summary);
    summary = CommitSummary();
  }

  void Clear() {
    table.Clear();
    graph.Clear();
    waiting.clear();
    waiting_count = 0;
    redirects = nullptr;
    last_change = 0;
    summary = CommitSummary();
    summary.reset = true;
    // Indexes mean other members from now on.
    absl::MutexLock lock(&mutex);
    next_vouching = nullptr;
    vouching = nullptr;
    vouching_floor = graph.view().epoch();
  }

  absl::Status LoadFrom(snapshot::Reader& reader);
};

MatchingState::MatchingState(Options options)
    : impl_(std::make_unique<Impl>(std::move(options))) {
  absl::MutexLock lock(&impl_->mutex);
  impl_->published.space = std::make_shared<const std::string>();
}
MatchingState::~MatchingState() = default;

v1::FeedSelector MatchingState::Selector() {
  v1::FeedSelector selector;
  selector.set_profiles(true);
  selector.set_relations(true);
  selector.set_impressions(true);
  selector.set_token_key(true);
  selector.set_redirects(true);
  return selector;
}

absl::Status MatchingState::Reset(const v1::FeedHeader& header) {
  impl_->Clear();
  MITRA_RETURN_IF_ERROR(SetHeader(header));
  // Readers must not go on with what is void.
  impl_->Publish(0);
  impl_->summary.reset = true;
  return absl::OkStatus();
}

absl::Status MatchingState::SetHeader(const v1::FeedHeader& header) {
  if (header.id_hash_key().size() != 16) {
    return absl::InvalidArgumentError("the feed has no key of id hashes");
  }
  impl_->hash_key = header.id_hash_key();
  impl_->space = header.space();
  if (header.token_key().size() == kTokenKeyBytes) {
    impl_->token_key = std::make_shared<const std::string>(header.token_key());
  } else if (impl_->token_key == nullptr) {
    // The record's program is an earlier one: tokens die with this process.
    impl_->token_key = std::make_shared<const std::string>(NewPageTokenKey());
  }
  impl_->record_incarnation = header.record_incarnation();
  return absl::OkStatus();
}

absl::Status MatchingState::Apply(const v1::Change& change) {
  return impl_->Apply(change);
}

absl::Status MatchingState::Commit(uint64_t watermark) {
  impl_->Publish(watermark);
  return absl::OkStatus();
}

void MatchingState::Shown(
    const google::protobuf::RepeatedPtrField<std::string>& tokens) {
  if (impl_->options.on_shown) impl_->options.on_shown(tokens);
}

MatchingView MatchingState::view() const {
  absl::MutexLock lock(&impl_->mutex);
  return impl_->published;
}

void MatchingState::SetVouching(std::shared_ptr<const Vouching> vouching) {
  absl::MutexLock lock(&impl_->mutex);
  // Of a graph that is void by now: indexes may mean others.
  if (vouching->graph_epoch < impl_->vouching_floor) return;
  impl_->next_vouching = std::move(vouching);
}

std::shared_ptr<const Vouching> MatchingState::vouching() const {
  absl::MutexLock lock(&impl_->mutex);
  return impl_->vouching;
}

feed::Position MatchingState::position() const {
  absl::MutexLock lock(&impl_->mutex);
  return impl_->position;
}

MatchingState::Stats MatchingState::stats() const {
  absl::MutexLock lock(&impl_->mutex);
  return impl_->stats;
}

absl::Status MatchingState::Save(const std::string& path) const {
  const feed::Position position = this->position();
  if (position.record_incarnation == 0) {
    return absl::FailedPreconditionError("nothing to save yet");
  }
  // What waits is told again only by the feed: it is saved too.
  MITRA_ASSIGN_OR_RETURN(
      auto writer,
      snapshot::Writer::Create(
          path, kFormat, kFormatVersion,
          {{"watermark", absl::StrCat(position.watermark)},
           {"changed", absl::StrCat(impl_->last_change)},
           {"record_incarnation", absl::StrCat(position.record_incarnation)},
           {"space", impl_->space},
           {"regions", std::string(taxonomy::RegionEdition())},
           {"sectors", std::string(taxonomy::SectorEdition())}}));
  const MemberTable& table = impl_->table;
  MITRA_RETURN_IF_ERROR(writer->BeginSection("hash_key", false));
  MITRA_RETURN_IF_ERROR(writer->Append(impl_->hash_key));
  MITRA_RETURN_IF_ERROR(writer->EndSection());
  std::vector<std::string> records;
  std::vector<IdHash> hashes;
  std::vector<StoredBlock> blocks;
  records.reserve(table.size());
  for (MemberIndex m = 0; m < table.size(); ++m) {
    records.emplace_back(BytesOf(table.at(m)));
    hashes.push_back(table.HashOf(m));
    for (MemberIndex blocked : table.BlockedBy(m))
      blocks.push_back({m, blocked});
  }
  MITRA_RETURN_IF_ERROR(writer->WriteStrings("members", records));
  MITRA_RETURN_IF_ERROR(writer->WriteVector<IdHash>("hashes", hashes));
  MITRA_RETURN_IF_ERROR(writer->WriteVector<StoredBlock>("blocks", blocks));
  std::vector<StoredEngagement> engagements;
  for (const auto& [key, one] : table.engaged().open()) {
    engagements.push_back({key, one.revision, one.seeker, one.provider,
                           static_cast<uint32_t>(one.provider_role), 0});
  }
  MITRA_RETURN_IF_ERROR(
      writer->WriteVector<StoredEngagement>("engagements", engagements));
  std::vector<StoredPiece> pieces;
  impl_->graph.VisitEvidence([&](const EvidencePiece& piece) {
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
  MITRA_RETURN_IF_ERROR(
      writer->WriteVector<StoredPiece>("evidence", pieces, true));
  const auto vouching = this->vouching();
  MITRA_RETURN_IF_ERROR(writer->WriteVector<float>(
      "vouching",
      vouching == nullptr ? std::vector<float>() : vouching->weight));
  std::vector<std::string> waiting;
  for (const auto& [id, list] : impl_->waiting) {
    for (const auto& waited : list) {
      waiting.push_back(waited.change.SerializeAsString());
    }
  }
  MITRA_RETURN_IF_ERROR(writer->WriteStrings("waiting", waiting));
  std::vector<std::string> redirects;  // from, into, from, ...
  if (impl_->redirects != nullptr) {
    for (const auto& [from, into] : *impl_->redirects) {
      redirects.push_back(from);
      redirects.push_back(into);
    }
  }
  MITRA_RETURN_IF_ERROR(writer->WriteStrings("redirects", redirects));
  return writer->Finish().status();
}

absl::Status MatchingState::Impl::LoadFrom(snapshot::Reader& reader) {
  uint64_t watermark = 0;
  uint64_t changed = 0;
  if (!absl::SimpleAtoi(reader.Get("watermark"), &watermark) ||
      !absl::SimpleAtoi(reader.Get("changed"), &changed) ||
      !absl::SimpleAtoi(reader.Get("record_incarnation"),
                        &record_incarnation)) {
    return absl::DataLossError("the snapshot names no position");
  }
  if (reader.Get("regions") != taxonomy::RegionEdition() ||
      reader.Get("sectors") != taxonomy::SectorEdition()) {
    return absl::FailedPreconditionError("the snapshot has another taxonomy");
  }
  space = reader.Get("space");
  MITRA_ASSIGN_OR_RETURN(hash_key, reader.ReadSection("hash_key"));
  MITRA_ASSIGN_OR_RETURN(const auto records, reader.ReadStrings("members"));
  MITRA_ASSIGN_OR_RETURN(const auto hashes,
                         reader.ReadVector<IdHash>("hashes"));
  MITRA_ASSIGN_OR_RETURN(const auto blocks,
                         reader.ReadVector<StoredBlock>("blocks"));
  MITRA_ASSIGN_OR_RETURN(const auto engagements,
                         reader.ReadVector<StoredEngagement>("engagements"));
  MITRA_ASSIGN_OR_RETURN(const auto pieces,
                         reader.ReadVector<StoredPiece>("evidence"));
  MITRA_ASSIGN_OR_RETURN(const auto weights,
                         reader.ReadVector<float>("vouching"));
  for (const float weight : weights) {
    if (!(weight >= 0 && weight <= 1)) {
      return absl::DataLossError("a weight of a rater is out of range");
    }
  }
  MITRA_ASSIGN_OR_RETURN(const auto waited, reader.ReadStrings("waiting"));
  MITRA_ASSIGN_OR_RETURN(const auto pairs, reader.ReadStrings("redirects"));
  if (pairs.size() % 2 != 0) {
    return absl::DataLossError("a redirect leads nowhere");
  }
  if (!pairs.empty()) {
    auto restored = std::make_shared<Redirects>();
    for (size_t i = 0; i < pairs.size(); i += 2) {
      (*restored)[pairs[i]] = pairs[i + 1];
    }
    redirects = std::move(restored);
  }
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
      (void)table.Put(MakeMember(v1::Profile(), {.incarnation = incarnation,
                                                 .revision = revision}),
                      hashes[i]);
      (void)table.Delete(hashes[i], incarnation, revision);
    } else if (table.Put(std::move(member), hashes[i]) != i) {
      return absl::DataLossError("a member stands twice");
    }
    if (table.size() != i + 1) {
      return absl::DataLossError("the members are not in order");
    }
  }
  for (const StoredBlock& block : blocks) {
    if (block.blocker >= table.size() || block.blocked >= table.size()) {
      return absl::DataLossError("a block names nobody");
    }
    table.SetBlock(block.blocker, block.blocked, true);
  }
  for (const StoredEngagement& stored : engagements) {
    if (stored.seeker >= table.size() || stored.provider >= table.size() ||
        table.at(stored.seeker).deleted || table.at(stored.provider).deleted) {
      return absl::DataLossError("an engagement names nobody");
    }
    table.engaged().Open(stored.key,
                         {stored.seeker, stored.provider,
                          static_cast<int>(stored.role), stored.revision});
  }
  for (const StoredPiece& stored : pieces) {
    const bool tombstone = stored.author == kNoMember;
    if (!tombstone &&
        (stored.author >= table.size() || stored.about >= table.size())) {
      return absl::DataLossError("a piece of evidence names nobody");
    }
    graph.Restore({.key = stored.key,
                   .author = stored.author,
                   .about = stored.about,
                   .kind = stored.kind,
                   .event_time = stored.event_time,
                   .quality = stored.quality,
                   .counts = stored.counts != 0,
                   .revision = stored.revision});
  }
  if (!weights.empty()) {
    // Before the first publication, which then weighs everybody at once.
    auto restored = std::make_shared<Vouching>();
    restored->weight = {weights.begin(), weights.end()};
    graph.SetRaterWeights(WeightsOf(restored));
    absl::MutexLock lock(&mutex);
    vouching = std::move(restored);
  }
  for (const std::string& bytes : waited) {
    v1::Change change;
    if (!change.ParseFromString(bytes)) {
      return absl::DataLossError("a waiting change is damaged");
    }
    MITRA_RETURN_IF_ERROR(Apply(change));
  }
  last_change = std::max(last_change, changed);
  Publish(watermark);
  return absl::OkStatus();
}

absl::Status MatchingState::Load(const std::string& path) {
  snapshot::RemoveLeftovers(path);
  MITRA_ASSIGN_OR_RETURN(
      auto reader, snapshot::OpenNewestGood(path, kFormat, kFormatVersion));
  impl_->Clear();
  absl::Status loaded = impl_->LoadFrom(*reader);
  if (!loaded.ok()) {
    impl_->Clear();
    impl_->record_incarnation = 0;
    impl_->Publish(0);
    absl::MutexLock lock(&impl_->mutex);
    impl_->position = {};
  }
  return loaded;
}

}  // namespace mitra::matching
