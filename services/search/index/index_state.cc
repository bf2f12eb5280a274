#include "services/search/index/index_state.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/failpoint.h"
#include "common/base/ids.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "mitra/v1/change_feed_service.pb.h"
#include "services/search/index/id_hash.h"
#include "services/search/index/profile_facts.h"
#include "services/search/partition/walk_calibration.h"

namespace mitra::search {
namespace {

constexpr size_t kIdHashBytes = 16;

absl::Status Refuse(absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat("feed: ", what));
}

}  // namespace

IndexState::Contents::Contents(size_t dimension)
    : ids(std::make_shared<IdTable>(1000)) {
  roles.reserve(kRoles);
  for (int role = 0; role < kRoles; ++role) roles.emplace_back(dimension);
}

IndexState::IndexState(Options options)
    : options_(std::move(options)),
      tracker_(std::make_shared<ViewTracker>()),
      contents_(std::make_unique<Contents>(0)),
      view_(std::make_shared<const IndexView>(tracker_, 0)) {
  absl::MutexLock lock(&mutex_);
  Publish();
}

absl::Status IndexState::TakeHeader(const v1::FeedHeader& header) {
  if (header.space().empty() || header.dimension() == 0 ||
      header.dimension() > 4096) {
    return Refuse("header: has no embedding space");
  }
  if (header.id_hash_key().size() != kIdHashBytes) {
    return Refuse("header: the key of id hashes must have 16 bytes");
  }
  if (options_.accept_space != nullptr) {
    MITRA_RETURN_IF_ERROR(
        options_.accept_space(header.space(), header.dimension()));
  }
  record_incarnation_ = header.record_incarnation();
  space_ = header.space();
  dimension_ = header.dimension();
  id_hash_key_ = header.id_hash_key();
  return absl::OkStatus();
}

absl::Status IndexState::Reset(const v1::FeedHeader& header) {
  absl::MutexLock lock(&mutex_);
  // Answers of the same record may go on until its snapshot has been read;
  // those of another one are void at once.
  const bool another = header.record_incarnation() != record_incarnation_ ||
                       header.space() != space_;
  MITRA_RETURN_IF_ERROR(TakeHeader(header));
  ++generation_;
  watermark_ = 0;
  uncommitted_ = true;
  contents_ = std::make_unique<Contents>(dimension_);
  if (another) {
    usable_.store(false, std::memory_order_release);
    Publish();
  }
  return absl::OkStatus();
}

absl::Status IndexState::SetHeader(const v1::FeedHeader& header) {
  absl::MutexLock lock(&mutex_);
  if (space_.empty()) {
    MITRA_RETURN_IF_ERROR(TakeHeader(header));
    contents_ = std::make_unique<Contents>(dimension_);
    return absl::OkStatus();
  }
  if (header.record_incarnation() != record_incarnation_ ||
      header.id_hash_key() != id_hash_key_) {
    return Refuse("header: another record, but no fresh start");
  }
  if (header.space() != space_ || header.dimension() != dimension_) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, kSpaceChanged,
        absl::StrCat("feed: the embedding space changed from ", space_, " to ",
                     header.space(), "; the index must be built anew"));
  }
  return absl::OkStatus();
}

absl::Status IndexState::Apply(const v1::Change& change) {
  absl::MutexLock lock(&mutex_);
  if (space_.empty()) return Refuse("a change came before the header");
  uncommitted_ = true;
  switch (change.state_case()) {
    case v1::Change::kProfile:
      return ApplyProfile(change.profile(), change.revision());
    case v1::Change::kProfileDeletion:
      if (change.profile_deletion().id_hash().size() != kIdHashBytes) {
        return Refuse("deletion: the id hash must have 16 bytes");
      }
      ApplyDeletion(change.profile_deletion());
      return absl::OkStatus();
    default:
      return absl::OkStatus();  // not asked for
  }
}

