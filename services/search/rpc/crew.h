// Retrievals shared by the thread that serves calls and by helpers.
//
// A stream of calls is served by one thread, and what it is asked takes a tenth
// of a millisecond of pure arithmetic: one caller with many questions under way
// would use one core. The first of a turn, mostly the only one, is answered at
// once; what else comes in it waits for its end and is then taken by whoever is
// free, the serving thread or a helper. (Were the first kept waiting, too,
// single questions of people would take a tenth longer.)

#ifndef MITRA_SERVICES_SEARCH_RPC_CREW_H_
#define MITRA_SERVICES_SEARCH_RPC_CREW_H_

#include <coroutine>
#include <memory>
#include <thread>
#include <vector>

namespace mitra::search {

// Thread-safe. The destructor runs what waits and joins.
class Crew {
 public:
  // Without helpers nobody ever waits.
  explicit Crew(int helpers);
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // `co_await crew.Enter();` goes on at once for the first of a turn and on
  // threads without turns, otherwise at the end of this thread's turn or on a
  // helper, in the order of coming.
  auto Enter() {
    struct Awaiter {
      Crew& crew;
      bool await_ready() const noexcept { return false; }
      bool await_suspend(std::coroutine_handle<> caller) {
        return crew.Add(caller);
      }
      void await_resume() const noexcept {}
    };
    return Awaiter{*this};
  }

 private:
  // What all have to do; outlives turns that are still to come.
  struct Work;

  // False: the caller goes on here and now.
  bool Add(std::coroutine_handle<> caller);
  // Sees to it that TakeTurn() runs at the end of this thread's turn; false on
  // threads without turns.
  static bool AwaitTurn(const std::shared_ptr<Work>& work);
  static void TakeTurn(const std::shared_ptr<Work>& work);
  static void Help(const std::shared_ptr<Work>& work);

  const std::shared_ptr<Work> work_;
  std::vector<std::thread> threads_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_RPC_CREW_H_
