#include "tests/support/cluster.h"

#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/rpc/channel.h"
#include "common/rpc/task.h"
#include "common/security/api_key.h"
#include "common/status/status_macros.h"
#include "grpc/health/v1/health.pb.h"
#include "tests/support/eventually.h"

namespace mitra::testing {
namespace {

// What the console draws with, where node-d3 is installed.
constexpr char kD3[] = "/usr/share/nodejs/d3/dist/d3.min.js";

std::string BinaryDir() {
  if (const char* dir = std::getenv("MITRA_BIN_DIR")) return dir;
  char path[4096] = {};
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
  std::string self(path, n > 0 ? static_cast<size_t>(n) : 0);
  self.resize(self.rfind('/'));
  return absl::StrCat(self, "/../bin");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Cluster>> Cluster::Start(
    std::map<std::string, std::vector<std::string>> flags) {
  std::unique_ptr<Cluster> cluster(new Cluster);
  cluster->flags_ = std::move(flags);
  MITRA_ASSIGN_OR_RETURN(cluster->redis_, RedisServer::Start());
  MITRA_RETURN_IF_ERROR(cluster->WriteKey());
  for (const char* service : {"profile", "search", "matching", "gateway"}) {
    MITRA_RETURN_IF_ERROR(cluster->Restart(service));
  }
  return cluster;
}

absl::StatusOr<std::unique_ptr<Cluster>> Cluster::StartWithTls(
    Certificates certificates,
    std::map<std::string, std::vector<std::string>> flags) {
  std::unique_ptr<Cluster> cluster(new Cluster);
  cluster->certificates_ = std::move(certificates);
  const TlsFiles& links = cluster->certificates_.links;
  for (const char* service : {"profile", "search", "matching", "gateway"}) {
    for (const auto& [key, file] :
         {std::pair("cert", links.cert_file), std::pair("key", links.key_file),
          std::pair("ca", links.ca_file)}) {
      flags[service].push_back(absl::StrCat("--links.", key, "_file=", file));
    }
  }
  cluster->flags_ = std::move(flags);
  MITRA_ASSIGN_OR_RETURN(cluster->redis_, RedisServer::Start());
  MITRA_RETURN_IF_ERROR(cluster->WriteKey());
  for (const char* service : {"profile", "search", "matching", "gateway"}) {
    MITRA_RETURN_IF_ERROR(cluster->Restart(service));
  }
  return cluster;
}

absl::StatusOr<std::unique_ptr<Cluster>> Cluster::StartProfileOnly(
    std::map<std::string, std::vector<std::string>> flags) {
  std::unique_ptr<Cluster> cluster(new Cluster);
  cluster->flags_ = std::move(flags);
  MITRA_RETURN_IF_ERROR(cluster->Restart("profile"));
  return cluster;
}

std::string Cluster::Program(const std::string& name) {
  return absl::StrCat(BinaryDir(), "/", name);
}

Cluster::~Cluster() {
  for (const auto& [service, process] : processes_) process->Kill();
}

absl::Status Cluster::WriteKey() {
  MITRA_ASSIGN_OR_RETURN(const NewKey key,
                         MakeApiKey("test", {"*"}, "", absl::InfiniteFuture()));
  key_ = key.text;
  return AppendKeyRecord(dir_.File("keys.jsonl"), key.record);
}

std::string Cluster::AddressOf(const std::string& service,
                               const std::string& kind) const {
  const auto json = nlohmann::json::parse(
      ReadFileOrEmpty(dir_.File(service + ".json")), nullptr, false);
  if (!json.is_object()) return "";
  const auto& address = json[kind];
  return address.is_array() ? address[0].get<std::string>()
                            : address.get<std::string>();
}

std::string Cluster::target(const std::string& service) const {
  if (service != "gateway" && service != "gateway2" &&
      !certificates_.links.enabled()) {
    return absl::StrCat("unix:", dir_.File(service + ".sock"));
  }
  return AddressOf(service, "grpc");
}

std::string Cluster::http_address(const std::string& gateway) const {
  return AddressOf(gateway, "http");
}

std::string Cluster::admin_address(const std::string& service) const {
  return AddressOf(service, "admin");
}

std::vector<std::string> Cluster::ArgumentsOf(
    const std::string& service) const {
  const std::string program =
      service.substr(0, service.find_first_of("0123456789"));
  std::vector<std::string> argv = {
      Program("mitra-" + program),
      absl::StrCat("--address_file=", dir_.File(service + ".json")),
      "--admin.listen=127.0.0.1:0"};
  const auto add = [&](absl::string_view key, const std::string& value) {
    argv.push_back(absl::StrCat("--", key, "=", value));
  };
  if (const auto it = flags_.find(service); it != flags_.end()) {
    argv.insert(argv.end(), it->second.begin(), it->second.end());
  }
  if (program == "gateway") {
    for (const char* backend : {"profile", "search", "matching"}) {
      add(absl::StrCat("backends.", backend), target(backend));
    }
    add("auth.keys_file", dir_.File("keys.jsonl"));
    add("redis.target", redis_->target());
    const char* source = std::getenv("MITRA_SOURCE_DIR");
    if (source != nullptr && access(kD3, R_OK) == 0) {
      add("console.dir", absl::StrCat(source, "/services/gateway/console"));
    }
    return argv;
  }
  add("data_dir", dir_.File(service));
  add("server.listen",
      certificates_.links.enabled() ? "127.0.0.1:0" : target(service));
  if (program != "profile") add("feed.target", target("profile"));
  if (program == "matching") {
    add("search.target", target("search"));
    add("redis.target", redis_->target());
  }
  return argv;
}

absl::Status Cluster::Launch(const std::string& service) {
  mkdir(dir_.File(service).c_str(), 0700);
  unlink(dir_.File(service + ".json").c_str());
  Process::Options options;
  options.argv = ArgumentsOf(service);
  options.output_path = dir_.File(service + ".log");
  MITRA_ASSIGN_OR_RETURN(processes_[service],
                         Process::Start(std::move(options)));
  return absl::OkStatus();
}

void Cluster::Pause(const std::string& service) {
  processes_[service]->Signal(SIGSTOP).IgnoreError();
}
void Cluster::Resume(const std::string& service) {
  processes_[service]->Signal(SIGCONT).IgnoreError();
}
void Cluster::Kill(const std::string& service) { processes_[service]->Kill(); }

absl::Status Cluster::Restart(const std::string& service) {
  MITRA_RETURN_IF_ERROR(Launch(service));
  const bool serving = Eventually(
      [&] {
        return !ReadFileOrEmpty(dir_.File(service + ".json")).empty() &&
               IsServing(service);
      },
      absl::Seconds(60));
  if (serving) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(service, " is not serving: ", log(service)));
}

bool Cluster::IsServing(const std::string& service) const {
  const bool public_one = service.rfind("gateway", 0) == 0;
  auto channel = rpc::Channel::Create(
      target(service),
      {.tls = public_one ? certificates_.client : certificates_.links});
  rpc::CallContext call;
  call.deadline = absl::Now() + absl::Seconds(2);
  const grpc::health::v1::HealthCheckRequest request;
  const auto response =
      rpc::SyncWait(channel->Call<grpc::health::v1::HealthCheckResponse>(
          call, "/grpc.health.v1.Health/Check", request));
  return response.ok() &&
         response->status() == grpc::health::v1::HealthCheckResponse::SERVING;
}

std::string Cluster::whole_log(const std::string& service) const {
  return ReadFileOrEmpty(dir_.File(service + ".log"));
}

std::string Cluster::log(const std::string& service) const {
  const std::string text = whole_log(service);
  return text.size() > 2000 ? text.substr(text.size() - 2000) : text;
}

}  // namespace mitra::testing
