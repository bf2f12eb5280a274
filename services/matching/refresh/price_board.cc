#include "services/matching/refresh/price_board.h"

#include <xxhash.h>

#include <cmath>
#include <cstring>

namespace mitra::matching {
namespace {

constexpr uint32_t kFormat = 0x31435250;  // "PRC1"

template <typename T>
void Put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}
template <typename T>
bool Take(absl::string_view& in, T& value) {
  if (in.size() < sizeof(T)) return false;
  std::memcpy(&value, in.data(), sizeof(T));
  in.remove_prefix(sizeof(T));
  return true;
}

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
  Put(out, kFormat);
  Put(out, static_cast<uint32_t>(prices.size()));
  for (const auto& [kind, list] : prices) {
    Put(out, static_cast<uint32_t>(kind));
    const size_t count_at = out.size();
    uint32_t count = 0;
    Put(out, count);
    for (MemberIndex i = 0; i < list.size() && i < members.size(); ++i) {
      if (list[i] == 0 || members.at(i).deleted) continue;
      const absl::string_view id = members.at(i).id.view();
      Put(out, list[i]);
      Put(out, static_cast<uint8_t>(id.size()));
      out.append(id.data(), id.size());
      ++count;
    }
    std::memcpy(out.data() + count_at, &count, sizeof count);
  }
  Put(out, uint64_t{XXH3_64bits(out.data(), out.size())});
  return out;
}

absl::StatusOr<PricesByKind> DecodePrices(absl::string_view bytes,
                                          const MemberView& members) {
  uint64_t checksum = 0;
  if (bytes.size() < sizeof checksum) return Damaged();
  std::memcpy(&checksum, bytes.data() + bytes.size() - sizeof checksum,
              sizeof checksum);
  bytes.remove_suffix(sizeof checksum);
  uint32_t format = 0, kinds = 0;
  if (XXH3_64bits(bytes.data(), bytes.size()) != checksum ||
      !Take(bytes, format) || format != kFormat || !Take(bytes, kinds)) {
    return Damaged();
  }
  PricesByKind prices;
  for (uint32_t k = 0; k < kinds; ++k) {
    uint32_t kind = 0, count = 0;
    if (!Take(bytes, kind) || !Take(bytes, count)) return Damaged();
    PriceList list(members.size(), 0);
    for (uint32_t i = 0; i < count; ++i) {
      float price = 0;
      uint8_t size = 0;
      if (!Take(bytes, price) || !Take(bytes, size) || bytes.size() < size) {
        return Damaged();
      }
      const MemberIndex member = members.Find(bytes.substr(0, size));
      bytes.remove_prefix(size);
      if (member < list.size() && std::isfinite(price)) list[member] = price;
    }
    prices[static_cast<v1::RecommendationKind>(kind)] = std::move(list);
  }
  if (!bytes.empty()) return Damaged();
  return prices;
}

}  // namespace mitra::matching
