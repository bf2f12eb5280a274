// Profiles, evidence, relations and feedback.

#include <utility>

#include "common/status/errors.h"
#include "google/protobuf/empty.pb.h"
#include "services/profile/ingest/import_session.h"
#include "services/profile/rpc/import_rows.h"
#include "services/profile/rpc/methods.h"

namespace mitra::profile {
namespace {

using ::google::protobuf::Empty;
using rpc::CallContext;
using rpc::Task;

// Registers a method that answers at once.
template <typename Request, typename Response, typename Records>
void AddRead(rpc::Server::Builder& builder, const char* name, Records& records,
             absl::Status (Records::*method)(const CallContext&, const Request&,
                                             Response&)) {
  builder.Unary<Request, Response>(
      name,
      [&records, method](CallContext& call, const Request& request,
                         Response& response) -> Task<absl::Status> {
        co_return (records.*method)(call, request, response);
      });
}

// The same for one whose answer is empty.
template <typename Request, typename Records>
void AddEmpty(rpc::Server::Builder& builder, const char* name, Records& records,
              Task<absl::Status> (Records::*method)(CallContext&,
                                                    const Request&)) {
  builder.Unary<Request, Empty>(
      name,
      [&records, method](CallContext& call, const Request& request, Empty&) {
        return (records.*method)(call, request);
      });
}

// Writes verdicts as they come, while Import reads rows.
Task<> SendVerdicts(ImportSession& session, rpc::RawStream& stream,
                    bool& broken, Signal& done) {
  rpc::Writer<v1::ImportResponse> verdicts(stream);
  for (;;) {
    std::vector<v1::RowResult> results = co_await session.Next();
    if (results.empty()) break;
    if (broken) continue;  // rows under way are still brought to their end
    v1::ImportResponse response;
    for (v1::RowResult& result : results) {
      *response.add_results() = std::move(result);
    }
    const bool written = co_await verdicts.Write(response);
    if (!written) broken = true;
  }
  done.Notify();
}

// By bytes: a row that is no message is one verdict, not the end.
Task<absl::Status> Import(ProfileParts& parts, CallContext& call,
                          rpc::RawStream& stream) {
  ImportSession session(call, parts.store, parts.ingest, parts.executor,
                        parts.clock, parts.redirects);
  bool broken = false;
  Signal sent;
  rpc::Spawn(SendVerdicts(session, stream, broken, sent));
  for (;;) {
    const std::optional<rpc::RawMessage> raw = co_await stream.Read();
    if (!raw) break;
    v1::ImportRequest rows = ReadImport(*raw);
    co_await session.Add(std::move(rows));
  }
  session.Finish();
  co_await sent.Wait();
  call.SetTrailer(
      rpc::kRevisionKey,
      absl::StrCat(parts.store.info().incarnation, "-", session.revision()));
  co_return absl::OkStatus();
}

}  // namespace

void RegisterRecordMethods(ProfileParts& parts, rpc::Server::Builder& builder) {
  ProfileRecords& profiles = parts.profiles;
  builder.Unary("/mitra.v1.Profiles/UpsertProfile", profiles,
                &ProfileRecords::Upsert);
  builder.Unary("/mitra.v1.Profiles/UpdateProfile", profiles,
                &ProfileRecords::Update);
  builder.Unary("/mitra.v1.Profiles/DeleteProfile", profiles,
                &ProfileRecords::Delete);
  builder.Unary("/mitra.v1.Profiles/VerifyProfile", profiles,
                &ProfileRecords::Verify);
  builder.Unary("/mitra.v1.Profiles/BatchUpsertProfiles", profiles,
                &ProfileRecords::BatchUpsert);
  builder.Unary("/mitra.v1.Profiles/BatchGetProfiles", profiles,
                &ProfileRecords::BatchGet);
  builder.Unary("/mitra.v1.Profiles/ListProfiles", profiles,
                &ProfileRecords::List);
  AddRead(builder, "/mitra.v1.Profiles/GetProfile", profiles,
          &ProfileRecords::Get);
  builder.Unary("/mitra.v1.Profiles/MergeProfiles", parts.merges,
                &MergeRecords::Merge);
  builder.RawStreaming(
      "/mitra.v1.Profiles/Import",
      [&parts](CallContext& call, rpc::RawStream& stream) {
        return Import(parts, call, stream);
      },
      v1::ImportRequest::descriptor()->full_name(),
      v1::ImportResponse::descriptor()->full_name());

  EvidenceRecords& evidence = parts.evidence;
  builder.Unary("/mitra.v1.EvidenceRecords/CreateEvidence", evidence,
                &EvidenceRecords::Create);
  builder.Unary("/mitra.v1.EvidenceRecords/BatchCreateEvidence", evidence,
                &EvidenceRecords::BatchCreate);
  AddRead(builder, "/mitra.v1.EvidenceRecords/GetEvidence", evidence,
          &EvidenceRecords::Get);
  builder.Unary("/mitra.v1.EvidenceRecords/ListEvidence", evidence,
                &EvidenceRecords::List);
  AddEmpty(builder, "/mitra.v1.EvidenceRecords/WithdrawEvidence", evidence,
           &EvidenceRecords::Withdraw);
  builder.Unary("/mitra.v1.EvidenceRecords/ContestEvidence", evidence,
                &EvidenceRecords::Contest);

  RelationRecords& relations = parts.relations;
  builder.Unary("/mitra.v1.Relations/CreateBlock", relations,
                &RelationRecords::CreateBlock);
  AddEmpty(builder, "/mitra.v1.Relations/DeleteBlock", relations,
           &RelationRecords::DeleteBlock);
  AddRead(builder, "/mitra.v1.Relations/ListBlocks", relations,
          &RelationRecords::ListBlocks);
  builder.Unary("/mitra.v1.Relations/SetConsent", relations,
                &RelationRecords::SetConsent);
  AddRead(builder, "/mitra.v1.Relations/ListConsents", relations,
          &RelationRecords::ListConsents);
  builder.Unary("/mitra.v1.FeedbackRecords/BatchRecordFeedback", relations,
                &RelationRecords::RecordFeedback);

  EngagementRecords& engagements = parts.engagements;
  builder.Unary("/mitra.v1.Engagements/RequestEngagement", engagements,
                &EngagementRecords::Request);
  AddRead(builder, "/mitra.v1.Engagements/GetEngagement", engagements,
          &EngagementRecords::Get);
  builder.Unary("/mitra.v1.Engagements/ListEngagements", engagements,
                &EngagementRecords::List);
  builder.Unary("/mitra.v1.Engagements/ChangeEngagement", engagements,
                &EngagementRecords::Change);
}

}  // namespace mitra::profile
