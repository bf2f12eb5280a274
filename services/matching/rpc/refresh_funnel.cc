#include "services/matching/rpc/refresh_funnel.h"

#include "common/status/status_macros.h"
#include "mitra/v1/archive_service.pb.h"

namespace mitra::matching {
namespace {

absl::Time ToTime(const google::protobuf::Timestamp& stamp) {
  return absl::FromUnixSeconds(stamp.seconds()) +
         absl::Nanoseconds(stamp.nanos());
}

// Counts the rows of one message.
class Counter {
 public:
  Counter(absl::Time from, absl::Time until, Funnel& funnel)
      : from_(from), until_(until), funnel_(funnel) {}

  void Add(const v1::ExportRow& row) {
    if (row.has_engagement() && IsInside(row.engagement().create_time())) {
      funnel_.Add(row.engagement());
    }
    if (row.has_feedback() && IsInside(row.feedback().event_time())) {
      funnel_.Add(row.feedback());
    }
  }

 private:
  bool IsInside(const google::protobuf::Timestamp& stamp) const {
    const absl::Time time = ToTime(stamp);
    return time >= from_ && time < until_;
  }

  const absl::Time from_, until_;
  Funnel& funnel_;
};

}  // namespace

rpc::Task<absl::Status> RefreshFunnel::Count(rpc::CallContext& call,
                                             absl::Time from, absl::Time until,
                                             Funnel& funnel) const {
  v1::ExportRequest request;
  request.add_kinds(v1::RECORD_KIND_ENGAGEMENT);
  request.add_kinds(v1::RECORD_KIND_FEEDBACK);
  // The report is the service's own, whoever asks for it.
  rpc::CallContext own;
  own.deadline = call.deadline;
  std::string method = "/mitra.v1.Archive/Export";
  auto opening = record_->OpenStream(own, std::move(method));
  const std::unique_ptr<rpc::RawClientStream> stream =
      co_await std::move(opening);
  rpc::RawMessage question = rpc::RawMessage::Of(request);
  (void)co_await stream->Write(std::move(question));
  (void)co_await stream->WritesDone();
  Counter counter(from, until, funnel);
  absl::Status damaged;
  while (true) {
    std::optional<rpc::RawMessage> message = co_await stream->Read();
    if (!message.has_value()) break;
    v1::ExportResponse page;
    damaged.Update(message->ParseTo(page));
    for (const v1::ExportRow& row : page.rows()) counter.Add(row);
  }
  absl::Status ended = co_await stream->Finish();
  ended.Update(damaged);
  co_return ended;
}

}  // namespace mitra::matching