absl::Status IndexState::ApplyProfile(const v1::ProfileChange& change,
                                      uint64_t revision) {
  Contents& c = *contents_;
  const v1::Profile& profile = change.profile();
  if (!IsValidId(profile.profile_id())) {
    return Refuse(absl::StrCat("profile of revision ", revision,
                               ": the id is outside the grammar"));
  }
  const std::string id_hash = feed::IdHash(id_hash_key_, profile.profile_id());
  const uint64_t hash = FirstBits(id_hash);
  const auto tombstone = c.tombstones.find(id_hash);
  if (tombstone != c.tombstones.end() &&
      change.incarnation() <= tombstone->second) {
    ++ignored_;
    return absl::OkStatus();
  }
  uint32_t number = c.ids->Find(hash, [&](uint32_t candidate) {
    return c.members[candidate]->id() == profile.profile_id();
  });
  if (number != IdTable::kNone) {
    const Member& known = *c.members[number];
    if (std::make_pair(change.incarnation(), revision) <=
        std::make_pair(known.incarnation(), known.revision())) {
      ++ignored_;
      return absl::OkStatus();
    }
  }
  MITRA_ASSIGN_OR_RETURN(std::vector<FacetFacts> facets,
                         FacetsOf(change, dimension_));
  // From here on nothing fails.
  if (number != IdTable::kNone &&
      c.members[number]->incarnation() != change.incarnation()) {
    RemoveMember(number);
    number = IdTable::kNone;
  }
  if (number == IdTable::kNone) number = NewMember(hash);

  const MemberRef old = c.members[number];
  Member::Fields fields;
  fields.id = profile.profile_id();
  fields.display_name = profile.display_name();
  fields.region_code = profile.region_code();
  fields.incarnation = change.incarnation();
  fields.revision = revision;
  fields.hidden = profile.hidden();
  std::vector<FacetRow> rows;
  for (FacetFacts& facts : facets) {
    facts.attributes.member = number;
    const RowFacts columns = {facts.attributes, std::move(facts.figures),
                              facts.eligible};
    RoleIndex& role = c.roles[facts.role];
    const FacetRow* before = nullptr;
    if (old != nullptr) {
      for (const FacetRow& facet : old->facets()) {
        if (facet.role == facts.role) before = &facet;
      }
    }
    const uint32_t row =
        before == nullptr
            ? role.Add(columns, facts.offer, facts.need)
            : role.Update(before->row, columns, facts.offer, facts.need);
    rows.push_back({facts.role, row});
  }
  if (old != nullptr) {
    for (const FacetRow& facet : old->facets()) {
      const bool kept = std::any_of(
          facets.begin(), facets.end(),
          [&](const FacetFacts& f) { return f.role == facet.role; });
      if (!kept) c.roles[facet.role].Remove(facet.row);
    }
  }
  fields.text_hash = TextHash(profile);
  if (old != nullptr && old->text_hash() == fields.text_hash) {
    fields.text_serial = old->text_serial();
  } else {
    fields.text_serial = c.next_serial++;
    c.lexical.Add({number, fields.text_serial}, TextOf(profile));
  }
  PutMember(c, number, Member::Create(fields, rows));
  ++applied_;
  return absl::OkStatus();
}

void IndexState::PutMember(Contents& c, uint32_t number, MemberRef member) {
  MemberRef& place = c.members.Mutable(number);
  if (place != nullptr) c.member_bytes -= place->bytes();
  if (member != nullptr) c.member_bytes += member->bytes();
  place = std::move(member);
}

uint32_t IndexState::NewMember(uint64_t hash) {
  Contents& c = *contents_;
  uint32_t number;
  if (c.free_members.empty()) {
    number = static_cast<uint32_t>(c.members.size());
    c.members.Grow(c.members.size() + 1);
  } else {
    number = c.free_members.back();
    c.free_members.pop_back();
  }
  if (c.ids->Crowded()) {
    auto larger = std::make_shared<IdTable>(2 * c.live_members + 1000);
    for (uint32_t i = 0; i < c.members.size(); ++i) {
      if (c.members[i] != nullptr) {
        larger->Insert(IdHash64(id_hash_key_, c.members[i]->id()), i);
      }
    }
    c.ids = std::move(larger);
  }
  c.ids->Insert(hash, number);
  ++c.live_members;
  return number;
}

