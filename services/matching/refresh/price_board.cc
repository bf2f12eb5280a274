#include "services/matching/refresh/price_board.h"

#include <xxhash.h>

#include <cmath>
#include <cstring>

#include "common/base/byte_codec.h"

namespace mitra::matching {
namespace {

constexpr uint32_t kFormat = 0x31435250;  // "PRC1"

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

void PriceBoard::Publish(v1::RecommendationKind kind, PriceList prices) {
  auto list = std::make_shared<const PriceList>(std::move(prices));
  const auto at = static_cast<size_t>(kind);
  absl::MutexLock lock(&mutex_);
  if (at < lists_.size()) lists_[at].swap(list);
}

std::string EncodePrices(const PricesByKind& prices,
                         const MemberView& members) {
  std::string out;
  PutBytes(out, kFormat);
  PutBytes(out, static_cast<uint32_t>(prices.size()));
  for (const auto& [kind, list] : prices) {
    PutBytes(out, static_cast<uint32_t>(kind));
    const size_t count_at = out.size();
    uint32_t count = 0;
    PutBytes(out, count);
    for (MemberIndex i = 0; i < list.size() && i < members.size(); ++i) {
      if (list[i] == 0 || members.at(i).deleted) continue;
      const absl::string_view id = members.at(i).id.view();
      PutBytes(out, list[i]);
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
    const auto count = in.Get<uint32_t>();
    PriceList list(members.size(), 0);
    for (uint32_t i = 0; i < count && in.ok(); ++i) {
      const auto price = in.Get<float>();
      const absl::string_view id = in.Text(in.Get<uint8_t>());
      if (!in.ok()) break;
      const MemberIndex member = members.Find(id);
      if (member < list.size() && std::isfinite(price)) list[member] = price;
    }
    prices[static_cast<v1::RecommendationKind>(kind)] = std::move(list);
  }
  if (!in.done()) return Damaged();
  return prices;
}

}  // namespace mitra::matching
