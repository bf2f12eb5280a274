#include "services/matching/slates/slate.h"

#include <cmath>

#include "common/base/byte_codec.h"

namespace mitra::matching {
namespace {

constexpr char kFormat = 1;
constexpr size_t kMaxEntries = 1 << 16;

bool IsProbability(float p) { return p >= 0 && p <= 1; }

bool IsSane(const SlateEntry& entry) {
  return !entry.id.empty() && entry.id.size() <= 64 &&
         IsProbability(entry.wants) && IsProbability(entry.accepts) &&
         IsProbability(entry.trust) && std::isfinite(entry.key) &&
         entry.role < 32 && !std::isinf(entry.give) && !std::isinf(entry.take);
}

}  // namespace

std::string EncodeSlate(const Slate& slate) {
  std::string out;
  out.reserve(64 + slate.entries.size() * 60);
  PutBytes(out, kFormat);
  PutBytes(out, slate.slate_id);
  PutBytes(out, slate.subject_state);
  PutBytes(out, slate.subject_incarnation);
  PutBytes(out, slate.revision);
  PutBytes(out, absl::ToUnixMillis(slate.compute_time));
  PutBytes(out, static_cast<uint8_t>(slate.published));
  PutBytes(out, static_cast<uint8_t>(slate.exhausted));
  PutBytes(out, slate.missing);
  PutBytes(out, static_cast<uint32_t>(slate.entries.size()));
  for (const SlateEntry& entry : slate.entries) {
    PutBytes(out, static_cast<uint8_t>(entry.id.size()));
    out.append(entry.id);
    PutBytes(out, entry.incarnation);
    PutBytes(out, entry.role);
    PutBytes(out, entry.sources);
    for (const float value : {entry.give, entry.take, entry.trust, entry.wants,
                              entry.accepts, entry.key}) {
      PutBytes(out, value);
    }
  }
  return out;
}

std::optional<Slate> DecodeSlate(absl::string_view bytes) {
  ByteReader in(bytes);
  if (in.Get<char>() != kFormat) return std::nullopt;
  Slate slate;
  slate.slate_id = in.Get<uint64_t>();
  slate.subject_state = in.Get<uint64_t>();
  slate.subject_incarnation = in.Get<uint64_t>();
  slate.revision = in.Get<uint64_t>();
  slate.compute_time = absl::FromUnixMillis(in.Get<int64_t>());
  slate.published = in.Get<uint8_t>() != 0;
  slate.exhausted = in.Get<uint8_t>() != 0;
  slate.missing = in.Get<uint8_t>();
  const uint32_t count = in.Get<uint32_t>();
  if (!in.ok() || count > kMaxEntries || count > bytes.size()) {
    return std::nullopt;
  }
  slate.entries.reserve(count);
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    SlateEntry entry;
    entry.id = std::string(in.Text(in.Get<uint8_t>()));
    entry.incarnation = in.Get<uint64_t>();
    entry.role = in.Get<uint8_t>();
    entry.sources = in.Get<uint8_t>();
    for (float* value : {&entry.give, &entry.take, &entry.trust, &entry.wants,
                         &entry.accepts, &entry.key}) {
      *value = in.Get<float>();
    }
    if (!in.ok() || !IsSane(entry)) return std::nullopt;
    slate.entries.push_back(std::move(entry));
  }
  if (!in.done()) return std::nullopt;
  return slate;
}

SlateEntry EntryOf(const MemberView& members, const Ranked& ranked) {
  SlateEntry entry;
  entry.id = std::string(members.at(ranked.member).id.view());
  entry.incarnation = ranked.incarnation;
  entry.role = static_cast<uint8_t>(ranked.role);
  entry.sources = ranked.sources;
  entry.give = ranked.similarity.give;
  entry.take = ranked.similarity.take;
  entry.trust = ranked.trust;
  entry.wants = ranked.score.wants;
  entry.accepts = ranked.score.accepts;
  entry.key = ranked.score.key;
  return entry;
}

Ranked RankedOf(const MemberView& members, const SlateEntry& entry) {
  Ranked ranked;
  ranked.member = members.Find(entry.id);
  if (ranked.member != kNoMember &&
      members.at(ranked.member).incarnation != entry.incarnation) {
    ranked.member = kNoMember;
  }
  ranked.role = static_cast<v1::Role>(entry.role);
  ranked.sources = entry.sources;
  ranked.incarnation = entry.incarnation;
  ranked.similarity = {entry.give, entry.take};
  ranked.trust = entry.trust;
  ranked.score = {entry.wants, entry.accepts, entry.wants * entry.accepts,
                  entry.key};
  return ranked;
}

}  // namespace mitra::matching
