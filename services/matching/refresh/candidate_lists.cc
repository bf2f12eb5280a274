#include "services/matching/refresh/candidate_lists.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "absl/container/flat_hash_map.h"
#include "common/base/byte_codec.h"
#include "common/base/thread_priority.h"

namespace mitra::matching {
namespace {

constexpr uint32_t kFormat = 0x31484352;  // "RCH1"
constexpr float kMaxShare = 65535;
// Cosines use one value less: the last stands for "not known".
constexpr float kMaxCosine = 65534;

uint16_t PackShare(float value) {
  return static_cast<uint16_t>(
      std::lround(std::clamp(value, 0.f, 1.f) * kMaxShare));
}
uint16_t PackCosine(float value) {
  if (std::isnan(value)) return UINT16_MAX;
  return static_cast<uint16_t>(
      std::lround((std::clamp(value, -1.f, 1.f) + 1) / 2 * kMaxCosine));
}
float UnpackCosine(uint16_t packed) {
  if (packed == UINT16_MAX) return std::numeric_limits<float>::quiet_NaN();
  return static_cast<float>(packed) / kMaxCosine * 2 - 1;
}

absl::Status Damaged() {
  return absl::DataLossError("chunk: not what a worker makes");
}

bool IsSane(const MarketCandidate& row) {
  return row.wants >= 0 && row.wants <= 1 && row.accepts >= 0 &&
         row.accepts <= 1 && std::isfinite(row.key) &&
         (row.role & MarketCandidate::kRoleBits) <= v1::Role_MAX;
}

// The numbers of a chunk's candidates in this process.
absl::StatusOr<std::vector<MemberIndex>> ReadNames(ByteReader& in,
                                                   const MemberView& members) {
  const auto count = in.Get<uint32_t>();
  if (!in.ok() || count > in.left()) return Damaged();
  std::vector<MemberIndex> names(count, kNoMember);
  for (MemberIndex& name : names) {
    const absl::string_view id = in.Text(in.Get<uint8_t>());
    const auto incarnation = in.Get<uint64_t>();
    if (!in.ok()) return Damaged();
    const MemberIndex member = members.Find(id);
    if (member != kNoMember && members.at(member).incarnation == incarnation) {
      name = member;
    }
  }
  return names;
}

absl::StatusOr<CandidateLists> ReadLists(
    ByteReader& in, size_t count, const std::vector<MemberIndex>& names) {
  std::vector<uint32_t> begin(count + 1);
  in.Read(begin.data(), begin.size() * sizeof(uint32_t));
  std::vector<uint8_t> flags(count);
  in.Read(flags.data(), flags.size());
  if (!in.ok() || begin[0] != 0 ||
      begin[count] > in.left() / sizeof(MarketCandidate)) {
    return Damaged();
  }
  CandidateLists lists;
  std::vector<MarketCandidate> list;
  for (size_t i = 0; i < count; ++i) {
    if (begin[i + 1] < begin[i] || begin[i + 1] > begin[count]) {
      return Damaged();
    }
    GiveWay();
    list.clear();
    for (uint32_t r = begin[i]; r < begin[i + 1]; ++r) {
      auto row = in.Get<MarketCandidate>();
      if (!in.ok() || row.member >= names.size() || !IsSane(row)) {
        return Damaged();
      }
      row.member = names[row.member];
      if (row.member != kNoMember) list.push_back(row);
    }
    lists.Add(list, flags[i]);
  }
  return lists;
}

}  // namespace

MarketCandidate CandidateOf(const Ranked& ranked) {
  MarketCandidate candidate;
  candidate.member = ranked.member;
  candidate.wants = ranked.score.wants;
  candidate.accepts = ranked.score.accepts;
  candidate.key = ranked.score.key;
  candidate.give = PackCosine(ranked.similarity.give);
  candidate.take = PackCosine(ranked.similarity.take);
  candidate.trust = PackShare(ranked.trust);
  candidate.role = static_cast<uint8_t>(ranked.role);
  if (ranked.stranger) candidate.role |= MarketCandidate::kStrangerBit;
  candidate.sources = ranked.sources & ~MarketCandidate::kMarks;
  if (ranked.newcomer) candidate.sources |= MarketCandidate::kNewcomerBit;
  return candidate;
}

Ranked RankedOf(const MemberView& members, const MarketCandidate& candidate) {
  Ranked ranked;
  ranked.member = candidate.member;
  ranked.role =
      static_cast<v1::Role>(candidate.role & MarketCandidate::kRoleBits);
  ranked.stranger = candidate.stranger();
  ranked.sources = candidate.sources & ~MarketCandidate::kMarks;
  if ((candidate.role & MarketCandidate::kDrawnBit) != 0) {
    ranked.sources |= kFromRandom;
  }
  ranked.newcomer = candidate.newcomer();
  ranked.incarnation = members.at(candidate.member).incarnation;
  ranked.similarity = {UnpackCosine(candidate.give),
                       UnpackCosine(candidate.take)};
  ranked.trust = static_cast<float>(candidate.trust) / kMaxShare;
  ranked.score = {candidate.wants, candidate.accepts,
                  candidate.wants * candidate.accepts, candidate.key};
  return ranked;
}

void CandidateLists::Add(absl::Span<const MarketCandidate> list,
                         uint8_t list_flags) {
  rows.insert(rows.end(), list.begin(), list.end());
  begin.push_back(static_cast<uint32_t>(rows.size()));
  flags.push_back(list_flags);
}

std::string EncodeChunk(const ChunkResult& chunk, const MemberView& members) {
  absl::flat_hash_map<MemberIndex, uint32_t> number_of;
  std::vector<MemberIndex> names;
  size_t rows = 0;
  for (const CandidateLists& lists : chunk.kinds) {
    rows += lists.rows.size();
    GiveWay();
    for (const MarketCandidate& row : lists.rows) {
      if (number_of.try_emplace(row.member, names.size()).second) {
        names.push_back(row.member);
      }
    }
  }
  const size_t count = chunk.subject_revisions.size();
  std::string out;
  out.reserve(64 + names.size() * 24 + rows * sizeof(MarketCandidate) +
              chunk.kinds.size() * (count + 1) * 5 + count * 8);
  PutBytes(out, kFormat);
  PutBytes(out, static_cast<uint32_t>(count));
  PutBytes(out, static_cast<uint32_t>(chunk.kinds.size()));
  PutBytes(out, chunk.first_revision);
  PutBytes(out, chunk.last_revision);
  out.append(reinterpret_cast<const char*>(chunk.subject_revisions.data()),
             count * sizeof(uint64_t));
  PutBytes(out, static_cast<uint32_t>(names.size()));
  GiveWay();
  for (const MemberIndex name : names) {
    const Member& member = members.at(name);
    const absl::string_view id = member.id.view();
    PutBytes(out, static_cast<uint8_t>(id.size()));
    out.append(id.data(), id.size());
    PutBytes(out, member.incarnation);
  }
  for (const CandidateLists& lists : chunk.kinds) {
    out.append(reinterpret_cast<const char*>(lists.begin.data()),
               lists.begin.size() * sizeof(uint32_t));
    out.append(reinterpret_cast<const char*>(lists.flags.data()),
               lists.flags.size());
    GiveWay();
    for (MarketCandidate row : lists.rows) {
      row.member = number_of[row.member];
      PutBytes(out, row);
    }
  }
  return out;
}

absl::StatusOr<ChunkResult> DecodeChunk(absl::string_view bytes,
                                        const MemberView& members, size_t count,
                                        size_t kinds) {
  ByteReader in(bytes);
  const auto format = in.Get<uint32_t>();
  const auto stored_count = in.Get<uint32_t>();
  const auto stored_kinds = in.Get<uint32_t>();
  if (!in.ok() || format != kFormat || stored_count != count ||
      stored_kinds != kinds) {
    return Damaged();
  }
  ChunkResult chunk;
  chunk.first_revision = in.Get<uint64_t>();
  chunk.last_revision = in.Get<uint64_t>();
  chunk.subject_revisions.resize(count);
  in.Read(chunk.subject_revisions.data(), count * sizeof(uint64_t));
  const auto names = ReadNames(in, members);
  if (!names.ok()) return names.status();
  for (size_t k = 0; k < kinds; ++k) {
    auto lists = ReadLists(in, count, *names);
    if (!lists.ok()) return lists.status();
    chunk.kinds.push_back(*std::move(lists));
  }
  if (!in.ok() || in.left() != 0) return Damaged();
  return chunk;
}

}  // namespace mitra::matching
