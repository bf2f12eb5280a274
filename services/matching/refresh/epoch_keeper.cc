#include "services/matching/refresh/epoch_keeper.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/observability/log.h"
#include "common/redis/keys.h"
#include "common/redis/tasks.h"
#include "common/snapshot/snapshot.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::matching {
namespace {

constexpr char kFormat[] = "mitra-epochs";
constexpr uint32_t kVersion = 1;
// A part of the prices in Redis.
constexpr size_t kPartBytes = 256 << 10;
constexpr size_t kMaxParts = 4096;
// Values are written again when this much of their time has passed.
constexpr absl::Duration kRenewal = absl::Hours(12);

absl::Status WriteSections(
    const std::string& path,
    const std::vector<std::pair<std::string, std::string>>& sections) {
  MITRA_ASSIGN_OR_RETURN(const auto writer,
                         snapshot::Writer::Create(path, kFormat, kVersion, {}));
  for (const auto& [name, bytes] : sections) {
    MITRA_RETURN_IF_ERROR(writer->BeginSection(name, false));
    MITRA_RETURN_IF_ERROR(writer->Append(bytes));
    MITRA_RETURN_IF_ERROR(writer->EndSection());
  }
  return writer->Finish().status();
}

std::set<uint64_t> PriceNumbers(const EpochState& state) {
  std::set<uint64_t> numbers;
  for (const auto& [kind, one] : state.kinds) {
    if (one.prices != 0) numbers.insert(one.prices);
  }
  return numbers;
}

}  // namespace

std::string EncodeEpochs(const EpochState& state) {
  std::vector<std::string> parts = {absl::StrCat(state.order)};
  for (const auto& [kind, one] : state.kinds) {
    parts.push_back(absl::StrCat(static_cast<int>(kind), ":", one.prices, ":",
                                 absl::StrJoin(one.epochs, ",")));
  }
  return absl::StrJoin(parts, ";");
}

bool DecodeEpochs(absl::string_view text, EpochState& state) {
  state = {};
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ';');
  if (!absl::SimpleAtoi(parts[0], &state.order)) return false;
  for (size_t i = 1; i < parts.size(); ++i) {
    const std::vector<absl::string_view> fields = absl::StrSplit(parts[i], ':');
    int kind = 0;
    EpochState::Kind one;
    if (fields.size() != 3 || !absl::SimpleAtoi(fields[0], &kind) ||
        FindKind(static_cast<v1::RecommendationKind>(kind)) == nullptr ||
        !absl::SimpleAtoi(fields[1], &one.prices)) {
      return false;
    }
    for (absl::string_view epoch :
         absl::StrSplit(fields[2], ',', absl::SkipEmpty())) {
      if (!absl::SimpleAtoi(epoch, &one.epochs.emplace_back())) return false;
    }
    state.kinds[static_cast<v1::RecommendationKind>(kind)] = std::move(one);
  }
  return true;
}

EpochKeeper::EpochKeeper(EpochBoard& board, PriceBoard& prices,
                         redis::Client* redis, Options options)
    : board_(board),
      prices_(prices),
      redis_(redis),
      options_(std::move(options)) {
  std::error_code ignored;
  std::filesystem::create_directories(options_.directory, ignored);
}

EpochState EpochKeeper::current() const {
  absl::MutexLock lock(&mutex_);
  return current_;
}

EpochState EpochKeeper::previous() const {
  absl::MutexLock lock(&mutex_);
  return previous_;
}

std::string EpochKeeper::PricesPath(uint64_t number) const {
  return absl::StrCat(options_.directory, "/prices-", number);
}

absl::Status EpochKeeper::KeepPrices(uint64_t number,
                                     const PricesByKind& prices,
                                     const MemberView& members) {
  return WriteSections(PricesPath(number),
                       {{"prices", EncodePrices(prices, members)}});
}

