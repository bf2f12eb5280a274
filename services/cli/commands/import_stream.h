// The stream of an import as the command line sees it: rows in, verdicts out,
// across cuts.

#ifndef MITRA_SERVICES_CLI_COMMANDS_IMPORT_STREAM_H_
#define MITRA_SERVICES_CLI_COMMANDS_IMPORT_STREAM_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "services/cli/connection.h"

namespace mitra::cli {

// Rows are kept until their verdict has come. When the stream breaks because
// nobody answers, it is opened again and they are sent again, which changes
// nothing for those that had been stored. For one thread.
class ImportStream {
 public:
  // Called for each row once, in the order of the rows, from another thread.
  // May take the row away.
  using TakeVerdict =
      std::function<void(v1::ImportRequest& row, const v1::RowResult& result)>;

  // Goes on trying for `patience` after a cut. `connection` must outlive the
  // object.
  ImportStream(const Connection& connection, absl::Duration patience,
               TakeVerdict take);
  ~ImportStream();

  // Takes a row with its number set. False once the import has failed.
  bool Send(v1::ImportRequest row);
  // Returns when all rows sent so far have their verdicts.
  bool Drain();
  // The same, and ends the stream. Why the import failed, or OK.
  grpc::Status Finish();

  // Rows that have their verdict.
  uint64_t confirmed() const;

 private:
  struct Sent {
    std::unique_ptr<v1::ImportRequest> message;
    int confirmed = 0;  // of its rows
  };

  bool Open();
  // Ends the stream and takes its status.
  void Close();
  bool Flush();
  // Waits until at most `open` rows lack a verdict; false if the stream breaks.
  bool WaitUntilOpen(uint64_t open);
  // Opens the stream again and sends what has no verdict; false if in vain.
  bool Recover();
  bool SendAgain();
  void ReadVerdicts();

  const Connection& connection_;
  const absl::Duration patience_;
  const TakeVerdict take_;
  const std::unique_ptr<v1::Profiles::Stub> stub_;
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<
      grpc::ClientReaderWriter<v1::ImportRequest, v1::ImportResponse>>
      stream_;  // null once the import has failed or ended
  std::thread reader_;
  grpc::Status status_;
  std::unique_ptr<v1::ImportRequest> next_;  // the message that gathers
  size_t next_bytes_ = 0;                    // in it, about

  mutable absl::Mutex mutex_;
  // Messages with rows that have no verdict yet.
  std::deque<Sent> sent_ ABSL_GUARDED_BY(mutex_);
  uint64_t open_ ABSL_GUARDED_BY(mutex_) = 0;  // rows in them
  uint64_t confirmed_ ABSL_GUARDED_BY(mutex_) = 0;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace mitra::cli

#endif  // MITRA_SERVICES_CLI_COMMANDS_IMPORT_STREAM_H_
