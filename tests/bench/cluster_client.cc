#include "tests/bench/cluster_client.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "services/cli/sample/network.h"

namespace mitra::bench {
namespace {

// As `mitra import` sends them.
constexpr int kRowsPerMessage = 128;

}  // namespace

double ClusterClient::Import(const std::shared_ptr<grpc::Channel>& channel,
                             uint64_t rows, const FillRow& fill) const {
  auto stub = v1::Profiles::NewStub(channel);
  grpc::ClientContext context;
  if (channel == gateway_) Authorise(context);
  auto stream = stub->Import(&context);
  const absl::Time start = absl::Now();
  std::atomic<uint64_t> rejected{0};
  std::thread reader([&] {
    v1::ImportResponse response;
    while (stream->Read(&response)) {
      for (const auto& r : response.results()) {
        rejected += r.verdict() == v1::ROW_VERDICT_REJECTED;
      }
    }
  });
  v1::ImportRequest message;
  for (uint64_t row = 0; row < rows;) {
    const auto place = static_cast<int>(row % kRowsPerMessage);
    // The rows of the last message are filled again, which is cheaper.
    v1::ImportRequest& request = place < message.rows_size()
                                     ? *message.mutable_rows(place)
                                     : *message.add_rows();
    fill(row, request);
    request.set_row(++row);
    const bool last = row == rows;
    while (last && message.rows_size() > place + 1) {
      message.mutable_rows()->RemoveLast();
    }
    const bool full = place + 1 == kRowsPerMessage || last;
    if (full && !stream->Write(message)) break;
  }
  stream->WritesDone();
  reader.join();
  const auto status = stream->Finish();
  if (!status.ok() || rejected > 0) {
    std::fprintf(stderr, "import: %s, %lu rejected\n",
                 status.error_message().c_str(),
                 static_cast<unsigned long>(rejected.load()));
  }
  return static_cast<double>(rows) / Seconds(start);
}

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q *
                                    static_cast<double>(values.size() - 1))];
}

ClusterClient::ClusterClient(ClusterOptions options)
    : options_(std::move(options)),
      profile_(grpc::CreateChannel(options_.profile,
                                   grpc::InsecureChannelCredentials())),
      gateway_(grpc::CreateChannel(options_.gateway,
                                   grpc::InsecureChannelCredentials())) {
  if (options_.loaded) return;
  cli::MakeSampleNetwork(
      {.members = options_.members, .evidence = options_.members * 10},
      {.profile = [&](const auto& p) { profiles_.push_back(p); },
       .evidence = [&](const auto& e) { evidence_.push_back(e); },
       .consent = nullptr});
}

void ClusterClient::Metric(const std::string& name, double value) const {
  std::printf("METRIC %s%s %.4g\n", name.c_str(), options_.suffix.c_str(),
              value);
  std::fflush(stdout);
}

double ClusterClient::ImportProfiles() const {
  return Import(profile_, profiles_.size(), [this](uint64_t i, auto& request) {
    *request.mutable_profile() = profiles_[i];
  });
}

double ClusterClient::ImportEvidence() const {
  return Import(profile_, evidence_.size(), [this](uint64_t i, auto& request) {
    *request.mutable_evidence() = evidence_[i];
  });
}

void ClusterClient::WaitUntilVisible() const {
  auto stub = v1::Recommendations::NewStub(gateway_);
  const absl::Time start = absl::Now();
  v1::RecommendResponse response;
  while (
      !Recommend(*stub, profiles_.back().profile_id(), true, response).ok() &&
      Seconds(start) < 120) {
    absl::SleepFor(absl::Milliseconds(50));
  }
}

void ClusterClient::Load() const {
  ImportProfiles();
  ImportEvidence();
  WaitUntilVisible();
}

void ClusterClient::Authorise(grpc::ClientContext& context) const {
  context.AddMetadata("authorization", absl::StrCat("Bearer ", options_.key));
}

void ClusterClient::Prepare(grpc::ClientContext& context) const {
  Authorise(context);
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::seconds(30));
}

grpc::Status ClusterClient::Recommend(v1::Recommendations::Stub& stub,
                                      const std::string& id, bool fresh,
                                      v1::RecommendResponse& response) const {
  v1::RecommendRequest request;
  request.set_profile_id(id);
  request.add_kinds(v1::RECOMMENDATION_KIND_MENTOR);
  request.set_fresh(fresh);
  grpc::ClientContext context;
  Prepare(context);
  return stub.Recommend(&context, request, &response);
}

}  // namespace mitra::bench