absl::StatusOr<std::string> EpochKeeper::ReadPrices(uint64_t number) const {
  MITRA_ASSIGN_OR_RETURN(
      const auto reader,
      snapshot::Reader::Open(PricesPath(number), kFormat, kVersion));
  return reader->ReadSection("prices");
}

absl::StatusOr<std::string> EpochKeeper::FetchPrices(uint64_t number) const {
  if (redis_ == nullptr) return absl::NotFoundError("prices: none here");
  std::string all;
  for (size_t part = 0; part < kMaxParts; ++part) {
    MITRA_ASSIGN_OR_RETURN(
        const std::optional<std::string> bytes,
        rpc::SyncWait(redis::Get(*redis_, redis::PricesKey(number, part),
                                 absl::Now() + options_.redis_timeout)));
    if (!bytes) return absl::NotFoundError("prices: not in Redis");
    all += *bytes;
    // Only the last one is shorter.
    if (bytes->size() < kPartBytes) return all;
  }
  return absl::DataLossError("prices: too long");
}

absl::StatusOr<PricesByKind> EpochKeeper::PricesOf(
    const EpochState& state, const MemberView& members) const {
  std::map<uint64_t, PricesByKind> read;
  for (const uint64_t number : PriceNumbers(state)) {
    absl::StatusOr<std::string> bytes = ReadPrices(number);
    if (!bytes.ok()) {
      MITRA_ASSIGN_OR_RETURN(bytes, FetchPrices(number));
      // For a restart; that it is missing is no harm.
      (void)WriteSections(PricesPath(number), {{"prices", *bytes}});
    }
    MITRA_ASSIGN_OR_RETURN(read[number], DecodePrices(*bytes, members));
  }
  PricesByKind prices;
  for (const auto& [kind, one] : state.kinds) {
    KindPrices& made = prices[kind];
    if (one.prices != 0) made = read[one.prices][kind];
  }
  return prices;
}

// Prices first: a slate that is computed between the two is computed with the
// new prices under the old epoch, where nobody looks for long.
void EpochKeeper::Apply(const EpochState& state, const PricesByKind& prices) {
  for (const auto& [kind, made] : prices) prices_.Publish(kind, made);
  for (const KindSpec& kind : AllKinds()) {
    const auto at = state.kinds.find(kind.kind);
    board_.Replace(kind.kind, at == state.kinds.end() ? std::vector<uint64_t>()
                                                      : at->second.epochs);
  }
}

void EpochKeeper::Save(const EpochState& current,
                       const EpochState& previous) const {
  const absl::Status saved = WriteSections(
      options_.directory + "/epochs", {{"current", EncodeEpochs(current)},
                                       {"previous", EncodeEpochs(previous)}});
  if (!saved.ok()) {
    LogWarning("epochs not kept", {{"reason", saved.ToString()}});
    return;
  }
  // Prices that no state names any more.
  std::set<uint64_t> named = PriceNumbers(current);
  named.merge(PriceNumbers(previous));
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::directory_iterator(options_.directory, ignored)) {
    const std::string name = entry.path().filename();
    uint64_t number = 0;
    absl::string_view digits = name;
    if (!absl::StartsWith(digits, "prices-")) continue;
    digits.remove_prefix(7);
    digits = digits.substr(0, digits.find('.'));
    // A newer one is of a refresh that is not published yet.
    if (absl::SimpleAtoi(digits, &number) && !named.contains(number) &&
        !named.empty() && number < *named.rbegin()) {
      std::filesystem::remove(entry.path(), ignored);
    }
  }
}

