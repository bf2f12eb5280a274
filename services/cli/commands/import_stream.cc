#include "services/cli/commands/import_stream.h"

#include <algorithm>
#include <iostream>
#include <utility>

#include "absl/time/clock.h"

namespace mitra::cli {
namespace {

constexpr uint64_t kMaxOpen = 32'768;
constexpr int kRowsPerMessage = 128;
constexpr size_t kMessageBytes = 128 << 10;
constexpr size_t kSmallRowBytes = 150;  // of a usual piece of evidence
constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
constexpr absl::Duration kLongestPause = absl::Seconds(5);

bool MayHeal(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
}

}  // namespace

ImportStream::ImportStream(const Connection& connection,
                           absl::Duration patience, TakeVerdict take)
    : connection_(connection),
      patience_(patience),
      take_(std::move(take)),
      stub_(v1::Profiles::NewStub(connection.channel())),
      next_(std::make_unique<v1::ImportRequest>()) {
  (void)Open();
}

ImportStream::~ImportStream() {
  if (stream_ == nullptr) return;
  context_->TryCancel();
  Close();
}

bool ImportStream::Open() {
  context_ = std::make_unique<grpc::ClientContext>();
  if (!connection_.PrepareStream(*context_)) {
    status_ = {grpc::StatusCode::UNAUTHENTICATED, "the API key cannot be sent"};
    return false;
  }
  stream_ = stub_->Import(context_.get());
  {
    absl::MutexLock lock(&mutex_);
    broken_ = false;
  }
  reader_ = std::thread([this] { ReadVerdicts(); });
  return true;
}

void ImportStream::Close() {
  stream_->WritesDone();
  reader_.join();
  status_ = stream_->Finish();
  stream_.reset();
}

void ImportStream::ReadVerdicts() {
  v1::ImportResponse response;
  while (stream_->Read(&response)) {
    for (const v1::RowResult& result : response.results()) {
      v1::ImportRequest row;
      {
        absl::MutexLock lock(&mutex_);
        if (sent_.empty()) break;  // more verdicts than rows
        Sent& front = sent_.front();
        row.Swap(front.message->mutable_rows(front.confirmed++));
        if (front.confirmed == front.message->rows_size()) sent_.pop_front();
      }
      take_(row, result);
      absl::MutexLock lock(&mutex_);
      --open_;
      ++confirmed_;
    }
  }
  absl::MutexLock lock(&mutex_);
  broken_ = true;
}

bool ImportStream::Send(v1::ImportRequest row) {
  if (stream_ == nullptr) return false;
  next_bytes_ +=
      row.has_profile() ? row.profile().ByteSizeLong() : kSmallRowBytes;
  next_->add_rows()->Swap(&row);
  const bool full =
      next_->rows_size() >= kRowsPerMessage || next_bytes_ >= kMessageBytes;
  return !full || Flush();
}

bool ImportStream::Flush() {
  if (next_->rows().empty()) return stream_ != nullptr;
  while (!WaitUntilOpen(kMaxOpen)) {
    if (!Recover()) return false;
  }
  const v1::ImportRequest& message = *next_;
  {
    absl::MutexLock lock(&mutex_);
    open_ += next_->rows_size();
    sent_.push_back({std::move(next_), 0});
  }
  next_ = std::make_unique<v1::ImportRequest>();
  next_bytes_ = 0;
  // Its verdicts come only when it has been written.
  return stream_->Write(message) || Recover();
}

bool ImportStream::WaitUntilOpen(uint64_t open) {
  absl::MutexLock lock(&mutex_);
  const auto reached = [this, open]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return broken_ || open_ <= open;
  };
  mutex_.Await(absl::Condition(&reached));
  return open_ <= open;
}

bool ImportStream::Recover() {
  const absl::Time deadline = absl::Now() + patience_;
  absl::Duration pause = kFirstPause;
  while (stream_ != nullptr) {
    Close();
    if (status_.ok()) {
      status_ = {grpc::StatusCode::UNAVAILABLE, "the stream ended too early"};
    }
    if (!MayHeal(status_) || absl::Now() + pause > deadline) return false;
    std::cerr << "mitra: the stream broke after " << confirmed()
              << " rows, trying again\n";
    absl::SleepFor(pause);
    pause = std::min(2 * pause, kLongestPause);
    if (Open() && SendAgain()) return true;
  }
  return false;
}

bool ImportStream::SendAgain() {
  std::vector<v1::ImportRequest*> messages;
  {
    absl::MutexLock lock(&mutex_);
    for (Sent& sent : sent_) {
      sent.message->mutable_rows()->DeleteSubrange(
          0, std::exchange(sent.confirmed, 0));
      messages.push_back(sent.message.get());
    }
  }
  // Each is written before its verdicts can come.
  return std::all_of(messages.begin(), messages.end(),
                     [&](auto* message) { return stream_->Write(*message); });
}

bool ImportStream::Drain() {
  if (!Flush()) return false;
  while (!WaitUntilOpen(0)) {
    if (!Recover()) return false;
  }
  return true;
}

grpc::Status ImportStream::Finish() {
  if (Drain()) Close();
  return status_;
}

uint64_t ImportStream::confirmed() const {
  absl::MutexLock lock(&mutex_);
  return confirmed_;
}

}  // namespace mitra::cli