void IndexState::RemoveMember(uint32_t number) {
  Contents& c = *contents_;
  const MemberRef member = c.members[number];
  for (const FacetRow& facet : member->facets()) {
    c.roles[facet.role].Remove(facet.row);
  }
  c.ids->Remove(IdHash64(id_hash_key_, member->id()), number);
  PutMember(c, number, nullptr);
  c.free_members.push_back(number);
  --c.live_members;
}

void IndexState::ApplyDeletion(const v1::ProfileDeletion& deletion) {
  Contents& c = *contents_;
  uint64_t& ended = c.tombstones[deletion.id_hash()];
  ended = std::max(ended, deletion.incarnation());
  const uint32_t number =
      c.ids->Find(FirstBits(deletion.id_hash()), [&](uint32_t candidate) {
        return feed::IdHash(id_hash_key_, c.members[candidate]->id()) ==
               deletion.id_hash();
      });
  if (number == IdTable::kNone ||
      c.members[number]->incarnation() > deletion.incarnation()) {
    ++ignored_;
    return;
  }
  RemoveMember(number);
  ++applied_;
}

absl::Status IndexState::Commit(uint64_t watermark) {
  {
    absl::MutexLock lock(&mutex_);
    watermark_ = std::max(watermark_, watermark);
    uncommitted_ = false;
    Publish();
    ReclaimRows();
    usable_.store(true, std::memory_order_release);
  }
  if (options_.on_commit != nullptr) options_.on_commit();
  return absl::OkStatus();
}

void IndexState::Publish() {
  Contents& c = *contents_;
  ++version_;
  auto view = std::make_shared<IndexView>(tracker_, version_);
  view->watermark = watermark_;
  view->record_incarnation = record_incarnation_;
  view->space = space_;
  view->dimension = dimension_;
  view->id_hash_key = id_hash_key_;
  for (size_t role = 0; role < c.roles.size(); ++role) {
    view->roles[role] = c.roles[role].Freeze(version_);
  }
  view->lexical = c.lexical.Freeze([&](const LexicalDocument& document) {
    const auto& member = c.members[document.member];
    return member != nullptr && member->text_serial() == document.serial;
  });
  view->members = c.members.Freeze();
  view->live_members = c.live_members;
  view->ids = c.ids;
  view->next_serial = c.next_serial;
  view_.Store(std::move(view));
}

void IndexState::ReclaimRows() {
  view_.Reclaim();
  const uint64_t oldest = tracker_->oldest();
  for (RoleIndex& role : contents_->roles) role.Reclaim(oldest);
}

bool IndexState::settled() const {
  absl::MutexLock lock(&mutex_);
  for (const RoleIndex& role : contents_->roles) {
    if (role.WantsBuild(options_.roles)) return false;
  }
  return true;
}

bool IndexState::Maintain(const std::atomic<bool>& stop, int threads) {
  const bool built = BuildOneGraph(stop, threads);
  const bool merged = !stop.load() && MergeText();
  {
    absl::MutexLock lock(&mutex_);
    ReclaimRows();
  }
  return (built || merged) && !stop.load();
}

namespace {

void Calibrate(HnswPartition& graph, const VectorRows::View& vectors,
               size_t sample, const std::atomic<bool>* stop) {
  CalibrateCare(graph, vectors, SampleQueries(graph, vectors, sample), {},
                stop);
}

}  // namespace