void EpochKeeper::Restore(const MemberView& members) {
  absl::MutexLock changing(&changing_);
  const auto reader = snapshot::OpenNewestGood(options_.directory + "/epochs",
                                               kFormat, kVersion);
  if (!reader.ok()) return;
  const auto current = (*reader)->ReadSection("current");
  const auto previous = (*reader)->ReadSection("previous");
  EpochState now, before;
  if (!current.ok() || !previous.ok() || !DecodeEpochs(*current, now) ||
      !DecodeEpochs(*previous, before)) {
    LogWarning("epochs not used", {{"reason", "damaged"}});
    return;
  }
  const auto prices = PricesOf(now, members);
  if (!prices.ok()) {
    LogWarning("epochs not used", {{"reason", prices.status().ToString()}});
    return;
  }
  {
    absl::MutexLock lock(&mutex_);
    if (current_.order > now.order) return;
    current_ = now;
    previous_ = before;
    // Whoever published it; one that writes it again does no harm.
    own_ = true;
  }
  Apply(now, *prices);
}

void EpochKeeper::Become(const EpochState& next, const PricesByKind& prices,
                         bool own) {
  EpochState before;
  {
    absl::MutexLock lock(&mutex_);
    before = current_;
    previous_ = current_;
    current_ = next;
    own_ = own;
  }
  Apply(next, prices);
  Save(next, before);
}

absl::Status EpochKeeper::WriteShared(const EpochState& state) {
  for (const uint64_t number : PriceNumbers(state)) {
    MITRA_ASSIGN_OR_RETURN(const std::string bytes, ReadPrices(number));
    // One part more when the last is full, so that readers see the end.
    for (size_t part = 0; part * kPartBytes <= bytes.size(); ++part) {
      MITRA_RETURN_IF_ERROR(rpc::SyncWait(redis::SetWithTtl(
          *redis_, redis::PricesKey(number, part),
          bytes.substr(part * kPartBytes, kPartBytes), redis::kPrices.ttl,
          absl::Now() + options_.redis_timeout)));
    }
  }
  MITRA_ASSIGN_OR_RETURN(
      const bool written,
      rpc::SyncWait(redis::SetIfNewer(
          *redis_, redis::EpochKey("all"), state.order, EncodeEpochs(state),
          redis::kEpochs.ttl, absl::Now() + options_.redis_timeout)));
  if (!written) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "LEASE_LOST",
                     "somebody else has published since");
  }
  written_ = absl::Now();
  return absl::OkStatus();
}

absl::Status EpochKeeper::Flip(const EpochState& next,
                               const MemberView& members) {
  absl::MutexLock changing(&changing_);
  if (next.order <= current().order) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "LEASE_LOST",
                     "somebody else has published since");
  }
  MITRA_ASSIGN_OR_RETURN(const PricesByKind prices, PricesOf(next, members));
  if (redis_ != nullptr) {
    MITRA_RETURN_IF_ERROR(WriteShared(next));
  }
  Become(next, prices, /*own=*/true);
  return absl::OkStatus();
}

void EpochKeeper::Poll(const MemberView& members) {
  if (redis_ == nullptr || !redis_->available()) return;
  absl::MutexLock changing(&changing_);
  const auto found = rpc::SyncWait(redis::GetVersioned(
      *redis_, redis::EpochKey("all"), absl::Now() + options_.redis_timeout));
  if (!found.ok()) return;
  const EpochState mine = current();
  EpochState theirs;
  if (found->has_value() && DecodeEpochs((*found)->value, theirs) &&
      theirs.order > mine.order) {
    const auto prices = PricesOf(theirs, members);
    if (prices.ok()) return Become(theirs, *prices, /*own=*/false);
    LogWarning("an epoch's prices are missing; the old epoch stays",
               {{"reason", prices.status().ToString()}});
    return;
  }
  bool own = false;
  {
    absl::MutexLock lock(&mutex_);
    own = own_;
  }
  const bool missing = !found->has_value() || theirs.order < mine.order;
  if (own && mine.order != 0 &&
      (missing || absl::Now() - written_ > kRenewal)) {
    const absl::Status written = WriteShared(mine);
    if (!written.ok()) {
      LogWarning("the epoch is not written again",
                 {{"reason", written.ToString()}});
    }
  }
}

}  // namespace mitra::matching
