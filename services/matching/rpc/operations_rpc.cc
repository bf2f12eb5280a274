#include "services/matching/rpc/operations_rpc.h"

#include <utility>

#include "common/base/version.h"

namespace mitra::matching {

void RegisterOperations(const Operations& operations, absl::Time start_time,
                        rpc::Server::Builder& builder) {
  builder.Unary<v1::GetStatusRequest, v1::ServiceStatus>(
      "/mitra.v1.MatchingOperations/GetMatchingStatus",
      [&operations, start_time](
          rpc::CallContext&, const v1::GetStatusRequest&,
          v1::ServiceStatus& response) -> rpc::Task<absl::Status> {
        response.set_service("matching");
        response.set_version(kVersion);
        response.mutable_start_time()->set_seconds(
            absl::ToUnixSeconds(start_time));
        operations.describe(response);
        co_return absl::OkStatus();
      });
  builder.Unary<v1::WriteSnapshotRequest, v1::WriteSnapshotResponse>(
      "/mitra.v1.MatchingOperations/WriteMatchingSnapshot",
      [&operations](
          rpc::CallContext&, const v1::WriteSnapshotRequest&,
          v1::WriteSnapshotResponse& response) -> rpc::Task<absl::Status> {
        auto written = co_await operations.write_snapshot();
        if (!written.ok()) co_return written.status();
        response = *std::move(written);
        co_return absl::OkStatus();
      });
}

}  // namespace mitra::matching