bool IndexState::BuildOneGraph(const std::atomic<bool>& stop, int threads) {
  std::optional<RoleIndex::BuildTask> task;
  size_t which = 0;
  uint64_t generation = 0;
  {
    absl::MutexLock lock(&mutex_);
    generation = generation_;
    for (; which < contents_->roles.size(); ++which) {
      task = contents_->roles[which].StartBuild(options_.roles);
      if (task.has_value()) break;
    }
  }
  if (!task.has_value()) return false;
  auto graph = HnswPartition::Build(task->vectors, task->rows, task->base.get(),
                                    {.links = options_.graph_links,
                                     .build_breadth = options_.build_breadth,
                                     .threads = threads,
                                     .stop = &stop});
  // What was measured holds for a graph that is a little larger.
  constexpr double kGrown = 1.2;
  if (graph.ok() &&
      static_cast<double>((*graph)->size()) >
          kGrown * static_cast<double>((*graph)->calibrated_size())) {
    Calibrate(**graph, task->vectors, options_.calibration_rows, &stop);
  }
  absl::MutexLock lock(&mutex_);
  if (generation != generation_) return true;  // another record meanwhile
  // Without a graph everything is scanned, which is slower but as right.
  std::shared_ptr<const HnswPartition> built;
  const bool ok = graph.ok();
  if (ok) built = *std::move(graph);
  ReachFailpoint("index/graph_built");
  contents_->roles[which].FinishBuild(std::move(built));
  if (!uncommitted_) Publish();
  ReachFailpoint("index/graph_published");
  return ok;
}

bool IndexState::Tune(int role, absl::Span<const Query> asked, uint64_t count,
                      const std::atomic<bool>& stop) {
  // Of the first questions, then now and then: what people ask changes.
  constexpr uint64_t kFirst = 64;
  constexpr uint64_t kAgain = 512;
  std::shared_ptr<const HnswPartition> graph;
  VectorRows::View vectors;
  uint64_t generation = 0;
  {
    absl::MutexLock lock(&mutex_);
    const RoleIndex& index = contents_->roles[static_cast<size_t>(role)];
    graph = index.graph();
    vectors = index.vectors();
    generation = generation_;
  }
  if (graph == nullptr ||
      count < (graph->tuned_at() == 0 ? kFirst : graph->tuned_at() + kAgain)) {
    return false;
  }
  const std::shared_ptr<HnswPartition> tuned = graph->Copy();
  if (!TuneCare(*tuned, vectors, asked, {}, &stop)) return false;
  tuned->set_tuned_at(count);
  absl::MutexLock lock(&mutex_);
  if (generation != generation_ ||
      !contents_->roles[static_cast<size_t>(role)].Retune(graph, tuned)) {
    return false;
  }
  if (!uncommitted_) Publish();
  return true;
}

bool IndexState::MergeText() {
  LexicalIndex::Segments old;
  std::shared_ptr<const IndexView> view;
  uint64_t generation = 0;
  {
    absl::MutexLock lock(&mutex_);
    old = contents_->lexical.MergeCandidates(contents_->live_members);
    generation = generation_;
    view = view_.Read().shared();
  }
  if (old.empty()) return false;
  auto merged =
      LexicalSegment::Merge(old, [&](const LexicalDocument& document) {
        if (document.serial >= view->next_serial) return true;  // younger
        if (document.member >= view->members.size()) return false;
        const auto& member = view->members[document.member];
        return member != nullptr && member->text_serial() == document.serial;
      });
  absl::MutexLock lock(&mutex_);
  if (generation != generation_) return true;
  contents_->lexical.Replace(old, std::move(merged));
  if (!uncommitted_) Publish();
  return true;
}

IndexState::Frozen IndexState::Freeze() const {
  absl::MutexLock lock(&mutex_);
  return {view_.Read().shared(), contents_->tombstones};
}

