#include "services/matching/refresh/candidate_store.h"

#include <xxhash.h>

#include <filesystem>
#include <system_error>
#include <utility>

namespace mitra::matching {
namespace {

namespace fs = std::filesystem;

bool Move(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::rename(from, to, error);
  return !error;
}

void Remove(const std::string& path) {
  std::error_code ignored;
  fs::remove(path, ignored);
}

uint64_t HashOf(const std::vector<std::string>& ids) {
  uint64_t hash = ids.size();
  for (const std::string& id : ids) {
    hash = XXH3_64bits_withSeed(id.data(), id.size(), hash);
  }
  return hash;
}

}  // namespace

CandidateBasis CandidateBasis::Of(const MatchingView& view,
                                  const ChunkPlan& plan, std::string arms,
                                  const std::vector<std::string>& members) {
  CandidateBasis basis;
  basis.record_incarnation = view.record_incarnation;
  basis.changed = view.changed;
  basis.weighing = view.graph.weighing();
  basis.arms = std::move(arms);
  basis.kinds = plan.kinds;
  basis.kept = plan.kept;
  basis.members = HashOf(members);
  return basis;
}

CandidateStore::CandidateStore(std::string path, Options options)
    : path_(std::move(path)), options_(options) {
  Remove(path_);
}

void CandidateStore::Keep(CandidateBasis basis, const std::string& ledger,
                          absl::Time found) {
  absl::MutexLock lock(&mutex_);
  there_ = Move(ledger, path_);
  basis_ = std::move(basis);
  found_ = found;
}

bool CandidateStore::Give(const CandidateBasis& basis,
                          const std::string& ledger, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  if (!there_) return false;
  there_ = false;
  const bool same = basis.changed != 0 && basis == basis_ &&
                    now - found_ < options_.ttl &&
                    now - found_ >= absl::ZeroDuration();
  basis_ = CandidateBasis();
  if (same && Move(path_, ledger)) return true;
  Remove(path_);
  return false;
}

}  // namespace mitra::matching
