#include "services/matching/refresh/slate_export.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "common/taxonomy/names.h"
#include "common/taxonomy/region.h"
#include "services/matching/explain/explanation.h"

namespace mitra::matching {
namespace {

constexpr size_t kDigestPlaces = 5;
constexpr size_t kDigestBytes = 1000;

absl::Status Gone() {
  return MakeError(absl::StatusCode::kNotFound, "SLATES_GONE",
                   "the slates of this refresh are not kept any more");
}

}  // namespace

StoredSlates::StoredSlates(v1::Refresh refresh,
                           std::vector<std::string> members,
                           std::unique_ptr<ChunkLog> log)
    : refresh_(std::move(refresh)),
      members_(std::move(members)),
      log_(std::move(log)) {}

absl::StatusOr<std::unique_ptr<StoredSlates>> StoredSlates::Open(
    const JobFolder& folder, const v1::Refresh& refresh) {
  if (!folder.HasSlates()) return Gone();
  absl::StatusOr<std::vector<std::string>> members = folder.ReadMembers();
  if (!members.ok()) return Gone();
  const auto chunks = static_cast<uint32_t>(
      (members->size() + kChunkMembers - 1) / kChunkMembers);
  MITRA_ASSIGN_OR_RETURN(auto log, folder.OpenSlates(chunks));
  if (log->count() != chunks) return Gone();
  return std::unique_ptr<StoredSlates>(
      new StoredSlates(refresh, *std::move(members), std::move(log)));
}

absl::Span<const std::string> StoredSlates::members(uint32_t chunk) const {
  return absl::MakeConstSpan(members_).subspan(chunk * kChunkMembers,
                                               kChunkMembers);
}

absl::StatusOr<ChunkResult> StoredSlates::Read(uint32_t chunk,
                                               const MemberView& view) const {
  MITRA_ASSIGN_OR_RETURN(const std::string bytes, log_->Read(chunk));
  return DecodeChunk(bytes, view, members(chunk).size(),
                     static_cast<size_t>(refresh_.kinds_size()));
}

std::vector<std::string> StoredSlates::Shown(absl::string_view member,
                                             v1::RecommendationKind kind,
                                             const MemberView& view) {
  std::vector<std::string> shown;
  if (positions_ == nullptr) {
    positions_ = std::make_unique<const PositionsById>(members_);
  }
  const size_t number = positions_->Find(member);
  if (number == members_.size()) return shown;
  const auto chunk = static_cast<uint32_t>(number / kChunkMembers);
  if (chunk != last_) {
    auto read = Read(chunk, view);
    if (!read.ok()) return shown;
    last_chunk_ = *std::move(read);
    last_ = chunk;
  }
  for (int k = 0; k < refresh_.kinds_size(); ++k) {
    if (refresh_.kinds(k) != kind) continue;
    const auto list =
        last_chunk_.kinds[static_cast<size_t>(k)].of(number % kChunkMembers);
    for (const MarketCandidate& one :
         list.subspan(0, static_cast<size_t>(refresh_.slate_size()))) {
      shown.emplace_back(view.at(one.member).id.view());
    }
  }
  return shown;
}

SlateExport::SlateExport(std::unique_ptr<StoredSlates> slates, Options options)
    : slates_(std::move(slates)), options_(std::move(options)) {}

v1::SlateLine SlateExport::LineOf(const MatchingView& view,
                                  const Subject& subject, const KindSpec& kind,
                                  absl::Span<const MarketCandidate> slate,
                                  int64_t now) {
  const EligibilityCheck eligible(view.members, subject.index, now);
  const auto size = static_cast<size_t>(slates_->refresh().slate_size());
  std::vector<Ranked> shown;
  for (const MarketCandidate& row : slate) {
    if (shown.size() == size) break;
    const Ranked ranked = RankedOf(view.members, row);
    if (eligible(ranked.member, ranked.role, ranked.incarnation) ==
        Eligibility::kEligible) {
      shown.push_back(ranked);
    }
  }
  v1::SlateLine line;
  line.set_profile_id(std::string(subject.member->id.view()));
  line.set_kind(kind.kind);
  line.set_epoch(slates_->refresh().epoch());
  for (const Ranked& ranked : shown) {
    v1::SlateLine::Place& place = *line.add_places();
    place.set_profile_id(std::string(view.members.at(ranked.member).id.view()));
    place.set_role(ranked.role);
    place.set_score(ranked.score.match);
    place.set_trust(ranked.trust);
  }
  if (options_.digests) {
    line.set_digest(DigestOf(view, subject, kind,
                             options_.arms.Of(line.profile_id()), shown));
  }
  return line;
}

absl::StatusOr<std::vector<v1::SlateLine>> SlateExport::Next(
    const MatchingView& view, int64_t now) {
  std::vector<v1::SlateLine> lines;
  while (lines.empty() && next_ < slates_->chunks()) {
    const uint32_t chunk = next_++;
    MITRA_ASSIGN_OR_RETURN(const ChunkResult result,
                           slates_->Read(chunk, view.members));
    const auto ids = slates_->members(chunk);
    for (size_t i = 0; i < ids.size(); ++i) {
      Subject subject;
      subject.index = view.members.Find(ids[i]);
      if (subject.index == kNoMember) continue;
      subject.member = &view.members.at(subject.index);
      for (int k = 0; k < slates_->refresh().kinds_size(); ++k) {
        const KindSpec& kind = *FindKind(slates_->refresh().kinds(k));
        if (!options_.kinds.empty() && !options_.kinds.contains(kind.kind)) {
          continue;
        }
        v1::SlateLine line =
            LineOf(view, subject, kind,
                   result.kinds[static_cast<size_t>(k)].of(i), now);
        if (options_.since != nullptr) {
          const auto before =
              options_.since->Shown(ids[i], kind.kind, view.members);
          const bool same = std::equal(
              before.begin(), before.end(), line.places().begin(),
              line.places().end(),
              [](const std::string& a, const v1::SlateLine::Place& b) {
                return a == b.profile_id();
              });
          if (same) continue;
        }
        lines.push_back(std::move(line));
      }
    }
  }
  return lines;
}

std::string DigestOf(const MatchingView& view, const Subject& subject,
                     const KindSpec& kind, const RankingProfile& profile,
                     absl::Span<const Ranked> slate) {
  constexpr auto kLanguage = taxonomy::Language::kIndonesian;
  const absl::string_view what =
      taxonomy::RecommendationKindName(kind.kind, kLanguage);
  const std::string greeting =
      absl::StrCat("Halo ", subject.member->display_name.view(), ". ");
  if (slate.empty()) {
    return absl::StrCat(greeting, "Belum ada ", what,
                        " yang cocok untuk Anda. Lengkapi kebutuhan dan "
                        "penawaran di profil Anda agar kami bisa mencarikan.");
  }
  const PairFeatures features(view.members, view.graph, subject, kind,
                              CountingRoles(*subject.member, kind, 0), nullptr);
  const JointUtility utility(profile, kind, .6, subject.member->sectors);
  const Explainer explainer(view, subject, kind, features, utility, kLanguage);
  std::string text =
      absl::StrCat(greeting, "Rekomendasi ", what, " untuk Anda:");
  const std::string end = "\nBalas dengan nomor untuk meminta.";
  for (size_t i = 0; i < slate.size() && i < kDigestPlaces; ++i) {
    const Member& member = view.members.at(slate[i].member);
    std::string entry =
        absl::StrCat("\n", i + 1, ". ", member.display_name.view());
    const absl::string_view region =
        taxonomy::RegionName(member.region_code.view());
    if (!region.empty()) absl::StrAppend(&entry, " (", region, ")");
    v1::Recommendation described;
    explainer.Explain(slate[i], v1::EXPLANATION_LEVEL_REASONS, described);
    if (described.reasons_size() > 0) {
      absl::StrAppend(&entry, ": ", described.reasons(0).text());
    }
    if (text.size() + entry.size() + end.size() > kDigestBytes) break;
    text += entry;
  }
  return text + end;
}

}  // namespace mitra::matching