absl::Status IndexState::Restore(Restored restored) {
  const auto damaged = [](absl::string_view what) {
    return absl::DataLossError(absl::StrCat("snapshot: ", what));
  };
  auto contents = std::make_unique<Contents>(restored.dimension);
  for (size_t role = 0; role < kRoles; ++role) {
    RoleIndex::Vectors& vectors = restored.roles[role].vectors;
    if (!contents->roles[role].RestoreVectors(vectors)) {
      return damaged("vectors");
    }
    vectors = {};
  }
  contents->ids = std::make_shared<IdTable>(restored.members.size() + 1000);
  contents->members.Grow(restored.members.size());
  for (uint32_t number = 0; number < restored.members.size(); ++number) {
    Restored::RestoredMember& from = restored.members[number];
    if (from.id.empty()) {
      contents->free_members.push_back(number);
      continue;
    }
    if (!IsValidId(from.id)) return damaged("ids");
    std::vector<FacetRow> rows;
    unsigned seen = 0;
    for (Restored::Facet& facet : from.facets) {
      if (facet.role == 0 || facet.role >= kRoles ||
          (seen >> facet.role & 1) != 0) {
        return damaged("facets");
      }
      seen |= 1U << facet.role;
      facet.facts.attributes.member = number;
      if (!contents->roles[facet.role].RestoreRow(facet.row, facet.facts)) {
        return damaged("rows");
      }
      rows.push_back({facet.role, facet.row});
    }
    contents->ids->Insert(IdHash64(restored.id_hash_key, from.id), number);
    contents->next_serial =
        std::max(contents->next_serial, from.fields.text_serial + 1);
    from.fields.id = from.id;
    from.fields.display_name = from.display_name;
    from.fields.region_code = from.region_code;
    PutMember(*contents, number, Member::Create(from.fields, rows));
    from = {};  // it takes several times the room of what was made of it
    ++contents->live_members;
  }
  for (size_t role = 0; role < kRoles; ++role) {
    const std::shared_ptr<HnswPartition>& graph = restored.roles[role].graph;
    if (!contents->roles[role].RestoreGraph(graph)) return damaged("graph");
    // Nobody searches it yet.
    if (graph != nullptr) {
      Calibrate(*graph, contents->roles[role].vectors(),
                options_.calibration_rows, nullptr);
    }
  }
  contents->lexical = std::move(restored.lexical);
  if (!contents->lexical.MembersBelow(
          static_cast<uint32_t>(restored.members.size()))) {
    return damaged("text");
  }
  contents->tombstones = std::move(restored.tombstones);

  absl::MutexLock lock(&mutex_);
  ++generation_;
  contents_ = std::move(contents);
  watermark_ = restored.watermark;
  record_incarnation_ = restored.record_incarnation;
  space_ = std::move(restored.space);
  dimension_ = restored.dimension;
  id_hash_key_ = std::move(restored.id_hash_key);
  uncommitted_ = false;
  Publish();
  usable_.store(true, std::memory_order_release);
  return absl::OkStatus();
}

IndexState::Figures IndexState::figures() const {
  absl::MutexLock lock(&mutex_);
  const Contents& c = *contents_;
  Figures figures;
  figures.members = c.live_members;
  figures.tombstones = c.tombstones.size();
  figures.documents = c.lexical.documents();
  figures.applied = applied_;
  figures.ignored = ignored_;
  figures.member_bytes = c.member_bytes + c.members.size() * sizeof(MemberRef);
  figures.id_bytes = c.ids->bytes();
  figures.text_bytes = c.lexical.bytes();
  figures.bytes = figures.member_bytes + figures.id_bytes + figures.text_bytes;
  for (size_t i = 0; i < c.roles.size(); ++i) {
    const RoleIndex& role = c.roles[i];
    RoleFigures& out = figures.roles[i];
    out.live = role.live();
    out.dead = role.dead();
    out.outside = role.outside();
    out.graph = role.graph_size();
    out.bytes = role.bytes();
    out.building = role.building();
    out.care = role.care();
    if (const auto& graph = role.graph(); graph != nullptr) {
      out.tuned = graph->tuned_at() != 0;
      out.leans_from_pivots = graph->leans_by(HnswPartition::Way::kPivots);
      out.leans_by_lists = graph->leans_by(HnswPartition::Way::kLists);
    }
    out.oldest_dead = role.oldest_dead() == absl::InfiniteFuture()
                          ? absl::ZeroDuration()
                          : absl::Now() - role.oldest_dead();
    figures.bytes += out.bytes.sum();
  }
  return figures;
}

}  // namespace mitra::search
