// Asks a share of the live questions again, exactly, and tells how much of the
// right answer was given.
//
// A graph is calibrated on a sample of its own rows; what people ask may lie
// elsewhere. This is how that is seen, and the questions by which the graph is
// then walked otherwise.

#ifndef MITRA_SERVICES_SEARCH_CANARY_CANARY_H_
#define MITRA_SERVICES_SEARCH_CANARY_CANARY_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "services/search/index/index_view.h"
#include "services/search/retrieval/retriever.h"

namespace mitra::search {

// Thread-safe but for Start and Stop.
class Canary {
 public:
  struct Options {
    // One question of so many, by chance, is asked again; 0: none. An exact
    // scan takes about 20 ms a million rows, on a thread of low priority.
    uint32_t one_in = 1000;
    // The same for the first kFirst questions, by which walks are tuned; 0: no
    // difference.
    uint32_t first_one_in = 0;
  };
  static constexpr uint64_t kFirst = 128;
  explicit Canary(Options options) : options_(options) {}
  ~Canary() { Stop(); }

  void Start();
  void Stop();

  // To be told of every answer; keeps a few and drops the rest. `view` is the
  // one that the answer came from.
  void Offer(const std::shared_ptr<const IndexView>& view,
             const Retrieval& asked, const Retrieved& answered) {
    if (options_.one_in == 0) return;
    const uint32_t one_in =
        options_.first_one_in == 0 ||
                asked_.load(std::memory_order_relaxed) >= kFirst
            ? options_.one_in
            : options_.first_one_in;
    if (!IsDrawn(count_.fetch_add(1, std::memory_order_relaxed), one_in)) {
      return;
    }
    Take(view, asked, answered);
  }

  struct Figures {
    uint64_t samples = 0;
    // Over the last kWindow samples; 1 if there are none. Of the best k by
    // score, how many were answered; and how many answers there were, of as
    // many as there should have been.
    double recall = 1;
    double worst_recall = 1;
    double fill = 1;
  };
  static constexpr size_t kWindow = 256;
  // Of the questions for one role; of those for several under 0.
  Figures figures(int role) const;
  // The latest questions for a role alone or among others, oldest first, and
  // how many there have been.
  struct Questions {
    std::vector<Query> latest;
    uint64_t count = 0;
  };
  static constexpr size_t kQuestions = 192;
  Questions questions(int role) const;
  // Samples that came too fast to be asked again.
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
  // Asks all samples that wait. For tests, and for a thread of one's own.
  void Drain();

 private:
  // Whether the question of that number is one to be asked again: one of each
  // `one_in` that follow each other, which one by chance. Each n-th would be
  // the same few of askers who come in turn.
  static bool IsDrawn(uint64_t number, uint32_t one_in);

  struct Sample {
    std::shared_ptr<const IndexView> view;
    Retrieval asked;
    std::vector<float> scores;  // answered, best first
  };
  struct Outcome {
    double recall;
    double fill;
  };
  struct Window {
    uint64_t samples = 0;
    std::deque<Outcome> last;
  };

  void Take(const std::shared_ptr<const IndexView>& view,
            const Retrieval& asked, const Retrieved& answered);
  void Run();
  // False if none waits.
  bool AskOne();

  const Options options_;
  std::atomic<uint64_t> count_{0};
  std::atomic<uint64_t> dropped_{0};
  std::atomic<uint64_t> asked_{0};  // again
  std::thread thread_;
  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Sample> waiting_ ABSL_GUARDED_BY(mutex_);
  std::array<Window, kRoles> windows_ ABSL_GUARDED_BY(mutex_);
  struct Kept {
    std::deque<Query> latest;
    uint64_t count = 0;
  };
  std::array<Kept, kRoles> kept_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_CANARY_CANARY_H_
