#include "services/gateway/http/chunk_pipe.h"

#include <utility>

namespace mitra::gateway {

void ChunkPipe::StartPut(std::string chunk, Wake done) {
  Wake reader;
  bool gone = false;
  {
    absl::MutexLock lock(&mutex_);
    gone = abandoned_;
    if (!gone) {
      quiet_ = false;
      // A beat may still be there.
      chunk_ = chunk_ ? *chunk_ + chunk : std::move(chunk);
      writer_ = std::move(done);
      reader = std::exchange(reader_, nullptr);
    }
  }
  if (gone) done(false);
  if (reader) reader(true);
}

rpc::Task<bool> ChunkPipe::Put(std::string chunk) {
  const auto start = [this, &chunk](Wake done) {
    StartPut(std::move(chunk), std::move(done));
  };
  co_return co_await rpc::Callback<bool>(start);
}

void ChunkPipe::Beat(std::string chunk) {
  Wake reader;
  {
    absl::MutexLock lock(&mutex_);
    if (!std::exchange(quiet_, true) || !reader_ || chunk_) return;
    chunk_ = std::move(chunk);
    reader = std::exchange(reader_, nullptr);
  }
  reader(true);
}

void ChunkPipe::Close(absl::Status status) {
  Wake reader;
  {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
    status_ = std::move(status);
    reader = std::exchange(reader_, nullptr);
  }
  if (reader) reader(true);
}

void ChunkPipe::StartTake(Wake done) {
  Wake writer;
  bool ready = false;
  {
    absl::MutexLock lock(&mutex_);
    ready = chunk_.has_value() || closed_;
    if (!ready) {
      reader_ = std::move(done);
      // The piece before this one is through.
      writer = std::exchange(writer_, nullptr);
    }
  }
  if (ready) done(true);
  if (writer) writer(true);
}

rpc::Task<std::optional<std::string>> ChunkPipe::Take() {
  const auto start = [this](Wake done) { StartTake(std::move(done)); };
  (void)co_await rpc::Callback<bool>(start);
  absl::MutexLock lock(&mutex_);
  co_return std::exchange(chunk_, std::nullopt);
}

absl::Status ChunkPipe::status() const {
  absl::MutexLock lock(&mutex_);
  return status_;
}

void ChunkPipe::Abandon() {
  Wake writer;
  {
    absl::MutexLock lock(&mutex_);
    abandoned_ = true;
    chunk_.reset();
    writer = std::exchange(writer_, nullptr);
  }
  if (writer) writer(false);
}

}  // namespace mitra::gateway
