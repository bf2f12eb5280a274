#include "common/rpc/server.h"

#include <mutex>
#include <utility>

#include "absl/time/clock.h"
#include "common/rpc/server_impl.h"

namespace mitra::rpc {

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() {
  impl_->options.drain_pause = absl::ZeroDuration();
  Drain();
}

const std::vector<std::string>& Server::addresses() const {
  return impl_->addresses;
}

void Server::SetServing(bool serving) {
  impl_->health.Set("", serving);
  for (const std::string& service : impl_->services) {
    impl_->health.Set(service, serving);
  }
  impl_->health.Set("liveness", true);
}

void Server::Drain() {
  std::lock_guard lock(impl_->drain_mutex);
  if (impl_->drained) return;
  impl_->drained = true;
  SetServing(false);
  if (impl_->options.drain_pause > absl::ZeroDuration()) {
    absl::SleepFor(impl_->options.drain_pause);
  }
  impl_->refusing.store(true, std::memory_order_release);
  const absl::Time end = absl::Now() + impl_->options.drain_grace;
  impl_->ForEachStream([](const Impl::Method& m) { return m.subscription; },
                       [](Impl::Call& c) { c.call.Cancel(); });
  impl_->idle_mutex.LockWhenWithDeadline(
      absl::Condition(
          +[](std::atomic<int>* open) { return open->load() == 0; },
          &impl_->running),
      end);
  impl_->idle_mutex.Unlock();
  impl_->ForEachStream([](const Impl::Method& m) { return m.carrier; },
                       [](Impl::Call& c) { c.TryCancel(); });
  // Ends what is still open when the grace is over.
  impl_->server->Shutdown(absl::ToChronoTime(end));
  // Handlers that were cut off may still be on their way to their last
  // operation, and queues may outlive the server.
  impl_->calls_mutex.LockWhen(absl::Condition(
      +[](int* calls) { return *calls == 0; }, &impl_->calls));
  impl_->calls_mutex.Unlock();
  impl_->queues.front()->LeaveHome();
  impl_->queues.clear();
}

}  // namespace mitra::rpc
