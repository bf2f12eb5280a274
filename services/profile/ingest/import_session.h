// One import: a stream of rows in, a stream of verdicts out, in the same order.
//
// Rows are prepared in chunks by the executor while earlier chunks go to disk;
// the more rows wait, the larger the chunks. The number of rows between the two
// ends is bounded, so a slow disk or a slow reader of verdicts slows the
// sender.

#ifndef MITRA_SERVICES_PROFILE_INGEST_IMPORT_SESSION_H_
#define MITRA_SERVICES_PROFILE_INGEST_IMPORT_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/base/clock.h"
#include "common/rpc/call_context.h"
#include "common/rpc/executor.h"
#include "common/rpc/task.h"
#include "mitra/v1/profiles_service.pb.h"
#include "services/profile/ingest/profile_ingest.h"
#include "services/profile/ingest/redirects.h"
#include "services/profile/store/record_store.h"

namespace mitra::profile {

// One coroutine adds rows while another takes verdicts. Rows of one id are
// applied in their order. The object may go while rows are under way.
class ImportSession {
 public:
  struct Options {
    size_t max_rows_in_flight = 16'384;
    size_t max_bytes_in_flight = 32 << 20;
    size_t max_chunk_rows = 512;
    // Chunks that are prepared at the same time.
    int max_preparing = 2;
  };

  // `store`, `ingest`, `executor`, `clock` and `redirects` must outlive all
  // rows.
  ImportSession(const rpc::CallContext& call, RecordStore& store,
                const ProfileIngest& ingest, rpc::Executor& executor,
                const Clock& clock, const Redirects& redirects,
                Options options);
  ImportSession(const rpc::CallContext& call, RecordStore& store,
                const ProfileIngest& ingest, rpc::Executor& executor,
                const Clock& clock, const Redirects& redirects)
      : ImportSession(call, store, ingest, executor, clock, redirects,
                      Options()) {}

  // Takes a message of one or several rows; goes on when there is room for the
  // next one.
  rpc::Task<void> Add(v1::ImportRequest message);
  // No more rows will come.
  void Finish();
  // The next verdicts, at most 1,000; empty after the last one.
  rpc::Task<std::vector<v1::RowResult>> Next();

  // The record's revision of the latest row that is durable.
  uint64_t revision() const;

 private:
  struct Row;
  struct Chunk;
  static std::vector<Row> RowsOf(v1::ImportRequest message);
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_IMPORT_SESSION_H_
