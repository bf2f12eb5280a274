#include "tests/bench/prepared_network.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "mitra/v1/change_feed_service.grpc.pb.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "services/cli/sample/network.h"

namespace mitra::bench {
namespace {

constexpr float kWeight = .6F;  // subject_weight that callers get by default
// Messages of one flush.
constexpr uint64_t kFlushed = 64;

// One import stream, written as records come.
class Importer {
 public:
  explicit Importer(const std::shared_ptr<grpc::Channel>& profile)
      : stub_(v1::Profiles::NewStub(profile)),
        stream_(stub_->Import(&context_)),
        reader_([this] {
          v1::ImportResponse response;
          while (stream_->Read(&response)) {
            for (const auto& row : response.results()) {
              rejected_ += row.verdict() == v1::ROW_VERDICT_REJECTED;
            }
          }
        }) {}

  void Write(const v1::Profile& profile) {
    *request_.mutable_profile() = profile;
    Send();
  }
  void Write(const v1::Evidence& evidence) {
    *request_.mutable_evidence() = evidence;
    Send();
  }
  absl::Status Finish() {
    stream_->WritesDone();
    reader_.join();
    const grpc::Status status = stream_->Finish();
    if (!status.ok()) return absl::UnknownError(status.error_message());
    if (rejected_ == 0) return absl::OkStatus();
    return absl::UnknownError(absl::StrCat(rejected_.load(), " rejected"));
  }

 private:
  void Send() {
    request_.set_row(++row_);
    grpc::WriteOptions options;
    if (row_ % kFlushed != 0) options.set_buffer_hint();
    stream_->Write(request_, options);
  }

  std::unique_ptr<v1::Profiles::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<
      grpc::ClientReaderWriter<v1::ImportRequest, v1::ImportResponse>>
      stream_;
  std::atomic<uint64_t> rejected_{0};
  v1::ImportRequest request_;
  uint64_t row_ = 0;
  std::thread reader_;
};

bool CanBePartner(v1::Role role) {
  return role == v1::ROLE_BUSINESS || role == v1::ROLE_ENTERPRISE ||
         role == v1::ROLE_SUPPLIER;
}

// Collects vectors from pages of the feed.
class Collector {
 public:
  void Take(const v1::ReadSnapshotResponse& page) {
    dimension_ = page.header().dimension();
    for (const v1::Change& change : page.changes()) {
      const v1::ProfileChange& member = change.profile();
      for (const v1::FacetVectors& facet : member.vectors()) {
        if (!CanBePartner(facet.role())) continue;
        Append(facet.offer(), 1, rows_);
        Append(facet.need(), 1, rows_);
      }
      if (member.profile().kind() != v1::MEMBER_KIND_BUSINESS ||
          member.vectors_size() != 1 ||
          member.vectors(0).role() != v1::ROLE_BUSINESS) {
        continue;
      }
      ids_.push_back(member.profile().profile_id());
      Append(member.vectors(0).need(), kWeight, queries_);
      Append(member.vectors(0).offer(), 1 - kWeight, queries_);
    }
  }

  size_t width() const { return 2 * dimension_; }
  const std::vector<float>& rows() const { return rows_; }
  Askers Choose(size_t count) const {
    std::vector<size_t> order(ids_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    Random random(9);
    std::shuffle(order.begin(), order.end(), random);
    order.resize(std::min(count, order.size()));
    Askers askers;
    for (const size_t i : order) {
      askers.ids.push_back(ids_[i]);
      const auto* at = queries_.data() + i * width();
      askers.queries.insert(askers.queries.end(), at, at + width());
    }
    return askers;
  }

 private:
  // A missing side is zero.
  void Append(const std::string& bytes, float factor, std::vector<float>& out) {
    const size_t at = out.size();
    out.resize(at + dimension_);
    if (bytes.size() != dimension_ * sizeof(float)) return;
    std::memcpy(out.data() + at, bytes.data(), bytes.size());
    for (size_t i = at; i < out.size(); ++i) out[i] *= factor;
  }

  size_t dimension_ = 0;
  std::vector<float> rows_;
  std::vector<std::string> ids_;
  std::vector<float> queries_;
};

absl::StatusOr<Collector> ReadVectors(
    const std::shared_ptr<grpc::Channel>& profile) {
  auto stub = v1::ChangeFeed::NewStub(profile);
  v1::ReadSnapshotRequest request;
  request.mutable_selector()->set_profiles(true);
  request.mutable_selector()->set_vectors(true);
  Collector collector;
  do {
    grpc::ClientContext context;
    v1::ReadSnapshotResponse page;
    const grpc::Status status = stub->ReadSnapshot(&context, request, &page);
    if (!status.ok()) return absl::UnknownError(status.error_message());
    collector.Take(page);
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return collector;
}

std::string IdsPath(const std::string& dir) { return dir + "/askers.txt"; }
std::string QueriesPath(const std::string& dir) { return dir + "/askers.f32"; }

void WriteAskers(const std::string& dir, const Askers& askers) {
  std::ofstream ids(IdsPath(dir));
  for (const std::string& id : askers.ids) ids << id << '\n';
  std::ofstream queries(QueriesPath(dir), std::ios::binary);
  queries.write(
      reinterpret_cast<const char*>(askers.queries.data()),
      static_cast<std::streamsize>(askers.queries.size() * sizeof(float)));
}

}  // namespace

absl::Status ImportNetwork(const std::shared_ptr<grpc::Channel>& profile,
                           uint64_t members) {
  Importer importer(profile);
  cli::MakeSampleNetwork(
      {.members = members, .evidence = members * 10},
      {.profile = [&](const auto& member) { importer.Write(member); },
       .evidence = [&](const auto& evidence) { importer.Write(evidence); },
       .consent = [](const auto&) {}});
  return importer.Finish();
}

absl::StatusOr<Askers> ReadAskers(const std::string& dir) {
  Askers askers;
  std::ifstream ids(IdsPath(dir));
  for (std::string id; std::getline(ids, id);) askers.ids.push_back(id);
  std::ifstream queries(QueriesPath(dir), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(queries)), {});
  askers.queries.resize(bytes.size() / sizeof(float));
  std::memcpy(askers.queries.data(), bytes.data(),
              askers.queries.size() * sizeof(float));
  if (askers.ids.empty() || askers.queries.size() % askers.ids.size() != 0) {
    return absl::NotFoundError(absl::StrCat(dir, ": nothing prepared"));
  }
  return askers;
}

absl::StatusOr<std::unique_ptr<StockFaiss>> PrepareStock(
    const std::shared_ptr<grpc::Channel>& profile, size_t askers, int threads,
    const std::string& dir) {
  const std::string path = dir + "/stock.faiss";
  auto stock = StockFaiss::Read(path);
  if (stock != nullptr && ReadAskers(dir).ok()) return stock;
  const absl::StatusOr<Collector> vectors = ReadVectors(profile);
  if (!vectors.ok()) return vectors.status();
  WriteAskers(dir, vectors->Choose(askers));
  return StockFaiss::Build(vectors->rows(), vectors->width(), threads, path);
}

}  // namespace mitra::bench
