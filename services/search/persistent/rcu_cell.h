// One published object that many threads read without a lock and that one
// thread replaces: read-copy-update with epochs.

#ifndef MITRA_SERVICES_SEARCH_PERSISTENT_RCU_CELL_H_
#define MITRA_SERVICES_SEARCH_PERSISTENT_RCU_CELL_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace mitra::search {

// Read() is wait-free while there are fewer than kSlots readers at once, and
// spins for a free slot otherwise. Store() and Reclaim() are for one thread at
// a time. T is destroyed by whichever thread lets go of it last.
template <typename T>
class RcuCell {
  static constexpr size_t kSlots = 256;
  struct alignas(64) Slot {
    std::atomic<uint64_t> epoch{0};  // 0: free
  };

 public:
  // Holds the object while it lives; keep it short, and copy `shared()` to keep
  // the object longer.
  class Guard {
   public:
    Guard(Guard&& other) noexcept
        : slot_(std::exchange(other.slot_, nullptr)), object_(other.object_) {}
    Guard& operator=(Guard&&) = delete;
    ~Guard() {
      if (slot_ != nullptr) slot_->epoch.store(0, std::memory_order_seq_cst);
    }

    const T& operator*() const { return **object_; }
    const T* operator->() const { return object_->get(); }
    const std::shared_ptr<const T>& shared() const { return *object_; }

   private:
    friend class RcuCell;
    Guard(Slot* slot, const std::shared_ptr<const T>* object)
        : slot_(slot), object_(object) {}
    Slot* slot_;
    const std::shared_ptr<const T>* object_;
  };

  explicit RcuCell(std::shared_ptr<const T> first)
      : current_(new std::shared_ptr<const T>(std::move(first))) {}
  RcuCell(const RcuCell&) = delete;
  RcuCell& operator=(const RcuCell&) = delete;
  ~RcuCell() { delete current_.load(); }

  Guard Read() const {
    Slot* slot = Claim();
    // The slot was claimed before this load: a writer that replaces the object
    // from now on sees the claim.
    return Guard(slot, current_.load(std::memory_order_seq_cst));
  }

  void Store(std::shared_ptr<const T> next) {
    const auto* old =
        current_.exchange(new std::shared_ptr<const T>(std::move(next)),
                          std::memory_order_seq_cst);
    const uint64_t epoch = epoch_.fetch_add(1, std::memory_order_seq_cst) + 1;
    retired_.emplace_back(epoch,
                          std::unique_ptr<const std::shared_ptr<const T>>(old));
    Reclaim();
  }

  // Lets go of replaced objects that no reader holds any more.
  void Reclaim() {
    uint64_t oldest = UINT64_MAX;
    for (const Slot& slot : slots_) {
      const uint64_t epoch = slot.epoch.load(std::memory_order_seq_cst);
      if (epoch != 0 && epoch < oldest) oldest = epoch;
    }
    size_t kept = 0;
    for (auto& entry : retired_) {
      if (entry.first > oldest) retired_[kept++] = std::move(entry);
    }
    retired_.resize(kept);
  }

 private:
  Slot* Claim() const {
    static std::atomic<size_t> next_start{0};
    thread_local const size_t start =
        next_start.fetch_add(1, std::memory_order_relaxed);
    for (size_t i = start;; ++i) {
      Slot& slot = slots_[i % kSlots];
      uint64_t free = 0;
      if (slot.epoch.compare_exchange_strong(
              free, epoch_.load(std::memory_order_seq_cst),
              std::memory_order_seq_cst)) {
        return &slot;
      }
      if (i - start > 4 * kSlots) std::this_thread::yield();
    }
  }

  mutable std::array<Slot, kSlots> slots_;
  std::atomic<uint64_t> epoch_{1};
  std::atomic<const std::shared_ptr<const T>*> current_;
  std::vector<
      std::pair<uint64_t, std::unique_ptr<const std::shared_ptr<const T>>>>
      retired_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PERSISTENT_RCU_CELL_H_
