// bench: how fast the cluster answers this client.

#include <algorithm>
#include <atomic>
#include <iostream>
#include <map>
#include <memory>
#include <thread>

#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "mitra/v1/recommendations_service.grpc.pb.h"
#include "services/cli/commands/commands.h"
#include "services/cli/input/row_parser.h"
#include "services/cli/output/progress.h"

namespace mitra::cli {
namespace {

struct Options {
  std::string kind = "mentor";
  int in_flight = 16, members = 500, count = 10;
  double seconds = 10;
  bool fresh = false;
};

// What all threads saw together.
struct Tally {
  absl::Mutex mutex;
  std::vector<double> milliseconds ABSL_GUARDED_BY(mutex);
  std::map<int, int> errors ABSL_GUARDED_BY(mutex);  // by gRPC code
};

// Businesses for whom something can be recommended; empty after an error.
std::vector<std::string> SomeMembers(const Connection& connection, int count,
                                     int& code) {
  auto stub = v1::Profiles::NewStub(connection.channel());
  std::vector<std::string> ids;
  v1::ListProfilesRequest request;
  request.set_page_size(1000);
  while (static_cast<int>(ids.size()) < count) {
    v1::ListProfilesResponse page;
    const grpc::Status status = Call(
        connection, *stub, &v1::Profiles::Stub::ListProfiles, request, page);
    if (!status.ok()) {
      code = Report(status);
      return {};
    }
    for (const v1::Profile& profile : page.profiles()) {
      if (profile.facets_size() > 0 &&
          profile.facets(0).role() == v1::ROLE_BUSINESS && !profile.hidden()) {
        ids.push_back(profile.profile_id());
      }
    }
    if (page.next_page_token().empty()) break;
    request.set_page_token(page.next_page_token());
  }
  ids.resize(std::min<size_t>(ids.size(), static_cast<size_t>(count)));
  return ids;
}

// Asks for one member after the other until `end`.
void Ask(const Connection& connection, v1::RecommendRequest request,
         const std::vector<std::string>& ids, std::atomic<uint64_t>& next,
         absl::Time end, Tally& tally) {
  auto stub = v1::Recommendations::NewStub(connection.channel());
  std::vector<double> times;
  while (absl::Now() < end) {
    request.set_profile_id(ids[next.fetch_add(1) % ids.size()]);
    v1::RecommendResponse response;
    const absl::Time start = absl::Now();
    const grpc::Status status =
        Call(connection, *stub, &v1::Recommendations::Stub::Recommend, request,
             response);
    if (status.ok()) {
      times.push_back(absl::ToDoubleMilliseconds(absl::Now() - start));
    } else {
      absl::MutexLock lock(&tally.mutex);
      ++tally.errors[status.error_code()];
    }
  }
  absl::MutexLock lock(&tally.mutex);
  tally.milliseconds.insert(tally.milliseconds.end(), times.begin(),
                            times.end());
}

int PrintTally(const Globals& globals, Tally& tally, double seconds) {
  absl::MutexLock lock(&tally.mutex);
  std::vector<double>& ms = tally.milliseconds;
  std::sort(ms.begin(), ms.end());
  const auto at = [&](double share) {
    return ms.empty() ? 0.0
                      : ms[static_cast<size_t>(
                            share * static_cast<double>(ms.size() - 1))];
  };
  int failed = 0;
  for (const auto& [code, count] : tally.errors) failed += count;
  const double rate = static_cast<double>(ms.size()) / seconds;
  if (globals.json()) {
    std::cout << absl::StrFormat(
        "{\"calls\": %d, \"failed\": %d, \"perSecond\": %.1f, \"p50Ms\": "
        "%.3f, \"p90Ms\": %.3f, \"p99Ms\": %.3f}\n",
        ms.size(), failed, rate, at(.5), at(.9), at(.99));
  } else {
    std::cout << absl::StrFormat(
        "%d calls, %.0f/s; p50 %.2f ms, p90 %.2f ms, p99 %.2f ms\n", ms.size(),
        rate, at(.5), at(.9), at(.99));
  }
  for (const auto& [code, count] : tally.errors) {
    std::cerr << "mitra: " << count << " failed with "
              << absl::StatusCodeToString(static_cast<absl::StatusCode>(code))
              << "\n";
  }
  return failed == 0 && !ms.empty() ? kOk : kFailed;
}

int Bench(const Globals& globals, const Options& o) {
  const auto kind = ParseEnumWord(*v1::RecommendationKind_descriptor(),
                                  "RECOMMENDATION_KIND_", o.kind, "--kind");
  if (!kind.ok()) {
    std::cerr << "mitra: " << kind.status().message() << "\n";
    return kUsage;
  }
  const Connection connection(globals);
  int code = kFailed;
  const std::vector<std::string> ids = SomeMembers(connection, o.members, code);
  if (ids.empty()) {
    std::cerr << "mitra: no member to ask for\n";
    return code;
  }
  v1::RecommendRequest request;
  request.add_kinds(static_cast<v1::RecommendationKind>(*kind));
  request.set_page_size(o.count);
  request.set_fresh(o.fresh);
  Tally tally;
  std::atomic<uint64_t> next{0};
  const absl::Time start = absl::Now();
  const absl::Time end = start + absl::Seconds(o.seconds);
  std::vector<std::thread> threads;
  for (int i = 0; i < o.in_flight; ++i) {
    threads.emplace_back(
        [&] { Ask(connection, request, ids, next, end, tally); });
  }
  {
    Progress progress("bench", "calls", 0);
    while (absl::Now() < end) {
      absl::SleepFor(std::min(end - absl::Now(), absl::Milliseconds(200)));
      progress.Update(next.load());
    }
  }
  for (std::thread& thread : threads) thread.join();
  return PrintTally(globals, tally, absl::ToDoubleSeconds(absl::Now() - start));
}

}  // namespace

void AddBenchCommand(CLI::App& app, const Globals& globals, Action& action) {
  auto o = std::make_shared<Options>();
  auto* bench = app.add_subcommand(
      "bench",
      "Ask for recommendations as fast as the cluster answers.\n"
      "  mitra bench --in-flight 32 --seconds 10\n"
      "  mitra bench --fresh -o json");
  bench->add_option("--kind", o->kind, "What is asked for");
  bench->add_option("--in-flight", o->in_flight, "Calls open at once")
      ->check(CLI::Range(1, 512));
  bench->add_option("--seconds", o->seconds, "For how long")
      ->check(CLI::Range(.1, 3600.0));
  bench->add_option("--members", o->members, "For how many members in turn")
      ->check(CLI::Range(1, 100'000));
  bench
      ->add_option("-n,--count,--limit", o->count,
                   "Recommendations in each answer")
      ->check(CLI::Range(1, 100));
  bench->add_flag("--fresh", o->fresh, "Compute every slate anew");
  bench->callback(
      [&, o] { action = [&globals, o] { return Bench(globals, *o); }; });
}

}  // namespace mitra::cli
