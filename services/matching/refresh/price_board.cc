#include "services/matching/refresh/price_board.h"

#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "common/base/byte_codec.h"
#include "services/matching/refresh/market.h"

namespace mitra::matching {
namespace {

constexpr uint32_t kFormat = 0x32435250;  // "PRC2"
// The correction goes no further, in log units of the market.
constexpr float kMaxDrift = 2;

absl::Status Damaged() { return absl::DataLossError("prices: damaged"); }

}  // namespace

float PriceBoard::LogPriceOf(v1::RecommendationKind kind,
                             MemberIndex member) const {
  const auto at = static_cast<size_t>(kind);
  absl::ReaderMutexLock lock(&mutex_);
  if (at >= lists_.size() || lists_[at] == nullptr) return 0;
  const PriceList& prices = *lists_[at];
  return member < prices.size() ? prices[member] : 0;
}

void PriceBoard::Publish(v1::RecommendationKind kind, KindPrices prices) {
  const auto at = static_cast<size_t>(kind);
  if (at >= kKinds) return;
  absl::MutexLock changing(&changing_);
  auto made = std::make_shared<const KindPrices>(std::move(prices));
  std::shared_ptr<const PriceList> list(made, &made->prices);
  made_[at] = std::move(made);
  absl::MutexLock lock(&mutex_);
  lists_[at].swap(list);
}

float DriftOf(uint16_t then, uint16_t now) {
  const float ratio =
      (static_cast<float>(now) + .5f) / (static_cast<float>(then) + .5f);
  return std::clamp(std::log(ratio) / 2, -kMaxDrift, kMaxDrift);
}

void PriceBoard::Follow(const MemberView& members) {
  absl::MutexLock changing(&changing_);
  for (size_t at = 0; at < kKinds; ++at) {
    const KindPrices* made = made_[at].get();
    if (made == nullptr || made->seats.empty() || made->unit <= 0) continue;
    const KindSpec& kind = *FindKind(static_cast<v1::RecommendationKind>(at));
    auto next = std::make_shared<PriceList>(made->prices);
    const size_t count = std::min(made->seats.size(), next->size());
    for (MemberIndex i = 0; i < count; ++i) {
      const uint16_t then = made->seats[i];
      if (then == KindPrices::kNotCounted) continue;
      const uint16_t now = SeatsToday(kind, members.at(i));
      if (now == KindPrices::kNotCounted || now == then) continue;
      (*next)[i] += made->unit * DriftOf(then, now);
    }
    std::shared_ptr<const PriceList> list = std::move(next);
    absl::MutexLock lock(&mutex_);
    lists_[at].swap(list);
  }
}

uint16_t SeatsToday(const KindSpec& kind, const Member& member) {
  const double seats = SeatsOf(kind, member);
  return seats < 0 ? KindPrices::kNotCounted
                   : static_cast<uint16_t>(std::min(seats, 65534.));
}

std::string EncodePrices(const PricesByKind& prices,
                         const MemberView& members) {
  std::string out;
  PutBytes(out, kFormat);
  PutBytes(out, static_cast<uint32_t>(prices.size()));
  for (const auto& [kind, made] : prices) {
    const PriceList& list = made.prices;
    PutBytes(out, static_cast<uint32_t>(kind));
    PutBytes(out, made.unit);
    const size_t count_at = out.size();
    uint32_t count = 0;
    PutBytes(out, count);
    for (MemberIndex i = 0; i < list.size() && i < members.size(); ++i) {
      if (list[i] == 0 || members.at(i).deleted) continue;
      const absl::string_view id = members.at(i).id.view();
      PutBytes(out, list[i]);
      PutBytes(out,
               i < made.seats.size() ? made.seats[i] : KindPrices::kNotCounted);
      PutBytes(out, static_cast<uint8_t>(id.size()));
      out.append(id.data(), id.size());
      ++count;
    }
    std::memcpy(out.data() + count_at, &count, sizeof count);
  }
  PutBytes(out, uint64_t{XXH3_64bits(out.data(), out.size())});
  return out;
}

absl::StatusOr<PricesByKind> DecodePrices(absl::string_view bytes,
                                          const MemberView& members) {
  uint64_t checksum = 0;
  if (bytes.size() < sizeof checksum) return Damaged();
  std::memcpy(&checksum, bytes.data() + bytes.size() - sizeof checksum,
              sizeof checksum);
  bytes.remove_suffix(sizeof checksum);
  if (XXH3_64bits(bytes.data(), bytes.size()) != checksum) return Damaged();
  ByteReader in(bytes);
  if (in.Get<uint32_t>() != kFormat) return Damaged();
  PricesByKind prices;
  const auto kinds = in.Get<uint32_t>();
  for (uint32_t k = 0; k < kinds && in.ok(); ++k) {
    const auto kind = in.Get<uint32_t>();
    KindPrices made;
    made.unit = in.Get<float>();
    const auto count = in.Get<uint32_t>();
    PriceList& list = made.prices;
    list.assign(members.size(), 0);
    made.seats.assign(members.size(), KindPrices::kNotCounted);
    for (uint32_t i = 0; i < count && in.ok(); ++i) {
      const auto price = in.Get<float>();
      const auto seats = in.Get<uint16_t>();
      const absl::string_view id = in.Text(in.Get<uint8_t>());
      if (!in.ok()) break;
      const MemberIndex member = members.Find(id);
      if (member >= list.size() || !std::isfinite(price)) continue;
      list[member] = price;
      made.seats[member] = seats;
    }
    if (!std::isfinite(made.unit) || made.unit < 0) return Damaged();
    // A kind of a later version has no ranking here that would read it.
    if (FindKind(static_cast<v1::RecommendationKind>(kind)) == nullptr) {
      continue;
    }
    prices[static_cast<v1::RecommendationKind>(kind)] = std::move(made);
  }
  if (!in.done()) return Damaged();
  return prices;
}

}  // namespace mitra::matching
