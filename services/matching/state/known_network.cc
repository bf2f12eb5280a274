#include "services/matching/state/known_network.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/page_token.h"
#include "common/base/sealed_token.h"
#include "common/feed/follower.h"
#include "common/status/status_macros.h"
#include "services/matching/members/member_builder.h"

namespace mitra::matching {

KnownNetwork::KnownNetwork(const TieOptions& ties, const SupplyLevels& supply)
    : members_(supply), ties_(ties) {}

absl::Status KnownNetwork::SetHeader(const v1::FeedHeader& header) {
  if (header.id_hash_key().size() != 16) {
    return absl::InvalidArgumentError("the feed has no key of id hashes");
  }
  record_.hash_key = header.id_hash_key();
  record_.space = header.space();
  if (header.token_key().size() == kTokenKeyBytes) {
    record_.token_key = std::make_shared<const std::string>(header.token_key());
  } else if (record_.token_key == nullptr) {
    // The record's program is an earlier one: tokens die with this process.
    record_.token_key = std::make_shared<const std::string>(NewPageTokenKey());
  }
  record_.incarnation = header.record_incarnation();
  return absl::OkStatus();
}

void KnownNetwork::Clear() {
  members_.Clear();
  ties_.Clear();
  waiting_.clear();
  waiting_count_ = 0;
  record_.redirects = nullptr;
  record_.last_change = 0;
  summary_ = CommitSummary();
  summary_.reset = true;
}

void KnownNetwork::Weigh(std::shared_ptr<const Vouching> vouching) {
  if (vouching == nullptr || !vouching->vouched()) {
    ties_.SetRaterWeights(nullptr);
    return;
  }
  // The weights live as long as the vouching.
  const std::vector<float>& weights = vouching->weight;
  ties_.SetRaterWeights({std::move(vouching), &weights});
}

CommitSummary KnownNetwork::TakeSummary() {
  return std::exchange(summary_, CommitSummary());
}

void KnownNetwork::VisitWaiting(
    const std::function<void(const v1::Change& change)>& visit) const {
  for (const auto& [id, changes] : waiting_) {
    for (const v1::Change& change : changes) visit(change);
  }
}

IdHash KnownNetwork::HashOf(absl::string_view id) const {
  const std::string bytes = feed::IdHash(record_.hash_key, id);
  IdHash hash;
  std::memcpy(hash.data(), bytes.data(), sizeof hash);
  return hash;
}

EvidenceKey KnownNetwork::KeyOf(absl::string_view evidence_id) const {
  return HashOf(evidence_id)[0];
}

void KnownNetwork::Wait(const std::string& id, const v1::Change& change) {
  waiting_[id].push_back(change);
  ++waiting_count_;
}

absl::Status KnownNetwork::Apply(const v1::Change& change) {
  record_.last_change = std::max(record_.last_change, change.revision());
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

absl::Status KnownNetwork::ApplyProfile(const v1::ProfileChange& change,
                                        uint64_t revision) {
  const std::string& id = change.profile().profile_id();
  if (id.empty()) return absl::InvalidArgumentError("a profile without id");
  const MemberIndex before = members_.Find(id);
  const bool new_life = before != kNoMember &&
                        members_.at(before).incarnation < change.incarnation();
  const MemberIndex index =
      members_.Put(MakeMember(change.profile(),
                              {.incarnation = change.incarnation(),
                               .revision = revision,
                               .answered = change.standing().accepted() +
                                           change.standing().declined(),
                               .unanswered = change.standing().unanswered()}),
                   HashOf(id));
  if (index == kNoMember) return absl::OkStatus();
  if (new_life) {
    ties_.RemoveMember(index);
    summary_.distrusted.push_back(index);
  }
  summary_.changed.push_back(index);
  return ApplyWaiting(id);
}

absl::Status KnownNetwork::ApplyWaiting(const std::string& id) {
  const auto it = waiting_.find(id);
  if (it == waiting_.end()) return absl::OkStatus();
  const std::vector<v1::Change> arrived = std::move(it->second);
  waiting_.erase(it);
  waiting_count_ -= arrived.size();
  for (const v1::Change& change : arrived) {
    MITRA_RETURN_IF_ERROR(Apply(change));
  }
  return absl::OkStatus();
}

absl::Status KnownNetwork::ApplyDeletion(const v1::ProfileDeletion& deletion,
                                         uint64_t revision) {
  if (deletion.id_hash().size() != sizeof(IdHash)) {
    return absl::InvalidArgumentError("a deletion without id hash");
  }
  IdHash hash;
  std::memcpy(hash.data(), deletion.id_hash().data(), sizeof hash);
  const MemberIndex index =
      members_.Delete(hash, deletion.incarnation(), revision);
  if (index == kNoMember) return absl::OkStatus();
  ties_.RemoveMember(index);
  summary_.distrusted.push_back(index);
  summary_.changed.push_back(index);
  return absl::OkStatus();
}

MemberIndex KnownNetwork::Resolve(const std::string& id, uint64_t incarnation,
                                  bool& wait) {
  const MemberIndex index = members_.Find(id);
  if (index == kNoMember) {
    // Deleted ids stay known by hash: what belongs to that life is void.
    const MemberIndex gone = members_.FindHash(HashOf(id));
    if (gone == kNoMember || members_.at(gone).incarnation < incarnation) {
      wait = true;
    }
    return kNoMember;
  }
  if (incarnation == 0 || members_.at(index).incarnation == incarnation) {
    return index;
  }
  wait = members_.at(index).incarnation < incarnation;
  return kNoMember;
}

void KnownNetwork::ApplyEvidence(const v1::Change& change) {
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
  if (ties_.Fold(fold) == TieGraph::Folded::kLowered) {
    summary_.distrusted.push_back(author);
  }
}

void KnownNetwork::ApplyWithdrawal(const v1::EvidenceWithdrawal& withdrawal,
                                   uint64_t revision) {
  const auto author = ties_.Withdraw(KeyOf(withdrawal.evidence_id()), revision);
  if (author) summary_.distrusted.push_back(*author);
}

void KnownNetwork::ApplyBlock(const v1::Change& change) {
  const v1::Block& block = change.block().block();
  for (const std::string& id : {block.blocker_id(), block.blocked_id()}) {
    if (members_.Find(id) != kNoMember) continue;
    if (members_.FindHash(HashOf(id)) == kNoMember) Wait(id, change);
    return;
  }
  const MemberIndex blocker = members_.Find(block.blocker_id());
  const MemberIndex blocked = members_.Find(block.blocked_id());
  members_.SetBlock(blocker, blocked, !change.block().removed());
  summary_.changed.push_back(blocker);
  summary_.changed.push_back(blocked);
}

void KnownNetwork::ApplyConsent(const v1::Change& change) {
  const v1::Consent& consent = change.consent();
  const MemberIndex index = members_.Find(consent.profile_id());
  if (index == kNoMember) {
    if (members_.FindHash(HashOf(consent.profile_id())) == kNoMember) {
      Wait(consent.profile_id(), change);
    }
    return;
  }
  if (members_.SetConsent(index, consent.purpose(), consent.granted())) {
    summary_.changed.push_back(index);
  }
}

// Both ends wait for their members in the same way, so that of one engagement
// the end never comes before the beginning.
void KnownNetwork::ApplyEngagement(const v1::Change& change) {
  const v1::EngagementChange& engagement = change.engagement();
  bool wait_seeker = false, wait_provider = false;
  OpenEngagement one;
  one.seeker = Resolve(engagement.seeker_id(), engagement.seeker_incarnation(),
                       wait_seeker);
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
          ? members_.engaged().Open(key, one)
          : members_.engaged().Close(key, one.revision).has_value();
  if (!changed) return;
  summary_.changed.push_back(one.seeker);
  summary_.changed.push_back(one.provider);
}

// It ends with the member that stays: an id whose member is gone means
// nobody. Who takes the id anew is found before any redirect.
void KnownNetwork::ApplyRedirect(const v1::RedirectChange& redirect) {
  auto next = std::make_shared<Redirects>();
  if (record_.redirects != nullptr) *next = *record_.redirects;
  (*next)[redirect.from_profile_id()] = redirect.into_profile_id();
  record_.redirects = std::move(next);
}

}  // namespace mitra::matching
