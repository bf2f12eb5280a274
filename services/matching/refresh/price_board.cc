#include "services/matching/refresh/price_board.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/snapshot/snapshot.h"
#include "common/status/status_macros.h"
#include "services/matching/ranking/recommendation_kinds.h"

namespace mitra::matching {
namespace {

constexpr char kFormat[] = "mitra-prices";
constexpr uint32_t kVersion = 1;

std::string SectionOf(const KindSpec& kind, const char* part) {
  return absl::StrCat(std::string(kind.name), ".", part);
}

}  // namespace

std::shared_ptr<const PriceList> PriceBoard::Of(
    v1::RecommendationKind kind) const {
  const auto at = static_cast<size_t>(kind);
  absl::ReaderMutexLock lock(&mutex_);
  return at < lists_.size() ? lists_[at] : nullptr;
}

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

absl::Status PriceBoard::Save(const std::string& path,
                              const MemberView& members) const {
  MITRA_ASSIGN_OR_RETURN(const auto writer,
                         snapshot::Writer::Create(path, kFormat, kVersion, {}));
  for (const KindSpec& kind : AllKinds()) {
    const std::shared_ptr<const PriceList> prices = Of(kind.kind);
    if (prices == nullptr) continue;
    std::vector<std::string> ids;
    std::vector<float> values;
    for (MemberIndex i = 0; i < prices->size() && i < members.size(); ++i) {
      if ((*prices)[i] == 0 || members.at(i).deleted) continue;
      ids.emplace_back(members.at(i).id.view());
      values.push_back((*prices)[i]);
    }
    MITRA_RETURN_IF_ERROR(writer->WriteStrings(SectionOf(kind, "ids"), ids));
    MITRA_RETURN_IF_ERROR(writer->WriteVector<float>(
        SectionOf(kind, "prices"), absl::MakeConstSpan(values)));
  }
  return writer->Finish().status();
}

absl::Status PriceBoard::Load(const std::string& path,
                              const MemberView& members) {
  MITRA_ASSIGN_OR_RETURN(const auto reader,
                         snapshot::OpenNewestGood(path, kFormat, kVersion));
  for (const KindSpec& kind : AllKinds()) {
    if (!reader->HasSection(SectionOf(kind, "ids"))) continue;
    MITRA_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                           reader->ReadStrings(SectionOf(kind, "ids")));
    MITRA_ASSIGN_OR_RETURN(
        const std::vector<float> values,
        reader->ReadVector<float>(SectionOf(kind, "prices")));
    if (ids.size() != values.size()) {
      return absl::DataLossError(absl::StrCat(path, ": lists do not fit"));
    }
    PriceList prices(members.size(), 0);
    for (size_t i = 0; i < ids.size(); ++i) {
      const MemberIndex member = members.Find(ids[i]);
      if (member < prices.size() && std::isfinite(values[i])) {
        prices[member] = values[i];
      }
    }
    Publish(kind.kind, std::move(prices));
  }
  return absl::OkStatus();
}

}  // namespace mitra::matching
